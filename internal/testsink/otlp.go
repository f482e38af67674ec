package testsink

import (
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"

	logscol "go.opentelemetry.io/proto/slim/otlp/collector/logs/v1"
	tracecol "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	logs "go.opentelemetry.io/proto/slim/otlp/logs/v1"
	trace "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// OTLP is a receiver of OpenTelemetry's protocol over HTTP.
type OTLP struct {
	// Answer, if it is set, may answer in place of the receiver, and then says true. Set before Up.
	Answer func(w http.ResponseWriter, r *http.Request, records []*logs.LogRecord) bool

	t      testing.TB
	addr   string
	server *http.Server
	done   chan struct{}

	Seqs  Seqs // of log records
	mu    sync.Mutex
	spans map[string]*trace.Span // by id
}

// NewOTLP starts one, that is stopped when the test ends.
func NewOTLP(t testing.TB, answer func(http.ResponseWriter, *http.Request, []*logs.LogRecord) bool) *OTLP {
	t.Helper()
	o := &OTLP{Answer: answer, t: t, addr: "127.0.0.1:0", spans: map[string]*trace.Span{}}
	o.Up()
	t.Cleanup(o.Down)
	return o
}

// URL is what a sink is told.
func (o *OTLP) URL() string { return "http://" + o.addr }

// Up starts it again where it was.
func (o *OTLP) Up() {
	o.t.Helper()
	l, err := net.Listen("tcp", o.addr)
	if err != nil {
		o.t.Fatal(err)
	}
	o.addr = l.Addr().String()
	o.server, o.done = &http.Server{Handler: http.HandlerFunc(o.serve)}, make(chan struct{})
	go func(s *http.Server, done chan struct{}) {
		defer close(done)
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			o.t.Error(err)
		}
	}(o.server, o.done)
}

// Down ends it at once, requests under way too.
func (o *OTLP) Down() {
	_ = o.server.Close() // whatever it was doing
	<-o.done
}

// Spans are all that came, by name.
func (o *OTLP) Spans() map[string][]*trace.Span {
	o.mu.Lock()
	defer o.mu.Unlock()
	byName := map[string][]*trace.Span{}
	for _, s := range o.spans {
		byName[s.GetName()] = append(byName[s.GetName()], s)
	}
	return byName
}

func (o *OTLP) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the sender has gone
	}
	var in logscol.ExportLogsServiceRequest
	var spans tracecol.ExportTraceServiceRequest
	switch r.URL.Path {
	case "/v1/logs":
		err = proto.Unmarshal(body, &in)
	case "/v1/traces":
		err = proto.Unmarshal(body, &spans)
	default:
		err = errors.New("path " + r.URL.Path)
	}
	if err == nil && r.Header.Get("Content-Type") != "application/x-protobuf" {
		err = errors.New("content type " + r.Header.Get("Content-Type"))
	}
	if err != nil {
		o.t.Error(err)
		http.Error(w, "bad", http.StatusBadRequest)
		return
	}
	var records []*logs.LogRecord
	for _, rl := range in.ResourceLogs {
		for _, sl := range rl.ScopeLogs {
			records = append(records, sl.LogRecords...)
		}
	}
	if o.Answer != nil && o.Answer(w, r, records) {
		return
	}
	for _, rec := range records {
		o.Seqs.Add(Seq(rec))
	}
	o.mu.Lock()
	for _, rs := range spans.ResourceSpans {
		for _, ss := range rs.ScopeSpans {
			for _, s := range ss.Spans {
				o.spans[string(s.SpanId)] = s
			}
		}
	}
	o.mu.Unlock()
	w.Header().Set("Content-Type", "application/x-protobuf")
}

// Seq is the number of the entry that a record is of; -1 if it has none.
func Seq(r *logs.LogRecord) int64 {
	for _, a := range r.Attributes {
		if a.Key == "gatehouse.seq" {
			return a.Value.GetIntValue()
		}
	}
	return -1
}
