package index

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/hashicorp/go-hclog"

	"gatehouse/recorder"
)

// sink keeps rows, and fails or panics when told to.
type sink struct {
	mu   sync.Mutex
	rows map[string][]Row
	meta map[string]Meta
	fail string // this session: "error", "panic", "enough" by its name
	how  string
	puts int
}

func (s *sink) Put(_ context.Context, m Meta, rows iter.Seq[Row]) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.puts++
	if m.Session == s.fail {
		switch s.how {
		case "error":
			return errors.New("no room")
		case "panic":
			panic("broken")
		case "enough":
			for range rows {
				return errors.New("enough")
			}
		}
	}
	var all []Row
	for r := range rows {
		all = append(all, r)
	}
	s.rows[m.Session], s.meta[m.Session] = all, m
	return nil
}

func newSink() *sink { return &sink{rows: map[string][]Row{}, meta: map[string]Meta{}} }

// indexing is an indexer that runs until the test ends, or stop is called.
type indexing struct {
	*Indexer
	logs strings.Builder
	stop func()
}

func (a *archive) index(s Sink) *indexing {
	a.t.Helper()
	in := &indexing{}
	var err error
	in.Indexer, err = New(Config{Dir: a.dir, Source: a, Detector: detector(a.t), Sink: s,
		Meta: func(_ context.Context, m *Meta) error {
			m.Verdict, m.Task = "allow", "correct-horse-battery"
			return nil
		}, Log: hclog.New(&hclog.LoggerOptions{Output: &in.logs, Mutex: &sync.Mutex{}})})
	must(a.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); in.Run(ctx) }()
	in.stop = sync.OnceFunc(func() { cancel(); <-done })
	a.t.Cleanup(in.stop)
	return in
}

// until waits until the indexer has dealt with n recordings and nothing waits.
func (in *indexing) until(t *testing.T, n int64) Behind {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if b := in.Behind(); b.Done+b.Failed >= n && b.Waiting == 0 && b.Listed {
			return b
		}
	}
	t.Fatalf("the indexer stands at %+v", in.Behind())
	return Behind{}
}

// What was closed before the start is found, what closes after it is told; each gets its index and its rows, once.
func TestIndexerCatchesUp(t *testing.T) {
	a := newArchive(t)
	before := []string{a.put(recorder.Header{}, out("one\n")), a.put(recorder.Header{}, out("two correct-horse-battery\n"))}
	live := a.begin(recorder.Header{})
	s := newSink()
	in := a.index(s)
	in.until(t, 2)
	sum := a.finish(live)
	in.Closed(sum.Session)
	b := in.until(t, 3)
	if b.Failed != 0 || b.Oldest != 0 || s.puts != 3 || len(s.rows[before[1]]) != 1 || s.rows[before[1]][0].Text != "two "+strings.Repeat("*", 21) {
		t.Errorf("%+v, %d puts, rows %+v", b, s.puts, s.rows)
	}
	if m := s.meta[before[0]]; m.Identity != "agent:bot" || m.Verdict != "allow" || m.Task != strings.Repeat("*", 21) || m.Target != "web-1" {
		t.Errorf("meta %+v", m)
	}
	x, err := in.Open(sum.Session, sum.SHA256)
	must(t, err)
	if !x.Masked || !x.Rows || x.Size != sum.Size {
		t.Errorf("%+v", x.head)
	}
	if _, err := in.Open(sum.Session, strings.Repeat("0", 64)); !errors.Is(err, ErrIndex) {
		t.Errorf("for another recording: %v", err)
	}
	in.stop()
	if b := a.index(s).until(t, 0); b.Done != 0 || s.puts != 3 {
		t.Errorf("a second start indexes again: %+v", b)
	}
}

// An index that is deleted, damaged, or of something else is made again; one that nobody can read is no harm.
func TestIndexerMakesAnew(t *testing.T) {
	a := newArchive(t)
	session := a.put(recorder.Header{}, out("one\n"))
	a.index(nil).until(t, 1)
	path, err := Path(a.dir, session)
	must(t, err)
	must(t, os.WriteFile(path, []byte("nonsense"), 0o600))
	left := filepath.Join(filepath.Dir(path), unfinished+"123") // by a crash
	must(t, os.WriteFile(left, nil, 0o600))
	in := a.index(nil)
	in.until(t, 1)
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what a crash left: %v", err)
	}
	if _, err := in.Open(session, ""); err != nil {
		t.Error(err)
	}
	must(t, Remove(a.dir, session))
	must(t, Remove(a.dir, session))
	if _, err := in.Open(session, ""); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after its removal: %v", err)
	}
}

// A recording that cannot be indexed, a sink that fails, a panic: each costs that recording, is logged, and does not come again.
func TestIndexerSurvives(t *testing.T) {
	for _, how := range []string{"error", "panic", "enough", "no header"} {
		a := newArchive(t)
		bad, good := a.put(recorder.Header{}, out("bad\nworse\n")), a.put(recorder.Header{}, out("good\n"))
		s := newSink()
		s.fail, s.how = bad, how
		if how == "no header" {
			path, err := recorder.Path(a.dir, bad)
			must(t, err)
			must(t, os.WriteFile(path, []byte("not a recording"), 0o600))
		}
		in := a.index(s)
		in.until(t, 2)
		in.mu.Lock()
		in.missed = true // look at the folder again
		in.mu.Unlock()
		in.Closed(a.put(recorder.Header{}, out("later\n")))
		b := in.until(t, 3)
		in.stop()
		failed := int64(1)
		if how == "error" || how == "enough" { // the recording has its index, the search lacks it
			failed = 0
			if x, err := in.Open(bad, ""); err != nil || x.Rows || len(x.Notes()) != 1 {
				t.Errorf("%s: %v", how, err)
			}
		}
		if b.Failed != failed || b.Done != 3-failed || s.rows[good] == nil || !strings.Contains(in.logs.String(), bad) {
			t.Errorf("%s: %+v\n%s", how, b, in.logs.String())
		}
		s.fail = ""
		if again := a.index(s).until(t, 0); how == "error" && (again.Done != 1 || s.rows[bad] == nil) {
			t.Errorf("the next start does not try again: %+v", again)
		}
	}
}

// A torn recording is indexed as far as it decodes, and a live one not at all.
func TestIndexerAndTornRecordings(t *testing.T) {
	a := newArchive(t)
	session := a.put(recorder.Header{}, out("one\n"))
	path, err := recorder.Path(a.dir, session)
	must(t, err)
	whole, err := os.ReadFile(path)
	must(t, err)
	must(t, os.WriteFile(path, whole[:len(whole)-3], 0o600))
	live := a.begin(recorder.Header{})
	must(t, live.Write(recorder.Output, []byte("live\n")))
	in := a.index(newSink())
	if b := in.until(t, 1); b.Done != 1 {
		t.Errorf("%+v", b)
	}
	x, err := in.Open(session, "")
	must(t, err)
	if !x.Torn() || x.Segments() != 1 {
		t.Errorf("%+v", x.head)
	}
	a.finish(live)
}

// More closed recordings than the queue holds are all indexed.
func TestIndexerQueueIsBounded(t *testing.T) {
	a := newArchive(t)
	in, err := New(Config{Dir: a.dir, Source: a, Detector: detector(t)})
	must(t, err)
	for range 3 * maxQueue {
		in.Closed("ses_01KB0000000000000000000000")
	}
	if b := in.Behind(); b.Waiting != maxQueue || !in.missed {
		t.Errorf("%+v", b)
	}
}

// Stopping in the middle of a long recording ends soon, leaves no part of an index, and the next start makes it.
func TestIndexerStops(t *testing.T) {
	a := newArchive(t)
	rec := a.begin(recorder.Header{PTY: true})
	line := []byte(strings.Repeat("stop in the middle of this\r\n", 2000))
	for range 200 {
		must(t, rec.Write(recorder.Output, line))
	}
	session := a.finish(rec).Session
	s := &slowSink{began: make(chan struct{})}
	in := a.index(s)
	<-s.began
	begun := time.Now()
	in.stop()
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("stopping took %v", took)
	}
	path, err := recorder.Path(a.dir, session)
	must(t, err)
	files, err := os.ReadDir(filepath.Dir(path))
	must(t, err)
	if len(files) != 1 {
		t.Errorf("left behind: %v", files)
	}
}

// slowSink says when the first row has come.
type slowSink struct {
	began chan struct{}
	once  sync.Once
}

func (s *slowSink) Put(ctx context.Context, _ Meta, rows iter.Seq[Row]) error {
	for range rows {
		s.once.Do(func() { close(s.began) })
	}
	return ctx.Err()
}

// Of an encrypted recording nothing is derived, though it can be read here: neither an index nor rows. It is no failure either.
func TestEncryptedIsNotIndexed(t *testing.T) {
	a := newArchive(t)
	id, err := age.GenerateX25519Identity()
	must(t, err)
	to, err := recorder.ParseRecipient(id.Recipient().String())
	must(t, err)
	a.Recorder, err = recorder.New(recorder.Config{Dir: a.dir, Commit: func(context.Context, recorder.Chunk) error { return nil },
		Encryption: recorder.Encryption{Recipients: []recorder.Recipient{to}, Identities: []age.Identity{id}}})
	must(t, err)
	before, s := a.put(recorder.Header{}, out("secret plan\n")), newSink()
	in := a.index(s)
	in.until(t, 0)
	after := a.put(recorder.Header{}, out("another\n"))
	in.Closed(after)
	for end := time.Now().Add(10 * time.Second); in.Behind().Waiting > 0 && time.Now().Before(end); {
		time.Sleep(2 * time.Millisecond)
	}
	in.stop()
	for _, session := range []string{before, after} {
		if _, err := in.Open(session, ""); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("an index: %v", err)
		}
		if x, err := Make(t.Context(), a, session, nil, nil); err != nil || x.Segments() != 1 {
			t.Errorf("it does not play: %v", err)
		}
	}
	if b := in.Behind(); s.puts != 0 || b.Failed != 0 || strings.Contains(in.logs.String(), "WARN") {
		t.Errorf("%d puts, %+v\n%s", s.puts, b, in.logs.String())
	}
}

// A recording that is removed takes what was derived from it along, also while it is being indexed.
func TestIndexerForgets(t *testing.T) {
	a := newArchive(t)
	session := a.put(recorder.Header{}, out("one\n"))
	path, err := recorder.Path(a.dir, session)
	must(t, err)
	s := &forgetful{remove: path}
	in := a.index(s)
	in.until(t, 1)
	if _, err := in.Open(session, ""); !errors.Is(err, fs.ErrNotExist) || len(s.forgot) != 1 {
		t.Errorf("after its removal there is an index: %v; the sink forgot %v", err, s.forgot)
	}
	files, err := os.ReadDir(filepath.Dir(path))
	must(t, err)
	if len(files) != 0 {
		t.Errorf("left: %v", files)
	}
	must(t, in.Forget(t.Context(), session))
}

// forgetful is a sink in whose Put the recording is removed.
type forgetful struct {
	remove string
	forgot []string
}

func (f *forgetful) Put(_ context.Context, _ Meta, rows iter.Seq[Row]) error {
	for range rows {
	}
	return os.Remove(f.remove)
}

func (f *forgetful) Forget(_ context.Context, session string) error {
	f.forgot = append(f.forgot, session)
	return nil
}
