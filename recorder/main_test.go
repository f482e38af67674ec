package recorder

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testSession = "ses_01KB0000000000000000000000"

// ledger is a Commit that keeps what it is given.
type ledger struct {
	mu     sync.Mutex
	chunks []Chunk
	err    error
}

func (l *ledger) commit(_ context.Context, c Chunk) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.chunks = append(l.chunks, c)
	}
	return l.err
}

func (l *ledger) all() []Chunk {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]Chunk(nil), l.chunks...)
}

func newTestRecorder(t testing.TB, dir string) (*Recorder, *ledger) {
	t.Helper()
	l := &ledger{}
	r, err := New(Config{Dir: dir, Commit: l.commit})
	if err != nil {
		t.Fatal(err)
	}
	return r, l
}

func openTest(t testing.TB, r *Recorder, session string) *Recording {
	t.Helper()
	rec, err := r.Open(t.Context(), Header{Session: session, Connection: "con_1", Identity: "agent:a", Target: "web-1", Login: "deploy"})
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

func mustWrite(t testing.TB, r *Recording, code Code, data string) {
	t.Helper()
	if err := r.Write(code, []byte(data)); err != nil {
		t.Fatal(err)
	}
}

func mustClose(t testing.TB, r *Recording) Summary {
	t.Helper()
	sum, err := r.Close(t.Context(), End{State: "ended"})
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// readAll returns the output of a session, and the error that ended the reading.
func readAll(t testing.TB, r *Recorder, session string) (string, error) {
	t.Helper()
	rd, err := r.Read(session)
	if err != nil {
		t.Fatal(err)
	}
	defer rd.Close()
	var out strings.Builder
	var last time.Duration
	for e, err := range rd.Events() {
		if err != nil {
			return out.String(), err
		}
		if e.At < last {
			t.Fatalf("event at %v after one at %v", e.At, last)
		}
		last = e.At
		out.Write(e.Data)
	}
	return out.String(), nil
}
