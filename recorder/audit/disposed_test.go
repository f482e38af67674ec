package audit

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"gatehouse/recorder"
)

// disposing is a log with one recording, and what may happen to both.
type disposing struct {
	t              *testing.T
	logDir, recDir string
	sum            recorder.Summary
}

func newDisposing(t *testing.T) *disposing {
	d := &disposing{t: t}
	d.logDir, d.recDir = recorded(t, true)
	for _, line := range readEntries(t, d.logDir) {
		if line.Type == RecClose {
			if err := json.Unmarshal(line.Data, &d.sum); err != nil {
				t.Fatal(err)
			}
		}
	}
	return d
}

func (d *disposing) path() string {
	path, err := recorder.Path(d.recDir, recSession)
	if err != nil {
		d.t.Fatal(err)
	}
	return path
}

func (d *disposing) append(e Entry, data any) {
	d.t.Helper()
	text, err := json.Marshal(data)
	if err != nil {
		d.t.Fatal(err)
	}
	e.Session, e.Data = recSession, text
	l := openTest(d.t, d.logDir)
	defer l.Close()
	if _, err := l.Append(context.Background(), e); err != nil {
		d.t.Fatal(err)
	}
}

func (d *disposing) remove() {
	if err := os.Remove(d.path()); err != nil {
		d.t.Fatal(err)
	}
}

// A missing recording is what an entry says that it is; without one, or with one of another file, it is bad, and is named.
func TestVerifyRemoved(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(d *disposing)
		bad  string // empty: good
		rep  Report
	}{
		{"removed after its entry", func(d *disposing) {
			d.append(Entry{Type: RecDelete, Outcome: "ok"}, Disposed{d.sum.SHA256, d.sum.Size})
			d.remove()
		}, "", Report{Removed: 1}},
		{"the entry twice", func(d *disposing) {
			for range 2 {
				d.append(Entry{Type: RecDelete, Outcome: "ok"}, Disposed{d.sum.SHA256, d.sum.Size})
			}
			d.remove()
		}, "", Report{Removed: 1}},
		{"removed, and something bad before", func(d *disposing) {
			d.append(Entry{Type: RecChunk}, "nonsense")
			d.append(Entry{Type: RecDelete, Outcome: "ok"}, Disposed{d.sum.SHA256, d.sum.Size})
			d.remove()
		}, "not a chunk", Report{Removed: 1}},
		{"the entry, and still there", func(d *disposing) {
			d.append(Entry{Type: RecDelete, Outcome: "ok"}, Disposed{d.sum.SHA256, d.sum.Size})
		}, "", Report{StillThere: []string{recSession}, Closed: 1}},
		{"removed without an entry", (*disposing).remove, "is missing", Report{}},
		{"an entry that was refused", func(d *disposing) {
			d.append(Entry{Type: RecDelete, Outcome: "deny"}, Disposed{d.sum.SHA256, d.sum.Size})
			d.remove()
		}, "is missing", Report{}},
		{"an entry of another file", func(d *disposing) {
			d.append(Entry{Type: RecDelete, Outcome: "ok"}, Disposed{strings.Repeat("0", 64), d.sum.Size})
			d.remove()
		}, "is missing", Report{}},
		{"shredded, and the file is gone too", func(d *disposing) {
			d.append(Entry{Type: RecShred, Outcome: "ok"}, Disposed{d.sum.SHA256, d.sum.Size})
			d.remove()
		}, "is missing", Report{Shredded: 1}},
		{"changed after its entry, and still there", func(d *disposing) {
			d.append(Entry{Type: RecDelete, Outcome: "ok"}, Disposed{d.sum.SHA256, d.sum.Size})
			if err := os.WriteFile(d.path(), []byte("something else"), 0o600); err != nil {
				d.t.Fatal(err)
			}
		}, "not what was committed", Report{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDisposing(t)
			c.do(d)
			rep := verifyRecordings(t, d.logDir, d.recDir)
			switch {
			case (rep.Bad == nil) != (c.bad == ""), rep.Bad != nil && !strings.Contains(rep.Bad.String(), c.bad):
				t.Errorf("%v, want %q", rep.Bad, c.bad)
			case rep.Bad != nil && rep.Bad.Session != recSession:
				t.Errorf("names %q", rep.Bad.Session)
			}
			if rep.Removed != c.rep.Removed || rep.Shredded != c.rep.Shredded || len(rep.StillThere) != len(c.rep.StillThere) || c.bad == "" && rep.Closed != c.rep.Closed {
				t.Errorf("%+v, want %+v", rep, c.rep)
			}
		})
	}
}

// A recording that was never closed cannot have been removed by a rule.
func TestVerifyRemovedUnclosed(t *testing.T) {
	d := &disposing{t: t}
	d.logDir, d.recDir = recorded(t, false)
	d.append(Entry{Type: RecDelete, Outcome: "ok"}, Disposed{strings.Repeat("0", 64), 1})
	d.remove()
	if rep := verifyRecordings(t, d.logDir, d.recDir); rep.Bad == nil || !strings.Contains(rep.Bad.What, "missing") {
		t.Errorf("%v", rep.Bad)
	}
}
