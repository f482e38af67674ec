package export

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/config"
	"gatehouse/internal/testsink"
	"gatehouse/recorder/audit"
)

// scripted is a sink that does what the test says.
type scripted struct {
	mu   sync.Mutex
	do   func(records []audit.Record) (lost, error)
	got  testsink.Seqs
	last int64
}

func (s *scripted) send(_ context.Context, records []audit.Record) (lost, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.do != nil {
		if l, err := s.do(records); err != nil || l.entries > 0 {
			return l, err
		}
	}
	for _, r := range records {
		s.got.Add(r.Seq)
		s.last = r.Seq
	}
	return lost{}, nil
}
func (s *scripted) sync() error  { return nil }
func (s *scripted) check() error { return nil }
func (s *scripted) close()       {}

// script exports to such a sink.
func (b *bench) script(s *scripted, cfg config.Sink) {
	b.t.Helper()
	cfg.Name, cfg.Format, cfg.File = "x", "entry", &config.FileSink{Path: b.path("unused.x"), MaxSize: 1 << 20, Keep: 1}
	e, err := New(Config{Dir: b.path("log"), State: b.path("state"), Sinks: []config.Sink{cfg}, Size: b.log.Size, Dial: dialTCP, FirstWait: time.Millisecond, MaxWait: 5 * time.Millisecond})
	b.must(err)
	e.workers[0].sink, e.workers[0].manner = s, manner{}
	b.run(e)
}

// TestFrom: a new sink begins where it is told, one that has a cursor at its cursor.
func TestFrom(t *testing.T) {
	b := newBench(t)
	b.add(100)
	for _, c := range []struct {
		from  config.From
		first int64
	}{{config.From{}, 0}, {config.From{Seq: 40}, 40}, {config.From{Now: true}, 101}} {
		s := &scripted{}
		first := int64(-1)
		s.do = func(r []audit.Record) (lost, error) {
			if first < 0 {
				first = r[0].Seq
			}
			return lost{}, nil
		}
		b.must(os.RemoveAll(filepath.Join(b.path("state"), "x.json")))
		size := b.log.Size()
		b.script(s, config.Sink{From: c.from})
		b.until("the cursor is there", func() bool { _, err := os.Stat(filepath.Join(b.path("state"), "x.json")); return err == nil })
		b.add(1)
		b.caughtUp()
		b.until("it arrives", func() bool { return s.got.Len() > 0 })
		b.halt()
		if c.from.Now {
			c.first = size
		}
		if first != c.first {
			t.Errorf("%+v began at %d, want %d", c.from, first, c.first)
		}
		n := s.got.Len()
		b.script(s, config.Sink{From: config.From{}})
		b.add(1)
		b.caughtUp()
		b.until("one more", func() bool { return s.got.Len() == n+1 })
		b.halt()
	}
}

// TestTypes: what is not wanted does not arrive, and moves the cursor all the same.
func TestTypes(t *testing.T) {
	b := newBench(t)
	for _, kind := range []audit.Type{audit.RecChunk, audit.Kill, audit.RecClose, audit.Decision, audit.Kill, audit.Heartbeat} {
		_, err := b.log.Append(t.Context(), audit.Entry{Type: kind})
		b.must(err)
	}
	s := &scripted{}
	b.script(s, config.Sink{Types: []string{"kill", "rec.*"}})
	b.caughtUp()
	b.halt()
	if at, _, err := loadCursor(filepath.Join(b.path("state"), "x.json")); err != nil || at.Next != 7 || s.got.Len() != 4 || s.last != 5 {
		t.Errorf("cursor %+v, %d arrived, last %d, %v", at, s.got.Len(), s.last, err)
	}
}

// TestPanic: an entry over which a sink panics is one entry that is lost, and nothing more.
func TestPanic(t *testing.T) {
	b := newBench(t)
	s := &scripted{do: func(records []audit.Record) (lost, error) {
		for _, r := range records {
			if r.Seq == 5 {
				panic("no")
			}
		}
		return lost{}, nil
	}}
	b.script(s, config.Sink{})
	b.add(20)
	b.until("all others arrive", func() bool { return s.got.Len() == 20 })
	if st := b.e.Stats()[0]; st.Lost != 1 {
		t.Errorf("%+v", st)
	}
}

// TestCursorOfAnotherLog: a cursor that does not fit the log stops the sink, loudly, until it is moved.
func TestCursorOfAnotherLog(t *testing.T) {
	b := newBench(t)
	b.add(50)
	path := filepath.Join(b.path("state"), "x.json")
	for name, text := range map[string]string{"beyond the end": `{"v":1,"next":1000,"leaf":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE="}`,
		"another leaf": `{"v":1,"next":10,"leaf":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE="}`, "torn": `{"v":1,"nex`, "of a later version": `{"v":2,"next":1}`, "empty": ``, "long": strings.Repeat(" ", maxCursor+1)} {
		b.must(os.WriteFile(path, []byte(text), 0o600))
		s := &scripted{}
		b.script(s, config.Sink{})
		b.until(name+" fails", func() bool { return b.e.Stats()[0].Failures > 2 })
		if s.got.Len() > 0 {
			t.Errorf("%s: something was sent", name)
		}
		b.must(b.e.Move("x", 0))
		b.until(name+" works again", func() bool { return int64(s.got.Len()) == b.log.Size() })
		b.halt()
	}
}

// TestMove: a sink goes on from any entry, whether it runs or not, and from no other.
func TestMove(t *testing.T) {
	b := newBench(t)
	s := &scripted{}
	b.add(100)
	b.script(s, config.Sink{})
	b.caughtUp()
	for _, seq := range []int64{-1, 102, 1 << 40} {
		if err := b.e.Move("x", seq); err == nil {
			t.Errorf("moved to %d", seq)
		}
	}
	if err := b.e.Move("y", 0); err == nil {
		t.Error("moved what is not there")
	}
	e := b.e
	b.must(e.Move("x", 90))
	b.until("the last ones come again", func() bool { twice, err := s.got.Complete(101); return err == nil && twice == 11 })
	b.halt()
	b.must(e.Move("x", 101))
	b.script(s, config.Sink{})
	b.add(1)
	b.until("the new one", func() bool { return s.got.Len() == 102 })
	if twice := b.complete(&s.got); twice != 11 {
		t.Errorf("%d twice", twice)
	}
}

// TestCursorDoesNotMoveBeforeTheSink: however often a sink fails, in whatever place, every entry arrives.
func TestCursorDoesNotMoveBeforeTheSink(t *testing.T) {
	b := newBench(t)
	n := 0
	s := &scripted{do: func([]audit.Record) (lost, error) {
		if n++; n%3 != 0 {
			return lost{}, errors.New("not now")
		}
		return lost{}, nil
	}}
	for range 5 {
		b.script(s, config.Sink{})
		b.add(3000)
		b.until("some arrive", func() bool { return s.got.Len() > 0 })
		b.halt()
	}
	b.script(s, config.Sink{})
	b.until("all arrive", func() bool { return int64(s.got.Len()) == b.log.Size() })
	b.complete(&s.got)
}

// TestBehind: a sink that does not work says how far behind it is.
func TestBehind(t *testing.T) {
	b := newBench(t)
	s := &scripted{do: func([]audit.Record) (lost, error) { return lost{}, errors.New("never") }}
	b.add(10)
	time.Sleep(20 * time.Millisecond)
	b.script(s, config.Sink{})
	b.until("it is behind", func() bool {
		st := b.e.Stats()[0]
		return !st.Up && st.Behind == 11 && st.BehindTime >= 20*time.Millisecond
	})
}
