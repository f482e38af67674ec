package prompt

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"gatehouse/bastion/shell/wire"
)

// TestAnswersOfATerminalAreNoLine: what a terminal answers to a target's output is no part of a line, whatever words the target gave it.
func TestAnswersOfATerminalAreNoLine(t *testing.T) {
	for _, answer := range []string{
		"\x1b[24;80R", "\x1b[?62;4c", "\x1b[8;24;80t", "\x1b[?2026;2$y", "\x1b[I", "\x1b[<0;12;7M", "\x1b[M abc"[:6],
		"\x1b]10;rgb:ffff/ffff/ffff\x1b\\", "\x1b]lrm -rf ~\x1b\\", "\x1b]Lrm -rf ~\a", "\x1bP1$r0m\x1b\\", "\x1b_Gi=1;OK\x1b\\", "\x1b]l\u271c rm\r\x1b\\",
		"\u009b24;80R", "\u009dlrm -rf ~\u009c", "\x9dlrm -rf ~\x9c", "\u0090rm\x9c", "\x1b]l" + strings.Repeat("rm ", 9999) + "\a",
	} {
		if got, _, err := edited(t, "ec"+answer+"ho a\r"); err != nil || got != "echo a" {
			t.Errorf("%q: %q, %v", answer, got, err)
		}
	}
	// Who has typed the beginning of one gets out of it.
	if _, _, err := edited(t, "\x1b]typed\x03"); !errors.Is(err, errInterrupted) {
		t.Error(err)
	}
}

// raw is a prompt's line that nobody edits.
func raw(keys string) (text, shown string, err error) {
	var out strings.Builder
	d := &discipline{keys: decoder{src: typing(keys)}, write: func(s string) { out.WriteString(s) }}
	text, err = d.command(context.Background())
	return text, out.String(), err
}

// TestOnlyWholeLinesAreRun: what was typed of a line when the client went, or before Ctrl-D, is not run, nor is a line that was cut.
func TestOnlyWholeLinesAreRun(t *testing.T) {
	if text, _, err := raw("rm -r /srv/a"); !errors.Is(err, io.EOF) || text != "" {
		t.Errorf("%q, %v", text, err)
	}
	if text, _, err := raw("rm -r \x04/srv/a\r"); err != nil || text != "rm -r /srv/a" {
		t.Errorf("%q, %v", text, err)
	}
	if text, shown, err := raw(strings.Repeat("a", maxCooked+1) + "\r"); !errors.Is(err, errInterrupted) || text != "" || shown != tooLong {
		t.Errorf("%d, %q, %v", len(text), shown, err)
	}
	if text, _, err := edited(t, "rm -r /srv/a"); !errors.Is(err, io.EOF) || text != "" {
		t.Errorf("%q, %v", text, err)
	}
}

// TestASignalIsCtrlC: one that comes while nothing runs ends the line that is typed, and no later one.
func TestASignalIsCtrlC(t *testing.T) {
	src := newSource(nil)
	e := &editor{keys: decoder{src: src}, write: func(string) {}, history: &history{}}
	src.interrupt()
	if _, err := e.read(t.Context(), "$ ", nil); !errors.Is(err, errInterrupted) {
		t.Error(err)
	}
	src.add(wire.Answer{Data: []byte("a\r")})
	if text, err := e.read(t.Context(), "$ ", nil); err != nil || text != "a" {
		t.Errorf("%q, %v", text, err)
	}
	heard := 0
	src.listen(func(byte) { heard++ })
	if src.interrupt(); heard != 1 {
		t.Error(heard)
	}
}
