package web

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"gatehouse/recorder"
)

// The past that a late viewer gets is bounded, and begins at a line or at a clear.
func TestSnapshotIsBounded(t *testing.T) {
	sc := &screen{}
	for range 2000 {
		sc.add(strings.Repeat("y", 999) + "\n")
		if len(sc.past) > maxSnapshot {
			t.Fatalf("%d bytes", len(sc.past))
		}
	}
	if len(sc.past) < maxSnapshot/2-1000 || sc.past[0] != 'y' || len(sc.past)%1000 != 0 {
		t.Errorf("%d bytes, begins %.10q", len(sc.past), sc.past)
	}
	sc.add("before\x1b[")
	sc.add("2Jafter") // the clear came in two pieces
	if string(sc.past) != "\x1b[2Jafter" {
		t.Errorf("after a clear: %.40q", sc.past)
	}
}

// What a stream says does not depend on how it was cut into reads, and is always UTF-8.
func TestCastTextIgnoresCuts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := []byte(rapid.String().Draw(t, "text"))
		whole := castText{}
		cut := castText{}
		got := ""
		for rest := in; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "cut")
			got += cut.next(rest[:n])
			rest = rest[n:]
		}
		if want := whole.next(in); got != want {
			t.Fatalf("%q in pieces, %q whole", got, want)
		}
		junk := castText{pty: true}
		for _, p := range rapid.SliceOf(rapid.SliceOf(rapid.Byte())).Draw(t, "junk") {
			if text := junk.next(p); !utf8.ValidString(text) || len(junk.tail) > 3 {
				t.Fatalf("%q, %d bytes kept", text, len(junk.tail))
			}
		}
	})
}

// A recording that lies about its size does not size a viewer's screen.
func TestSizesAreChecked(t *testing.T) {
	for _, size := range []string{`{"cols":0,"rows":24}`, `{"cols":-1,"rows":-1}`, `{"cols":100000000,"rows":2}`, `{"cols":"x"}`, `]`, ``} {
		sc := &screen{cols: 80, rows: 24}
		if line := sc.line(recorder.Event{Code: recorder.Resize, Data: []byte(size)}); line != nil || sc.cols != 80 {
			b, _ := json.Marshal(line)
			t.Errorf("%s gives %s", size, b)
		}
	}
}
