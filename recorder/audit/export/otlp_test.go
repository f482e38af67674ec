package export

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	logscol "go.opentelemetry.io/proto/slim/otlp/collector/logs/v1"
	logs "go.opentelemetry.io/proto/slim/otlp/logs/v1"
	"google.golang.org/protobuf/proto"

	"gatehouse/internal/config"
	"gatehouse/internal/testsink"
	"gatehouse/recorder/audit"
	"gatehouse/recorder/audit/export/otlp"
)

func otlpConfig(url string) config.Sink {
	return config.Sink{Name: "otel", OTLP: &config.OTLPSink{URL: url, Signals: []string{"logs", "traces"}}}
}

func (b *bench) hasAll(o *testsink.OTLP) {
	b.t.Helper()
	b.until("all arrive", func() bool { return int64(o.Seqs.Len()) >= b.log.Size() })
	b.t.Logf("%d of %d came more than once", b.complete(&o.Seqs), b.log.Size())
}

// TestOTLPReceiverDies: what was under way is sent again, and only that.
func TestOTLPReceiverDies(t *testing.T) {
	b := newBench(t)
	o := testsink.NewOTLP(t, nil)
	b.start(otlpConfig(o.URL()))
	for i := range 5 {
		have := o.Seqs.Len()
		b.add(5000)
		b.until("some arrive", func() bool { return o.Seqs.Len() > have })
		o.Down()
		b.add(100)
		if i == 3 {
			b.halt()
			b.start(otlpConfig(o.URL()))
		}
		o.Up()
	}
	b.hasAll(o)
	if s := b.e.Stats()[0]; s.Lost != 0 {
		t.Errorf("%+v", s)
	}
}

// TestRefusedEntry: one entry that the receiver will never take is counted, noted and passed; all others arrive.
func TestRefusedEntry(t *testing.T) {
	b := newBench(t)
	noted := make(chan audit.Entry, 10)
	b.note = func(e audit.Entry) { noted <- e }
	o := testsink.NewOTLP(t, func(w http.ResponseWriter, _ *http.Request, records []*logs.LogRecord) bool {
		for _, r := range records {
			if testsink.Seq(r) == 777 {
				http.Error(w, "I do not like it", http.StatusBadRequest)
				return true
			}
		}
		return false
	})
	b.start(otlpConfig(o.URL()))
	b.add(2000)
	b.until("all but one arrive", func() bool { return int64(o.Seqs.Len()) == b.log.Size()-1 })
	o.Seqs.Add(777)
	if twice := b.complete(&o.Seqs); twice > 0 {
		t.Errorf("%d came twice", twice)
	}
	var e audit.Entry
	select {
	case e = <-noted:
	case <-time.After(10 * time.Second):
		t.Fatal("the loss was not noted")
	}
	if s := b.e.Stats()[0]; s.Lost != 1 || len(noted) != 0 || e.Type != audit.Export || e.Object != "otel" || e.Outcome != "lost" || string(e.Data) != `{"entries":1,"first":777,"last":777}` || !strings.Contains(e.Reason, "400") {
		t.Errorf("%+v, %+v", s, e)
	}
}

// TestRefusesEverything: a receiver that refuses everything gets it slowly, so that little is lost until somebody sees it. The entries
// about lost entries are not themselves noted: it ends.
func TestRefusesEverything(t *testing.T) {
	b := newBench(t)
	var notes atomic.Int64
	b.note = func(audit.Entry) { notes.Add(1) }
	o := testsink.NewOTLP(t, func(w http.ResponseWriter, _ *http.Request, _ []*logs.LogRecord) bool {
		http.Error(w, "no", http.StatusBadRequest)
		return true
	})
	b.add(50)
	b.start(otlpConfig(o.URL()))
	begin := time.Now()
	b.until("all are given up", func() bool { s := b.e.Stats()[0]; return s.Behind == 0 })
	b.halt()
	if n := notes.Load(); n != 51 { // log.start too
		t.Errorf("%d notes", n)
	}
	if size := b.log.Size(); size != 51+51 {
		t.Errorf("the log has %d entries", size)
	}
	if took := time.Since(begin); took < 80*20*time.Millisecond {
		t.Errorf("lost in %s", took)
	}
}

// TestPartialSuccess: what the receiver says that it dropped is a loss.
func TestPartialSuccess(t *testing.T) {
	b := newBench(t)
	var once atomic.Bool
	noted := make(chan audit.Entry, 10)
	b.note = func(e audit.Entry) { noted <- e }
	o := testsink.NewOTLP(t, func(w http.ResponseWriter, r *http.Request, records []*logs.LogRecord) bool {
		if len(records) < 3 || !once.CompareAndSwap(false, true) {
			return false
		}
		body, err := proto.Marshal(&logscol.ExportLogsServiceResponse{PartialSuccess: &logscol.ExportLogsPartialSuccess{RejectedLogRecords: 3, ErrorMessage: "too\x1b[2Jold"}})
		if err != nil {
			t.Error(err)
		}
		_, _ = w.Write(body)
		return true
	})
	b.add(100)
	b.start(otlpConfig(o.URL()))
	b.caughtUp()
	if e := <-noted; !strings.Contains(string(e.Data), `"entries":3`) || !strings.Contains(e.Reason, "old") || b.e.Stats()[0].Lost != 3 {
		t.Errorf("%+v", e)
	}
}

// TestHostileAnswers: whatever a receiver answers, nothing is lost, nobody else is asked, and the answer is bounded.
func TestHostileAnswers(t *testing.T) {
	b := newBench(t)
	elsewhere := testsink.NewOTLP(t, func(http.ResponseWriter, *http.Request, []*logs.LogRecord) bool {
		t.Error("a redirect was followed")
		return false
	})
	var n atomic.Int64
	o := testsink.NewOTLP(t, func(w http.ResponseWriter, r *http.Request, _ []*logs.LogRecord) bool {
		switch n.Add(1) {
		case 1:
			http.Redirect(w, r, elsewhere.URL()+"/v1/logs", http.StatusTemporaryRedirect)
		case 2:
			w.Header().Set("Retry-After", "1000000")
			w.WriteHeader(http.StatusServiceUnavailable)
		case 3:
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write(bytes.Repeat([]byte("x"), 10<<20))
		case 4:
			w.WriteHeader(http.StatusNotFound)
		case 5:
			panic(http.ErrAbortHandler)
		case 6:
			w.Header().Set("X", strings.Repeat("x", 1<<20))
		case 7:
			w.Header().Set("Content-Length", "10")
			_, _ = w.Write([]byte("12"))
		default:
			return false
		}
		return true
	})
	b.add(20)
	b.start(otlpConfig(o.URL()))
	b.hasAll(o)
	if s := b.e.Stats()[0]; s.Failures != 7 || s.Lost != 0 {
		t.Errorf("%+v", s)
	}
}

// TestHeaders: a file's lines are sent, from the next failure on the new ones; a file that everybody can read is not used.
func TestHeaders(t *testing.T) {
	b := newBench(t)
	path := b.path("headers.txt")
	b.must(os.WriteFile(path, []byte("Authorization: Bearer old\nX-Scope: a\n"), 0o644))
	o := testsink.NewOTLP(t, func(w http.ResponseWriter, r *http.Request, _ []*logs.LogRecord) bool {
		if r.Header.Get("Authorization") != "Bearer new" || r.Header.Get("X-Scope") != "a" {
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}
		return false
	})
	sink := otlpConfig(o.URL())
	sink.OTLP.Headers = path
	b.add(5)
	b.start(sink)
	b.until("it fails", func() bool { return b.e.Stats()[0].Failures > 3 })
	b.must(os.Chmod(path, 0o600))
	b.until("it fails still", func() bool { return b.e.Stats()[0].Failures > 6 })
	if o.Seqs.Len() > 0 {
		t.Error("sent without the right header")
	}
	b.must(os.WriteFile(path, []byte("Authorization: Bearer new\nX-Scope: a"), 0o600))
	b.hasAll(o)
	for _, bad := range []string{"no colon", "A: 1\n B", strings.Repeat("A: 1\n", 1) + "B", fmt.Sprint("x", strings.Repeat("y", maxSecretFile))} {
		b.must(os.WriteFile(path, []byte(bad), 0o600))
		if h, err := readHeaders(path); err == nil && len(h) == 0 {
			t.Errorf("%.20q: %v", bad, h)
		}
	}
}

// TestSessionIsATrace: a session's entries are one trace, the agent's own trace is its link, and each span lasts as long as what it is.
func TestSessionIsATrace(t *testing.T) {
	b := newBench(t)
	o := testsink.NewOTLP(t, nil)
	b.start(otlpConfig(o.URL()))
	const session, parent = "ses_01JDABCDEFGHJKMNPQRSTVWXYZ", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 a=b"
	for _, e := range []audit.Entry{
		{Type: audit.TargetLook}, {Type: audit.Decision, Outcome: "allow", Trace: parent}, {Type: audit.CertIssue}, {Type: audit.Decision, Outcome: "deny", Reason: "no"},
		{Type: audit.Kill, Object: session}, {Type: audit.RecChunk}, {Type: audit.SessionEnd, Outcome: "killed", Trace: parent},
	} {
		if e.Type != audit.Kill {
			e.Session = session
		}
		_, err := b.log.Append(t.Context(), e)
		b.must(err)
	}
	b.hasAll(o)
	b.until("all spans arrive", func() bool { return len(o.Spans()["session"]) == 1 })
	spans := o.Spans()
	root := spans["session"][0]
	if !bytes.Equal(root.TraceId, otlp.TraceID(session)) || len(root.ParentSpanId) != 0 || len(root.Links) != 1 || fmt.Sprintf("%x %x %s", root.Links[0].TraceId, root.Links[0].SpanId, root.Links[0].TraceState) != "4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7 a=b" {
		t.Errorf("%+v", root)
	}
	if root.StartTimeUnixNano >= root.EndTimeUnixNano || root.Status.GetMessage() != "" && root.Status.GetCode() == 0 {
		t.Errorf("%+v", root)
	}
	for name, n := range map[string]int{"decision": 2, "look": 1, "certificate": 1, "kill": 1, "command": 1} {
		if len(spans[name]) != n {
			t.Errorf("%d spans %s, want %d", len(spans[name]), name, n)
		}
		for _, s := range spans[name] {
			if !bytes.Equal(s.TraceId, root.TraceId) || !bytes.Equal(s.ParentSpanId, root.SpanId) {
				t.Errorf("%s: %+v", name, s)
			}
			if (name == "command") != (s.StartTimeUnixNano < s.EndTimeUnixNano) {
				t.Errorf("%s lasts from %d to %d", name, s.StartTimeUnixNano, s.EndTimeUnixNano)
			}
		}
	}
}
