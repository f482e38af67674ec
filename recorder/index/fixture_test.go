package index

import (
	"context"
	"encoding/json"
	"iter"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"gatehouse/internal/id"
	"gatehouse/recorder"
	"gatehouse/recorder/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// archive is a folder of recordings. now is the wall clock of its session ids.
type archive struct {
	t   testing.TB
	dir string
	*recorder.Recorder
}

func newArchive(t testing.TB) *archive {
	t.Helper()
	a := &archive{t: t, dir: t.TempDir()}
	var err error
	a.Recorder, err = recorder.New(recorder.Config{Dir: a.dir, Commit: func(context.Context, recorder.Chunk) error { return nil }})
	must(t, err)
	return a
}

// begin opens a recording.
func (a *archive) begin(h recorder.Header) *recorder.Recording {
	a.t.Helper()
	h.Session, h.Identity, h.Target, h.Login = id.New(id.Session, time.Now()), "agent:bot", "web-1", "deploy"
	rec, err := a.Open(context.Background(), h)
	must(a.t, err)
	return rec
}

// finish closes a recording and settles it.
func (a *archive) finish(rec *recorder.Recording) recorder.Summary {
	a.t.Helper()
	sum, err := rec.Close(context.Background(), recorder.End{State: "ended"})
	must(a.t, err)
	must(a.t, a.Settle(sum.Session))
	return sum
}

// put records events as they are, without their times, and returns the session.
func (a *archive) put(h recorder.Header, events ...recorder.Event) string {
	a.t.Helper()
	rec := a.begin(h)
	for _, e := range events {
		must(a.t, rec.Write(e.Code, e.Data))
	}
	return a.finish(rec).Session
}

func (a *archive) read(session string) *recorder.Reader {
	a.t.Helper()
	rd, err := a.Read(session)
	must(a.t, err)
	a.t.Cleanup(func() { rd.Close() })
	return rd
}

func out(text string) recorder.Event {
	return recorder.Event{Code: recorder.Output, Data: []byte(text)}
}

func at(at time.Duration, code recorder.Code, data string) recorder.Event {
	return recorder.Event{At: at, Code: code, Data: []byte(data)}
}

func sequence(events ...recorder.Event) iter.Seq2[recorder.Event, error] {
	return func(yield func(recorder.Event, error) bool) {
		for _, e := range events {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// built is the index of events that never were in a file, each in a frame of its own.
func built(h recorder.Header, o Options, events ...recorder.Event) *Index {
	b := newBuilder(h, o)
	for i, e := range events {
		b.begin(int64(i), e.At)
		b.event(e)
	}
	return b.finish()
}

func detector(t testing.TB) *secret.Detector {
	t.Helper()
	d, err := secret.New(secret.Config{Known: []string{"correct-horse-battery"}})
	must(t, err)
	return d
}

// playedSegment is a segment as the player reads it.
type playedSegment struct {
	Snapshot struct {
		Cols, Rows int
		Init       string
	}
	Events [][3]any
}

func (p playedSegment) text() string {
	var b strings.Builder
	for _, e := range p.Events {
		if e[1] == "o" {
			b.WriteString(e[2].(string))
		}
	}
	return b.String()
}

func segmentOf(t testing.TB, x *Index, rd *recorder.Reader, n int, times Times) playedSegment {
	t.Helper()
	raw, err := x.Segment(rd, n, times)
	must(t, err)
	var seg playedSegment
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.UseNumber()
	must(t, d.Decode(&seg))
	return seg
}
