package index

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"gatehouse/recorder"
)

// rowsOf are the rows of events on a terminal of 20 columns and 4 rows, one a line: seconds, command, kind, text.
func rowsOf(events ...recorder.Event) string {
	var b strings.Builder
	built(recorder.Header{PTY: true, Cols: 20, Rows: 4}, Options{Rows: func(r Row) {
		fmt.Fprintf(&b, "%g %d %s %s\n", r.At.Round(time.Millisecond).Seconds(), r.Command, r.Kind, r.Text)
	}}, events...)
	return b.String()
}

// Rows are what was seen, once, with the time at which it was complete.
func TestRows(t *testing.T) {
	const s = time.Second
	for _, c := range []struct {
		name   string
		events []recorder.Event
		want   string
	}{
		{"lines that scroll away, and the rest", []recorder.Event{at(1*s, 'o', "a\r\nb\r\n"), at(2*s, 'o', "c\r\nd\r\ne\r\n")},
			"1 0 output a\n1 0 output b\n2 0 output c\n2 0 output d\n2 0 output e\n"},
		{"a line is as old as its last character, not as its scrolling", []recorder.Event{at(1*s, 'o', "slow"), at(5*s, 'o', "ly\r\n"), at(9*s, 'o', "\n\n\n\n\n")},
			"5 0 output slowly\n"},
		{"a progress bar is what it ended as", []recorder.Event{at(1*s, 'o', "10%"), at(2*s, 'o', "\r50%"), at(3*s, 'o', "\r\x1b[Kdone\r\n"), at(4*s, 'x', "{}")},
			"3 0 output done\n"},
		{"a line that the width breaks is one", []recorder.Event{at(1*s, 'o', strings.Repeat("0123456789", 3)+"\r\nx\r\n"), at(2*s, 'o', "\n\n\n\n")},
			"1 0 output 012345678901234567890123456789\n1 0 output x\n"},
		{"commands end what came before", []recorder.Event{at(1*s, 'c', `{"line":"ls -l"}`), at(2*s, 'o', "file\r\n"), at(3*s, 'c', `{"line":"id"}`), at(4*s, 'o', "root\r\n"), at(5*s, 'x', `{"status":0}`)},
			"1 1 command ls -l\n2 1 output file\n3 2 command id\n4 2 output root\n"},
		{"what was read does not come again, unless it changes", []recorder.Event{at(1*s, 'o', "one\r\ntwo"), at(2*s, 'c', `{"line":"x"}`), at(3*s, 'o', " more\r\n\n\n\n\n")},
			"1 0 output one\n1 0 output two\n2 1 command x\n3 1 output two more\n"},
		{"a cleared screen is read before", []recorder.Event{at(1*s, 'o', "old\r\n"), at(2*s, 'o', "\x1b[H\x1b[2Jnew"), at(3*s, 'x', "{}")},
			"1 0 output old\n2 0 output new\n"},
		{"the alternate screen, when it is left", []recorder.Event{at(1*s, 'o', "$ vi\r\n"), at(2*s, 'o', "\x1b[?1049h\x1b[H"), at(3*s, 'o', "text in vi"), at(9*s, 'o', "!\x1b[?1049l$ "), at(10*s, 'x', "{}")},
			"9 0 output text in vi!\n1 0 output $ vi\n9 0 output $\n"},
		{"a screen that is painted over, every two seconds, each row once", []recorder.Event{at(1*s, 'o', "\x1b[?1049h\x1b[Hcpu 1"), at(1500*time.Millisecond, 'o', "\x1b[Hcpu 2"), at(4*s, 'o', "\x1b[Hcpu 3"), at(5*s, 'o', "\x1b[Hcpu 1"), at(9*s, 'o', "\x1b[?1049l")},
			"1 0 output cpu 1\n4 0 output cpu 3\n"},
		{"nothing that drives a terminal, and no control characters", []recorder.Event{at(1*s, 'o', "a\x1b]52;c;x\x07\tb\u202ec\u009bd\x1b[31me\r\n"), at(2*s, 'c', `{"line":"x\ny\u001b[2J \u202ez"}`)},
			"1 0 output a       b<U+202E>c<U+009B>de\n2 1 command x y [2J <U+202E>z\n"},
	} {
		got := rowsOf(c.events...)
		if got != c.want {
			t.Errorf("%s:\n%swant\n%s", c.name, got, c.want)
		}
	}
}

// A row is bounded, and so is what a hostile program can have read of its screen.
func TestRowsAreBounded(t *testing.T) {
	longest, n := 0, 0
	rows := func(r Row) { longest, n = max(longest, len(r.Text)), n+1 }
	built(recorder.Header{PTY: true, Cols: 1000, Rows: 3}, Options{Rows: rows}, at(0, 'o', strings.Repeat("é", 100_000)+"\r\n\n\n\n\n"))
	if longest > maxRow || n < 2 {
		t.Errorf("%d rows of up to %d bytes", n, longest)
	}
	n = 0
	flip := strings.Repeat("\x1b[?1049hx\x1b[?1049l", 3000)
	begun := time.Now()
	built(recorder.Header{PTY: true, Cols: 1000, Rows: 1000}, Options{Rows: rows}, at(0, 'o', flip), at(1, 'o', flip))
	if took := time.Since(begun); took > 5*time.Second || n > 10 {
		t.Errorf("%d rows in %v", n, took)
	}
}

// A transcript of a screen reads as it was seen; commands and decisions stand between.
func TestTranscript(t *testing.T) {
	var b strings.Builder
	must(t, Transcript(&b, recorder.Header{PTY: true, Cols: 40, Rows: 4}, sequence(
		at(0, 'c', `{"line":"apt upgrade"}`), at(1e6, 'd', `{"verdict":"allow"}`), at(1e9, 'o', "reading\r\n"), at(2e9, 'o', "\r10%"), at(3e9, 'o', "\r100%\r\n"),
		at(35e8, 'i', "secret\r"), at(4e9, 'o', "\x1b]0;owned\x07do\x1b[1mne\u202e\x1b[m\r\n"), at(5e9, 'x', `{"status":0}`))))
	const want = `00:00:00.000 c {"line":"apt upgrade"}
00:00:00.001 d {"verdict":"allow"}
00:00:01.000 o reading
00:00:03.000 o 100%
00:00:04.000 o done<U+202E>
00:00:05.000 x {"status":0}
`
	if b.String() != want {
		t.Errorf("%s\nwant\n%s", b.String(), want)
	}
}
