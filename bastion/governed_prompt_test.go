package bastion

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/policy"
)

// typedAt is what a terminal was sent so far.
type typedAt struct {
	t  *testing.T
	in io.Writer

	mu   sync.Mutex
	seen bytes.Buffer
	from int
}

func (a *typedAt) Write(b []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.seen.Write(b)
}

// expect waits until text has come behind what was expected before.
func (a *typedAt) expect(text string) {
	a.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		a.mu.Lock()
		i := strings.Index(a.seen.String()[a.from:], text)
		if i >= 0 {
			a.from += i + len(text)
		}
		rest := a.seen.String()[a.from:]
		a.mu.Unlock()
		if i >= 0 {
			return
		}
		if time.Now().After(deadline) {
			a.t.Fatalf("no %q in %q", text, rest)
		}
	}
}

func (a *typedAt) send(keys string) {
	a.t.Helper()
	if _, err := io.WriteString(a.in, keys); err != nil {
		a.t.Fatal(err)
	}
}

// atPrompt is a client's terminal at a governed prompt.
func atPrompt(t *testing.T, c *ssh.Client, env ...string) (*typedAt, *ssh.Session) {
	t.Helper()
	s, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	for i := 0; i+1 < len(env); i += 2 {
		if err := s.Setenv(env[i], env[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	at := &typedAt{t: t}
	s.Stdout = at
	if at.in, err = s.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := s.RequestPty("xterm", 24, 80, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Shell(); err != nil {
		t.Fatal(err)
	}
	return at, s
}

// TestGovernedPrompt: a prompt's lines are read on our side, and what runs has the terminal where its rule says so.
func TestGovernedPrompt(t *testing.T) {
	w := newGoverned(t)
	c := w.client("deploy@web-1", w.certify(policy.Agent, "bot", 5*time.Minute))
	at, s := atPrompt(t, c)
	at.expect("deploy@web-1:~$ ")
	at.send("x=5; echo v$x\r")
	at.expect("v5\r\n")
	at.send("stty size\r") // on a terminal of its own
	at.expect("24 80")
	at.expect("$ ") // what comes before is that command's
	at.send("for i in a b; do\r")
	at.expect("> ")
	at.send("echo n$i; done\r")
	at.expect("na\r\nnb\r\n")
	at.send("whoami\r")
	at.expect("GATEHOUSE-DENIAL")
	at.send("sleep 600\r")
	time.Sleep(300 * time.Millisecond)
	at.send("\x03")
	at.expect("^C")
	at.send("echo s$?\r")
	at.expect("s130")
	at.send("read -r l; echo \"<$l>\"\rtyped\r")
	at.expect("<typed>")
	at.send("read -rsp 'pass: ' s; echo \"[${#s}]\"\r")
	at.expect("\r\n")
	at.expect("pass: ")
	at.send("hush\r")
	at.expect("[4]")
	if strings.Contains(at.seen.String(), "hush") {
		t.Error("a secret was shown")
	}
	at.send("PS1='mine> '\r")
	at.expect("2004hmine> ")
	at.send("exit 3\r")
	if err := s.Wait(); err == nil || !strings.Contains(err.Error(), "status 3") {
		t.Error(err)
	}
	at, s = atPrompt(t, c, promptVariable, "json")
	at.expect(`GATEHOUSE-PROMPT {"line":1,"status":0,"cwd":"/home/deploy","more":false}`)
	at.send("echo hi\r")
	at.expect("\nhi\r\n\r\nGATEHOUSE-PROMPT ")
	at.send("\x04")
	if err := s.Wait(); err != nil {
		t.Error(err)
	}
	// A line on a terminal has it as well.
	one, err := c.NewSession()
	w.must(err)
	defer one.Close()
	line := &typedAt{t: t}
	one.Stdout = line
	line.in, err = one.StdinPipe()
	w.must(err)
	w.must(one.RequestPty("xterm", 24, 80, nil))
	w.must(one.Start(`x=1; read -r l; echo "<$l>"; stty size; echo so; sleep 600`))
	line.send("typed\r")
	line.expect("<typed>\r\n")
	line.expect("24 80\r\nso\r\n") // what comes before is that command's
	line.send("\x03")
	line.expect("^C")
	if err := one.Wait(); err == nil || !strings.Contains(err.Error(), "status 130") {
		t.Error(err)
	}
}
