package bastion

import (
	"github.com/hashicorp/go-hclog"
	"github.com/prometheus/client_golang/prometheus"

	"sync"
	"time"
)

// limit is a bound that a client has met, as the numbers and the log call it: its name in `ssh.limits`, where it has one.
type limit string

const (
	limitConnections    limit = "connections"
	limitStarting       limit = "starting"
	limitPerSource      limit = "starting_per_source"
	limitPenalty        limit = "penalty_score"
	limitAuthentication limit = "authentication"
	limitIdle           limit = "idle"
	limitKeepalive      limit = "keepalive_missed"
	limitStalled        limit = "stalled"
	limitUnclosed       limit = "unclosed"
	limitChannels       limit = "channels"
	limitRefusals       limit = "refusals"
	limitRequests       limit = "requests_per_second"
	limitPerChannel     limit = "requests_per_channel"
	limitExchanges      limit = "key_exchanges"
	limitUnread         limit = "unread_bytes"
	limitCommand        limit = "command_bytes"
	limitEnv            limit = "env"
	limitWaiting        limit = "waiting"

	limitWaitingPerConnection limit = "waiting_per_connection"
)

// numbers are what Prometheus learns of the door. No label holds what a client sent.
type numbers struct {
	registry  *prometheus.Registry
	hits      *prometheus.CounterVec
	penalties *prometheus.CounterVec
	panics    prometheus.Counter
}

func newNumbers(l *limiter) *numbers {
	n := &numbers{
		registry:  prometheus.NewRegistry(),
		hits:      prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gatehouse_ssh_limit_total", Help: "How often clients have met a limit, by its name in ssh.limits."}, []string{"limit"}),
		penalties: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "gatehouse_ssh_offences_total", Help: "Connections that wasted the door's time, by how."}, []string{"why"}),
		panics:    prometheus.NewCounter(prometheus.CounterOpts{Name: "gatehouse_ssh_panics_total", Help: "Connections that were ended by a fault in the door's own code."}),
	}
	connections := func(state string, get func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "gatehouse_ssh_connections", Help: "Connections of clients now.", ConstLabels: prometheus.Labels{"state": state}}, get)
	}
	n.registry.MustRegister(n.hits, n.penalties, n.panics,
		connections("authenticated", func() float64 { live, _ := l.counts(); return float64(live) }),
		connections("starting", func() float64 { _, starting := l.counts(); return float64(starting) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "gatehouse_ssh_punished_sources", Help: "Sources that have points for wasted time."}, func() float64 { return float64(l.penalties.punished()) }))
	for _, o := range offences {
		n.penalties.WithLabelValues(o.why)
	}
	return n
}

// Numbers are the door's own, for Prometheus.
func (s *Server) Numbers() prometheus.Gatherer { return s.numbers.registry }

// met counts a limit that a client has met, and says so in the log, not more than once in quietTime for each limit.
func (s *Server) met(log hclog.Logger, which limit, more ...any) {
	s.numbers.hits.WithLabelValues(string(which)).Inc()
	if left, first := s.quiet.first(string(which), s.cfg.Now()); first {
		log.Warn("a client met a limit", append([]any{"limit", string(which), "suppressed", left}, more...)...)
	}
}

// quietTime is how long the log does not repeat itself.
const quietTime = 10 * time.Second

// quiet keeps lines that a client can cause at will from filling the log. Its keys are the program's own words.
type quiet struct {
	mu    sync.Mutex
	lines map[string]*quieted
}

type quieted struct {
	since time.Time
	left  int
}

// first reports whether a line is to be written now, and how many like it were not since the last one.
func (q *quiet) first(key string, now time.Time) (suppressed int, write bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	line, known := q.lines[key]
	if known && now.Sub(line.since) < quietTime {
		line.left++
		return 0, false
	}
	if q.lines == nil {
		q.lines = map[string]*quieted{}
	}
	if known {
		suppressed = line.left
	}
	q.lines[key] = &quieted{since: now}
	return suppressed, true
}
