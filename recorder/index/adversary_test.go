package index

import (
	"strings"
	"testing"
	"time"

	"gatehouse/internal/id"
	"gatehouse/recorder"
)

// An index knows the secrets of what it was made from. What was recorded since, while the session went on, is not played with
// it: nobody looked for secrets there.
func TestNothingIsPlayedThatWasNotLookedAt(t *testing.T) {
	a := newArchive(t)
	session := id.New(id.Session, time.Now())
	rec, err := a.Open(t.Context(), recorder.Header{Session: session, PTY: true, Cols: 80, Rows: 24})
	must(t, err)
	must(t, rec.Write(recorder.Output, []byte("before\r\n")))
	time.Sleep(1500 * time.Millisecond) // on the disk
	x, err := Make(t.Context(), a, session, detector(t), nil)
	must(t, err)
	if x.Segments() != 1 {
		t.Fatalf("%d segments", x.Segments())
	}
	must(t, rec.Write(recorder.Output, []byte("since: correct-horse-battery\r\n")))
	a.finish(rec)

	rd := a.read(session)
	if text := segmentOf(t, x, rd, 0, x.Times(0)).text(); text != "before\r\n" {
		t.Errorf("the segment is %q", text)
	}
	_, events, err := x.At(rd, 0)
	must(t, err)
	for e, err := range events {
		must(t, err)
		if strings.Contains(string(e.Data), "correct-horse") {
			t.Errorf("play --from shows %q", e.Data)
		}
	}
	screen, _, err := x.At(rd, time.Hour)
	must(t, err)
	if strings.Contains(screen, "correct-horse") {
		t.Errorf("the screen is %q", screen)
	}
}

// A secret that only the screen puts together is masked in the rows of the search.
func TestRowsAreMaskedAsTheyAreRead(t *testing.T) {
	for _, text := range []string{
		"\x1b[1;16Hhorse-battery\x1b[1;1H  the: correct-\x1b[5;1H",
		"  the: correct-battery\x1b[1;16H\x1b[6@horse-\x1b[5;1H",
		"  the: correct-xhorse-battery\x1b[1;16H\x1b[P\x1b[5;1H",
	} {
		var got []string
		built(recorder.Header{PTY: true, Cols: 80, Rows: 24}, Options{Masked: true, Detector: detector(t), Rows: func(r Row) { got = append(got, r.Text) }}, at(0, 'o', text), at(time.Second, 'x', `{"status":0}`))
		if all := strings.Join(got, "\n"); !strings.Contains(all, "  the: *********************") {
			t.Errorf("rows of %q: %q", text, all)
		}
	}
}

// growing is a recording that gets an event between the pass that looks for secrets and the one that makes the index.
type growing struct {
	*archive
	rec   *recorder.Recording
	reads int
}

func (g *growing) Read(session string) (*recorder.Reader, error) {
	if g.reads++; g.reads == 2 {
		must(g.t, g.rec.Write(recorder.Output, []byte("since: correct-horse-battery\r\n")))
		time.Sleep(1500 * time.Millisecond) // on the disk
	}
	return g.archive.Read(session)
}

// What a session writes while its index is made is not in it, nor in the search.
func TestNothingIsIndexedThatWasNotLookedAt(t *testing.T) {
	for _, before := range []string{"", "before\r\n"} {
		g := &growing{archive: newArchive(t)}
		session := id.New(id.Session, time.Now())
		var err error
		g.rec, err = g.Open(t.Context(), recorder.Header{Session: session, PTY: true, Cols: 80, Rows: 24})
		must(t, err)
		if before != "" {
			must(t, g.rec.Write(recorder.Output, []byte(before)))
		}
		time.Sleep(1500 * time.Millisecond) // on the disk
		var rows []string
		x, err := Make(t.Context(), g, session, detector(t), func(r Row) { rows = append(rows, r.Text) })
		must(t, err)
		g.finish(g.rec)
		if text := strings.Join(rows, "\n"); text != strings.TrimSpace(before) {
			t.Errorf("rows after %q: %q", before, text)
		}
		if x.OutputBytes() != int64(len(before)) {
			t.Errorf("after %q: %d bytes of output", before, x.OutputBytes())
		}
	}
}
