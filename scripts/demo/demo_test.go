package main

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/answer"
)

func TestSplitDenialReadsTheContract(t *testing.T) {
	good := answer.Denial{Code: "not_allowed", Why: "no rule admits \"systemctl\""}.Lines()
	person, program, ok := splitDenial(good)
	if !ok || program.Code != "not_allowed" || program.Decision != "deny" || !strings.HasPrefix(person, "gatehouse: DENIED") {
		t.Errorf("%q → %q, %v, %v", good, person, program, ok)
	}
	for name, text := range map[string]string{
		"empty":              "",
		"no line for people": strings.SplitAfterN(good, "\n", 2)[1],
		"a line more":        good + "Connection closed.\n",
		"another answer":     answer.Fault{Code: "internal", Why: "x"}.Lines(),
		"torn":               good[:len(good)-4],
	} {
		if _, _, ok := splitDenial(text); ok {
			t.Errorf("%s was taken for a denial", name)
		}
	}
}

// TestQuoteIsReadBackByAShell lets sh judge what a reader would paste.
func TestQuoteIsReadBackByAShell(t *testing.T) {
	for _, arg := range []string{"", "plain", "two words", "it's", "$(id) `id` \\ \"q\"", "a;b&c|d<e>f", "*?[x]{y}~#!", "new\nline"} {
		out, err := exec.Command("sh", "-c", "printf %s "+quote(arg)).Output()
		if err != nil || string(out) != arg {
			t.Errorf("quote(%q) = %s reads back as %q, %v", arg, quote(arg), out, err)
		}
	}
}

func TestScreenDrivesNoTerminal(t *testing.T) {
	var out bytes.Buffer
	s := &screen{out: &out}
	s.output("\x1b[2Jclear\x07 \u009b31mred\r\nsecond\n3\n4\n5\n6\n")
	s.output(strings.Repeat("w", 10000))
	s.check("claim", false, "\x1b]0;title\x07")
	if strings.ContainsAny(out.String(), "\x1b\x07\r\u009b") {
		t.Errorf("control characters reach the terminal: %q", out.String())
	}
	if !strings.Contains(out.String(), "… 2 more lines") || len(out.String()) > 1000 {
		t.Errorf("long output is not cut: %d bytes", out.Len())
	}
	if s.failed != 1 || s.passed != 0 {
		t.Errorf("counted %d failed, %d passed", s.failed, s.passed)
	}
}

func TestSurvivorsSeesWhatIsLeft(t *testing.T) {
	folder := t.TempDir()
	byFolder := exec.Command("sleep", "60")
	byFolder.Dir = folder
	byNumber := exec.Command("sleep", "60")
	for _, cmd := range []*exec.Cmd{byFolder, byNumber} {
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		defer cmd.Wait()
		defer cmd.Process.Kill()
	}
	left, err := survivors([]int{byNumber.Process.Pid}, folder)
	if err != nil || len(left) != 2 {
		t.Errorf("survivors %q, %v; want both", left, err)
	}
}

func TestServerThatDoesNotEndIsKilled(t *testing.T) {
	s := &server{done: make(chan struct{}), limit: 50 * time.Millisecond}
	s.cmd = exec.Command("sh", "-c", "trap '' TERM; echo; sleep 60 & wait; wait")
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1)); err != nil { // the trap is set
		t.Fatal(err)
	}
	children := s.family()
	go func() { defer close(s.done); s.err = s.cmd.Wait() }()
	if err := s.stop(); err == nil || !strings.Contains(err.Error(), "still running") {
		t.Errorf("stop: %v, want that it had to be killed", err)
	}
	for _, pid := range children[1:] {
		if p, err := os.FindProcess(pid); err == nil {
			_ = p.Kill()
		}
	}
}
