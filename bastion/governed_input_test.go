package bastion

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// governedBy is a governed shell whose commands are these rules.
func governedBy(t *testing.T, rules string) (*whole, *ssh.Client) {
	t.Helper()
	w := newGoverned(t)
	return w, w.obligedTo("    shell: governed\n" + rules)
}

// execWith runs a line whose input comes in pieces: each when the command has said what stands before it.
func execWith(t *testing.T, c *ssh.Client, line string, pieces ...[2]string) (stdout, stderr string, status int) {
	t.Helper()
	s, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	out, errs := &typedAt{t: t}, &typedAt{t: t}
	s.Stdout, s.Stderr = out, errs
	in, err := s.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(line); err != nil {
		t.Fatal(err)
	}
	for _, p := range pieces {
		if p[0] != "" {
			out.expect(p[0])
		}
		if _, err := io.WriteString(in, p[1]); err != nil {
			t.Fatal(err)
		}
	}
	_ = in.Close() // a session that has ended has closed it
	err = s.Wait()
	if exit, ok := err.(*ssh.ExitError); ok {
		status = exit.ExitStatus()
	} else if err != nil {
		t.Fatal(err)
	}
	return out.text(), errs.text(), status
}

// text is all that came.
func (a *typedAt) text() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.seen.String()
}

// TestAStepsCertainInput: where a rule has the hash of the input, a command of a governed shell gets all of what the client still has to send, and
// nothing else, after it was hashed; what the client had sent before counts.
func TestAStepsCertainInput(t *testing.T) {
	_, c := governedBy(t, strings.Replace(byHash("cat"), "]\n", ", sleep <int>]\n", 1))
	const good = "echo from the script\n"
	for _, test := range []struct {
		line   string
		pieces [][2]string
		stdout string
		denied bool
	}{
		{"x=1; cat; echo $x$?", [][2]string{{"", good}}, good + "10\n", false},
		{"x=1; echo go; sleep $x; cat; echo $?", [][2]string{{"", "echo evil\n"}, {"go", good}}, "go\n126\n", true},
		{"x=1; read -r l; cat; echo $l$?", [][2]string{{"", "first\n" + good}}, good + "first0\n", false},
		{"x=1; cat; cat; echo $?", [][2]string{{"", good}}, good + "126\n", true},
		{"x=1; echo evil | cat; echo $?", [][2]string{{"", good}}, "126\n", true},
		{"x=1; cat < /dev/null; echo $?", [][2]string{{"", good}}, "126\n", true},
	} {
		stdout, stderr, status := execWith(t, c, test.line, test.pieces...)
		if stdout != test.stdout || status != 0 || strings.Contains(stderr, `"code":"stdin_not_allowed"`) != test.denied {
			t.Errorf("%s: %d %q\n%s", test.line, status, stdout, stderr)
		}
	}
}

// TestAStepsInputIsBounded: what reaches a command of a governed shell is bounded by its rule, wherever it comes from; the shell goes on.
func TestAStepsInputIsBounded(t *testing.T) {
	_, c := governedBy(t, "    allow: [{run: wc -c, stdin: data, stdin_max: 1KiB}]\n")
	stdout, stderr, _ := execWith(t, c, "x=1; wc -c; echo $x$?", [2]string{"", strings.Repeat("x", 4096)})
	if stdout != "1137\n" || !strings.Contains(stderr, "the policy lets it read 1024 bytes") {
		t.Errorf("%q\n%s", stdout, stderr)
	}
	for n, want := range map[int]string{1000: "1000\n0\n", 4000: "137\n"} {
		stdout, stderr, _ := execWith(t, c, fmt.Sprintf(`x=%d; printf "%%${x}s" | wc -c; echo $?`, n))
		if stdout != want || (n > 1024) != strings.Contains(stderr, "1024 bytes") {
			t.Errorf("%d: %q\n%s", n, stdout, stderr)
		}
	}
}

// TestNoInputAtAPrompt: what a prompt's line pipes into a command is held against its rule, as in any line.
func TestNoInputAtAPrompt(t *testing.T) {
	_, c := governedBy(t, "    allow: [{run: wc -c, stdin: none}, {run: wc -l, stdin: pipe}]\n")
	at, _ := atPrompt(t, c)
	at.expect("$ ")
	at.send("x=evil; echo $x | wc -c\r")
	at.expect("stdin_not_allowed")
	at.send("echo $x | wc -l\r")
	at.expect("1\r\n")
}

// TestAPromptsInputIsNotCertain: a terminal's input is never one that a rule has the hash of.
func TestAPromptsInputIsNotCertain(t *testing.T) {
	_, c := governedBy(t, byHash("cat"))
	at, _ := atPrompt(t, c)
	at.expect("$ ")
	begun := time.Now()
	at.send("x=1; cat\r")
	at.expect("stdin_not_allowed")
	if took := time.Since(begun); took > holdTime/2 {
		t.Errorf("it took %s", took)
	}
}
