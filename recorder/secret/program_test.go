package secret

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"gatehouse/recorder"
)

const (
	quietTime = 40 * time.Millisecond // how long a program is silent when it waits for a key
	endTime   = 20 * time.Second      // what it may take to begin, to answer a key, and to end
)

// painted runs a real program on a terminal of 40 by 12, types into it and returns what came, as it came.
func painted(t *testing.T, dir string, keys []string, program string, args ...string) []recorder.Event {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	cmd.Env = []string{"TERM=xterm-256color", "PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "PS1=$ ", "LANG=C.UTF-8"}
	f, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: 40, Rows: 12})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	pieces := make(chan []byte)
	go func() {
		defer close(pieces)
		for {
			b := make([]byte, 4096)
			n, err := f.Read(b)
			if n > 0 {
				pieces <- b[:n]
			}
			if err != nil { // EIO: that is how a terminal ends
				return
			}
		}
	}()
	var out []recorder.Event
	quiet := time.NewTimer(endTime)
	defer quiet.Stop()
	for {
		select {
		case p, ok := <-pieces:
			if !ok {
				_ = cmd.Wait() // how it ends is not what is tested
				return out
			}
			out = append(out, recorder.Event{Code: recorder.Output, Data: p})
			if len(keys) > 0 {
				quiet.Reset(quietTime)
			}
		case <-quiet.C: // it waits for a key
			if len(keys) == 0 {
				_ = cmd.Process.Kill()
				for range pieces {
				}
				_ = cmd.Wait()
				t.Fatalf("%s does not end; so far: %q", program, shown(out))
			}
			if _, err := f.WriteString(keys[0]); err != nil {
				t.Fatal(err)
			}
			keys = keys[1:]
			quiet.Reset(endTime)
		}
	}
}

// TestRealPrograms: secrets that reach over the screen's edge, as real programs draw them.
func TestRealPrograms(t *testing.T) {
	d := detector(t)
	secret, password := "gh"+"p_"+draw(all62, 36), "Tr0ub4"+"dor3"+strings.Repeat("y", 40)
	dir := t.TempDir()
	text := "first line\nsome words before it: " + secret + " and after\npassword=" + password + "\nlast line\n"
	if err := os.WriteFile(filepath.Join(dir, "f"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		keys    []string
		command []string
	}{
		"bash, pasted": {[]string{": some words before it " + secret + " password=" + password, "\n", "exit\n"}, []string{"bash", "--norc", "--noprofile", "-i"}},
		"bash, typed":  {append(strings.Split(": some words before it "+secret, ""), "\n", "exit\n"), []string{"bash", "--norc", "--noprofile", "-i"}},
		"cat":          {nil, []string{"cat", "f"}},
		"less":         {[]string{"q"}, []string{"less", "f"}},
		"vim":          {[]string{":q\r"}, []string{"vim", "-u", "NONE", "-n", "f"}},
		"grep":         {nil, []string{"grep", "--color=always", "-n", "words", "f"}},
	} {
		list := painted(t, dir, c.keys, c.command[0], c.command[1:]...)
		before, after := shown(list), shown(scanned(t, d, screen, list))
		for _, part := range []string{secret[:15], secret[28:], password[:10], password[36:]} {
			if strings.Contains(after, part) {
				t.Errorf("%s: %q is shown in %q", name, part, after)
			}
		}
		if !strings.Contains(after, "words") || strings.Count(after, "*") < 30 {
			t.Errorf("%s: %q became %q", name, before, after)
		}
	}
}
