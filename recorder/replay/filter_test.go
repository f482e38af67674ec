package replay

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"gatehouse/recorder"
)

func show(plain bool, s string) string {
	f := Filter{Plain: plain}
	return string(f.Flush(f.Append(nil, []byte(s))))
}

func TestFilter(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"text and colours", "a\tb\r\n\x1b[1;31mred\x1b[0m\x1b[38:2::1:2:3mx", "a\tb\r\n\x1b[1;31mred\x1b[0m\x1b[38:2::1:2:3mx"},
		{"cursor and erase", "\x1b[2J\x1b[H\x1b[10;20H\x1b[3A\x1b[K\x1b7\x1b8\x1bM\x1b[5;20r", "\x1b[2J\x1b[H\x1b[10;20H\x1b[3A\x1b[K\x1b7\x1b8\x1bM\x1b[5;20r"},
		{"alternate screen", "\x1b[?1049h\x1b[?25l\x1b[?1049l", "\x1b[?1049h\x1b[?25l\x1b[?1049l"},
		{"mixed modes", "\x1b[?1049;1000;2004h", "\x1b[?1049h"},
		{"clipboard", "a\x1b]52;c;ZXZpbA==\x07b", "ab"},
		{"title, ST", "a\x1b]0;evil\x1b\\b", "ab"},
		{"title, C1 ST stays inside", "a\x1b]0;evil\xc2\x9cx\x07b", "ab"},
		{"hyperlink", "\x1b]8;;http://evil\x1b\\click\x1b]8;;\x1b\\", "click"},
		{"DCS, APC, PM, SOS, screen title", "\x1bP$q\"p\x1b\\\x1b_x\x1b\\\x1b^x\x1b\\\x1bXx\x1b\\\x1bkx\x1b\\.", "."},
		{"reports", "\x1b[6n\x1b[c\x1b[>c\x1b[21t\x1b[5n\x1b[?6n\x1b[x\x1b[?1$p\x1bZ\x05.", "."},
		{"keyboard and mouse", "\x1b[?1000h\x1b[?2004h\x1b[?1h\x1b=\x1b>\x1b[>4;2m\x1b[=1u\x1b[>1u.", "."},
		{"reset and insert", "\x1bc\x1b[!p\x1b[4h\x1b[20h\x1b#8\x1b(0.", "."},
		{"mouse highlight", "\x1b[1;1;1;1;1T\x1b[2T", "\x1b[2T"},
		{"huge numbers", "\x1b[2147483647Ix\x1b[99999999999999999999b", "x"},
		{"negative", "\x1b[-1@x", "x"},
		{"long parameters", "\x1b[" + strings.Repeat("1;", 500) + "mx", "x"},
		{"C1", "a\u009b31mb\x9b31m", "a<U+009B>31mb\ufffd31m"},
		{"bidi", "a\u202eb\u2066c", "a<U+202E>b<U+2066>c"},
		{"not UTF-8", "a\xffb\xc3(\xe2\x82", "a\ufffdb\ufffd(\ufffd"},
		{"wide", "日本 \U0001f600", "日本 \U0001f600"},
		{"escape in a sequence", "\x1b[3\x1b[1mx", "\x1b[1mx"},
		{"escape in a string", "\x1b]0;t\x1b[1mx", "\x1b[1mx"},
		{"line feed in a sequence", "\x1b[3\n1mx", "\n\x1b[31mx"},
		{"CAN", "\x1b]0;t\x18x\x1b[3\x1ay", "xy"},
		{"bell and null", "a\x07\x00\x0e\x7fb", "ab"},
		{"endless string", "\x1b]0;" + strings.Repeat("x", maxString) + "yz", cutString + "xyz"},
	} {
		if got := show(false, c.in); got != c.want {
			t.Errorf("%s: %.200q gives %.200q, want %q", c.name, c.in, got, c.want)
		}
	}
	if got := show(true, "a\x1b[1mb\x1b[2J\x1b7\x1b[?1049hc\n"); got != "abc\n" {
		t.Errorf("plain: %q", got)
	}
}

// allowed is what may be in the output, written independently of the filter.
var allowed = regexp.MustCompile(`\x1b(\[[0-9;:]{0,96}[mABCDEFGHIJKLMPSTXZ@` + "`" + `abdefrsu]|\[\?(25|47|1047|1048|1049)[hl]|[78DEM])`)

// checkSafe fails if out has anything but text and allowed sequences.
func checkSafe(t *testing.T, out []byte) {
	t.Helper()
	rest := allowed.ReplaceAll(out, nil)
	if !utf8.Valid(out) {
		t.Fatalf("output is not UTF-8: %q", out)
	}
	for _, r := range string(rest) {
		bidi := r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
		if r < ' ' && !strings.ContainsRune("\n\r\t\b", r) || r >= 0x7f && r < 0xa0 || bidi {
			t.Fatalf("output has %U: %q", r, out)
		}
	}
}

func FuzzReplay(f *testing.F) {
	for _, s := range []string{"\x1b]52;c;x\x07", "\x1b[?1049;1000h\x1b[6n", "\xe2\x80\xae\x9b1m", "\x1bP\x1b\x1b\\\x1b[1m", "\x1b[1;\x18\x1b#8"} {
		f.Add([]byte(s), uint8(3))
	}
	f.Fuzz(func(t *testing.T, in []byte, split uint8) {
		whole := []byte(show(false, string(in)))
		checkSafe(t, whole)
		var pieces Filter
		var out []byte
		for rest := in; len(rest) > 0; {
			n := min(int(split)%7+1, len(rest))
			out = pieces.Append(out, rest[:n])
			rest = rest[n:]
		}
		if out = pieces.Flush(out); !bytes.Equal(out, whole) {
			t.Fatalf("in pieces %q, whole %q", out, whole)
		}
		if plain := show(true, string(in)); strings.ContainsRune(plain, 0x1b) {
			t.Fatalf("plain text has an escape: %q", plain)
		}
		if len(pieces.params) > maxParams || len(pieces.utf8) > 4 {
			t.Fatal("the filter's memory grows")
		}
	})
}

func TestText(t *testing.T) {
	events := []recorder.Event{
		{At: 0, Code: recorder.Command, Data: []byte("{\"line\":\"ls\"}")},
		{At: 1500 * time.Millisecond, Code: recorder.Output, Data: []byte("a\x1b[31mb\x1b[0m\r\nc")},
		{At: 61 * time.Second, Code: recorder.Stderr, Data: []byte("oh \xe2\x82")},
		{At: 62 * time.Second, Code: recorder.Output, Data: []byte("d\n10%\r20%\r\n\u202eevil\x1b]0;x\x07")},
		{At: 3661 * time.Second, Code: recorder.Exit, Data: []byte("{\"status\":0}\x1b[2J")},
	}
	var out strings.Builder
	err := Text(&out, func(yield func(recorder.Event, error) bool) {
		for _, e := range events {
			if !yield(e, nil) {
				return
			}
		}
	})
	want := `00:00:00.000 c {"line":"ls"}
00:00:01.500 o ab
00:00:01.500 o cd
00:01:02.000 o 10%
00:01:02.000 o 20%
01:01:01.000 x {"status":0}
00:01:02.000 o <U+202E>evil
00:01:01.000 e oh ` + "\ufffd\n"
	if err != nil || out.String() != want {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func BenchmarkFilter(b *testing.B) {
	in := bytes.Repeat([]byte("\x1b[32mok\x1b[0m 2026-11-22 12:00:00 some line of a log, nothing special\r\n"), 1000)
	var f Filter
	var out []byte
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		out = f.Append(out[:0], in)
	}
}
