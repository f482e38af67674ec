package index

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"gatehouse/recorder"
)

// Whatever a host writes, and a client asks for: the index is one that Decode takes back, and rows are lines of text.
func FuzzBuild(f *testing.F) {
	for _, a := range attacks {
		f.Add([]byte(a), uint8(80), uint8(24), true)
	}
	f.Add([]byte("\x1b[?1049hx\x1b[2J\x1b[?1049l\x00\x01{\"line\":\"x\"}\x1b[3;9r\n\n\n\x1bcabc\x1b#8"), uint8(3), uint8(2), false)
	f.Fuzz(func(t *testing.T, data []byte, cols, rows uint8, pty bool) {
		h := recorder.Header{PTY: pty, Cols: int(cols), Rows: int(rows)}
		o := Options{Rows: func(r Row) {
			if !utf8.ValidString(r.Text) || len(r.Text) > maxRow || strings.ContainsFunc(r.Text, func(c rune) bool { return c < ' ' || c >= 0x7f && c < 0xa0 || c == 0x202e }) {
				t.Errorf("row %q", r.Text)
			}
		}}
		b := newBuilder(h, o)
		b.apart = 64
		now := time.Duration(0)
		codes := []recorder.Code{'o', 'e', 'i', 'r', 'c', 'd', 'x', 'k', 'n', 's', 'o', 'o', 'o', 'o', 'o', 'o'}
		for n := 0; len(data) > 1; n++ {
			code, gap, size := codes[data[0]%16], time.Duration(data[0]>>4), min(len(data)-1, 1+int(data[1]%64))
			now += gap * gap * 100 * time.Millisecond
			b.begin(int64(n), now)
			b.event(at(now, code, string(data[1:1+size])))
			if data = data[1+size:]; n%7 == 3 {
				b.event(at(now, recorder.Resize, `{"cols":`+string('1'+rune(n%9))+`0,"rows":5}`))
			}
		}
		x := b.finish()
		x.Size = 1 << 30
		raw, err := x.Encode()
		must(t, err)
		if _, err := Decode(raw); err != nil {
			t.Error(err)
		}
		if b.term.Lost() {
			t.Error("the terminal is lost")
		}
	})
}
