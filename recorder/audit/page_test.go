package audit

import (
	"errors"
	"testing"
	"time"
)

// Pages put together are the log, newest first; a place where no entry begins is refused.
func TestPage(t *testing.T) {
	dir := t.TempDir()
	l := openTest(t, dir)
	fill(t, l, 23)
	var all []Entry
	var at Cursor
	for {
		list, next, err := Page(dir, at, 5)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, list...)
		if at = next; next == (Cursor{}) {
			break
		}
	}
	if len(all) != 24 || all[0].Seq != 23 || all[23].Type != LogStart {
		t.Fatalf("%d entries, from %+v", len(all), all[0])
	}
	for i, e := range all {
		if e.Seq != int64(23-i) {
			t.Fatalf("entry %d is the %dth", e.Seq, i)
		}
	}
	for _, bad := range []Cursor{{-1, 3}, {1, 1}, {50, 1}, {1 << 40, 5}, {0, 5}} {
		if _, _, err := Page(dir, bad, 5); !errors.Is(err, ErrCursor) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	look, err := Recent(dir)
	if err != nil || look.Gap < 600*time.Millisecond || look.Since.IsZero() || !look.Last.Equal(all[0].Time) || !look.GapAt.Before(look.Last) {
		t.Errorf("%+v, %v", look, err)
	}
}
