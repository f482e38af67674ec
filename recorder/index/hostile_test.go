package index

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/recorder"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// attacks are what a host may print at whoever looks: everything that makes a terminal answer, store, or misread.
var attacks = []string{
	"clipboard \x1b]52;c;cm0gLXJmIC8=\x07.", "clipboard by C1 \u009d52;c;eA==\u009c.", "title \x1b]0;root@prod\x07\x1b]2;x\x1b\\.", "title report \x1b[21t.",
	"link \x1b]8;;https://evil.example/\x07click\x1b]8;;\x07.", "status \x1b[5n\x1b[6n\x1b[c\x1b[>c\x1b[=c.", "DCS \x1bP$qm\x1b\\\x1bP+q436f\x1b\\.",
	"APC \x1b_Gf=100;AAAA\x1b\\ PM \x1b^x\x1b\\ SOS \x1bXx\x1b\\.", "bidi \u202etxt.exe\u202c \u2066x\u2069 \u200f.", "C1 \u009b31m \u0090x \x9b31m.",
	"keys \x1b[?1000h\x1b[?1006h\x1b[?2004h\x1b[>4;2m\x1b>\x1b=.", "print \x1b[5i\x1b[4i.", "media \x1b]1337;File=inline=1:AAAA\x07.", "notify \x1b]9;x\x07\x1b]777;notify;a;b\x07.",
	"tmux \x1bPtmux;\x1b\x1b]52;c;eA==\x07\x1b\\ screen \x1bktitle\x1b\\.", "tags \U000e0041\U000e0042.", "bell \x07 nul \x00 del \x7f.", "resize \x1b[8;999;999t.",
	"huge \x1b[2147483647I\x1b[99999999C.", "unterminated \x1b]0;" + strings.Repeat("x", 5000) + ".", "split \xe2\x82",
}

// What is shown of a hostile session, in a segment, in the screen that a segment begins with, and in a transcript, drives
// nothing: the golden files are what it looks like, and none holds a sequence beyond drawing.
func TestHostileOutput(t *testing.T) {
	h := recorder.Header{PTY: true, Cols: 60, Rows: 30}
	a := newArchive(t)
	var events []recorder.Event
	rec := a.begin(h)
	for i, text := range append(attacks, strings.Repeat("filler\r\n", 45_000), strings.Join(attacks, "\r\n"), "end", "end") {
		must(t, rec.Write(recorder.Output, []byte(text+"\r\n")))
		events = append(events, at(time.Duration(i)*time.Second, 'o', text+"\r\n"))
		if i >= len(attacks) {
			time.Sleep(600 * time.Millisecond) // another frame
		}
	}
	session := a.finish(rec).Session
	x, err := Make(t.Context(), a, session, nil, nil)
	must(t, err)
	rd := a.read(session)
	last := segmentOf(t, x, rd, x.Segments()-1, x.Times(0))
	screen, _, err := x.At(rd, x.Duration())
	must(t, err)
	var transcript strings.Builder
	must(t, Transcript(&transcript, h, sequence(append(events[:len(attacks):len(attacks)], events[len(attacks)+2:]...)...)))
	for name, text := range map[string]string{"segment": last.text(), "snapshot": screen, "transcript": transcript.String()} {
		golden(t, name, strings.ReplaceAll(text, "filler\r\n", ""))
		for _, bad := range []string{"\x1b]", "\x1bP", "\x1b_", "\x1b^", "\x1bX", "\x1bk", "\x07", "\u009b", "\u009d", "\u202e", "\x1b[6n", "\x1b[c", "\x1b[21t", "\x1b[?1000", "\x1b[?2004", "\x1b[5i", "\U000e0041", "\x00"} {
			if strings.Contains(text, bad) {
				t.Errorf("%s: %q is in it", name, bad)
			}
		}
	}
	if !strings.Contains(last.text(), "clipboard .") || !strings.Contains(screen, "bidi <U+202E>txt.exe<U+202C>") {
		t.Errorf("what is no attack is not shown:\n%q\n%q", last.text(), screen)
	}
}

// golden compares text with testdata/NAME.golden, which holds it as a JSON string a line.
func golden(t *testing.T, name, text string) {
	t.Helper()
	var b strings.Builder
	for line := range strings.Lines(text) {
		quoted, err := json.Marshal(line)
		must(t, err)
		b.Write(append(quoted, '\n'))
	}
	path := filepath.Join("testdata", name+".golden")
	if *update {
		must(t, os.WriteFile(path, []byte(b.String()), 0o644))
	}
	want, err := os.ReadFile(path)
	must(t, err)
	if b.String() != string(want) {
		t.Errorf("%s is\n%s\nwant\n%s", name, b.String(), want)
	}
}
