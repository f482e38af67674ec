package replay

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"gatehouse/recorder"
)

func output(data string) recorder.Event {
	return recorder.Event{Code: recorder.Output, Data: []byte(data)}
}

// What an emulator gets draws the same picture, and nothing else.
func TestScreenText(t *testing.T) {
	for in, want := range map[string]string{
		"\x1b(0lqk\x1b(B\x0eq\x0f":                                 "\x1b(0lqk\x1b(B\x0eq\x0f",
		"\x1b)0\x1b*0\x1b(\"5x\x1b#8\x1b#3":                        "\x1b)0x\x1b#8",
		"\x1b[?7l\x1b[?6h\x1b[4h\x1b[20l\x1b[?2004h\x1b[?1000;25h": "\x1b[?7l\x1b[?6h\x1b[4h\x1b[20l\x1b[?25h",
		"\x1b[3g\x1bH\x1b[!p\x1bc\x1b[!q\x1b[1!p":                  "\x1b[3g\x1bH\x1b[!p\x1bc",
		"a\vb\fc": "a\nb\nc",
		"\x1b]52;c;x\x07\x1bPq\x1b\\\x1b[6n\x1b[?1$p\xff\u202e\x9b": "\ufffd<U+202E>\ufffd",
	} {
		if got := NewScreen(true).Text(output(in)); got != want {
			t.Errorf("%q gives %q, want %q", in, got, want)
		}
	}
}

// Whatever the bytes and however they are cut: it is UTF-8, nothing but known sequences is in it, the cuts do not matter, and
// from its state another one goes on.
func TestScreenIgnoresCuts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		piece := rapid.OneOf(rapid.SampledFrom([]string{"\x1b[", "\x1b]52;c;", "\x07", "\x1bP", "\x1b\\", "31m", "?1049h", "\n", "\r\n", "\x1b(", "0", "é", "\xe2\x82", "\xac", "\x1b]0;" + strings.Repeat("x", maxString+1), "\x1b[" + strings.Repeat("1", maxParams+1)}),
			rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 8), func(b []byte) string { return string(b) }))
		in := strings.Join(rapid.SliceOf(piece).Draw(t, "in"), "")
		pty := rapid.Bool().Draw(t, "pty")
		want := NewScreen(pty).Text(output(in))
		s, got := NewScreen(pty), ""
		for rest := in; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "cut")
			got += s.Text(output(rest[:n]))
			rest = rest[n:]
			next := NewScreen(pty)
			if err := next.Restore(s.State()); err != nil {
				t.Fatal(err)
			}
			s = next
		}
		if got != want || !utf8.ValidString(got) {
			t.Fatalf("%q: %q in pieces, %q whole", in, got, want)
		}
		plain := NewScreen(true).Text(output(got))
		if plain != got && pty {
			t.Fatalf("%q is not safe: it becomes %q", got, plain)
		}
	})
}

// A state that State did not return is refused, or harmless.
func FuzzScreenState(f *testing.F) {
	s := NewScreen(true)
	s.Text(output("\x1b[31"))
	f.Add(s.State(), []byte("m"))
	f.Fuzz(func(t *testing.T, state, data []byte) {
		s := NewScreen(false)
		if s.Restore(state) == nil && !utf8.ValidString(s.Text(output(string(data)+"x"))) {
			t.Error("not UTF-8")
		}
	})
}
