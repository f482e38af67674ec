package export

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"gatehouse/internal/config"
	"gatehouse/recorder/audit"
)

// Conn is a connection to a receiver. Flush waits until what was written has left this process and the one that lends it.
type Conn interface {
	net.Conn
	Flush(ctx context.Context) error
}

// Config is what an Exporter needs. Dir, State, Size and Dial are required.
type Config struct {
	Dir   string        // of the audit log
	State string        // of the cursors; made if it is missing
	Sinks []config.Sink // validated
	Size  func() int64  // how many entries the log has acknowledged; called concurrently

	// Dial connects to a receiver. What flows over it may be seen by who lends it; TLS is ours.
	Dial func(ctx context.Context, host string, port uint16) (Conn, error)
	// Audit appends an entry about an export to the log; nil: nothing is noted.
	Audit func(ctx context.Context, e audit.Entry) error

	FirstWait, MaxWait time.Duration // after failures; 0: the constants
	Now                func() time.Time
	Log                hclog.Logger
}

// Exporter carries the log to all sinks.
type Exporter struct {
	cfg     Config
	workers []*worker
	hosts   map[string]bool // host:port of receivers

	mu      sync.Mutex
	running bool // guarded by mu
}

// New prepares the sinks; nothing is opened yet.
func New(cfg Config) (*Exporter, error) {
	switch {
	case cfg.Dir == "" || cfg.State == "":
		return nil, errors.New("export: Dir or State is empty")
	case cfg.Size == nil || cfg.Dial == nil:
		return nil, errors.New("export: Size or Dial is nil")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = hclog.NewNullLogger()
	}
	if cfg.FirstWait == 0 {
		cfg.FirstWait = firstWait
	}
	if cfg.MaxWait == 0 {
		cfg.MaxWait = maxWait
	}
	if err := os.MkdirAll(cfg.State, 0o700); err != nil {
		return nil, fmt.Errorf("make folder of cursors: %w", err)
	}
	e := &Exporter{cfg: cfg, hosts: map[string]bool{}}
	for _, s := range cfg.Sinks {
		made, how, receiver, err := build(cfg, s)
		if err != nil {
			return nil, fmt.Errorf("export to %s: %w", s.Name, err)
		}
		if receiver != "" {
			e.hosts[receiver] = true
		}
		e.workers = append(e.workers, &worker{cfg: cfg, name: s.Name, types: s.Types, from: s.From, path: cursorPath(cfg.State, s.Name), sink: made, manner: how,
			log: cfg.Log.With("sink", s.Name), wake: make(chan struct{}, 1), saved: -1, stat: Stat{Sink: s.Name, Up: true}})
	}
	return e, nil
}

// Run carries until ctx ends, and returns when every sink has written its cursor.
func (e *Exporter) Run(ctx context.Context) {
	e.setRunning(true)
	defer e.setRunning(false)
	var work sync.WaitGroup
	for _, w := range e.workers {
		work.Go(func() { w.run(ctx) })
	}
	work.Wait()
}

func (e *Exporter) setRunning(yes bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.running = yes
}

// Wake says that there may be new entries. It never waits.
func (e *Exporter) Wake() {
	for _, w := range e.workers {
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

// Reaches says whether a sink's receiver is at this address.
func (e *Exporter) Reaches(host string, port uint16) bool {
	return e.hosts[net.JoinHostPort(host, fmt.Sprint(port))]
}

// CanMove says why Move would refuse.
func (e *Exporter) CanMove(sink string, seq int64) error {
	_, err := e.movable(sink, seq)
	return err
}

func (e *Exporter) movable(sink string, seq int64) (*worker, error) {
	i := slices.IndexFunc(e.workers, func(w *worker) bool { return w.name == sink })
	if i < 0 {
		return nil, fmt.Errorf("there is no sink %q; there are %s", sink, strings.Join(e.names(), ", "))
	}
	if size := e.cfg.Size(); seq < 0 || seq > size {
		return nil, fmt.Errorf("the log has entries 0 to %d, not %d", size-1, seq)
	}
	return e.workers[i], nil
}

// Move makes a sink go on from another entry: at once where Run runs, otherwise when it will.
func (e *Exporter) Move(sink string, seq int64) error {
	w, err := e.movable(sink, seq)
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.running {
		return saveCursor(w.path, position{Next: seq})
	}
	w.mu.Lock()
	w.jump = &seq
	w.mu.Unlock()
	e.Wake()
	return nil
}

func (e *Exporter) names() []string {
	names := make([]string, len(e.workers))
	for i, w := range e.workers {
		names[i] = w.name
	}
	return names
}

// Stats says where each sink stands.
func (e *Exporter) Stats() []Stat {
	size := e.cfg.Size()
	stats := make([]Stat, len(e.workers))
	for i, w := range e.workers {
		stats[i] = w.statistics(size)
	}
	return stats
}

// wants says whether a type is one of a list; "rec.*" stands for all that begin so.
func wants(types []string, t audit.Type) bool {
	return slices.ContainsFunc(types, func(want string) bool {
		prefix, all := strings.CutSuffix(want, "*")
		return want == string(t) || all && strings.HasPrefix(string(t), prefix)
	})
}

// lossEntry is the log's own word about what a sink will never have.
func lossEntry(sink string, first, last, n int64, why string) audit.Entry {
	data, err := json.Marshal(map[string]int64{"first": first, "last": last, "entries": n})
	if err != nil {
		data = nil // three numbers
	}
	return audit.Entry{Type: audit.Export, Object: sink, Outcome: "lost", Reason: why, Data: data}
}
