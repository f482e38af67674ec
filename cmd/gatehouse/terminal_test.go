package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"

	"github.com/creack/pty"
	"github.com/rogpeppe/go-internal/testscript"
)

// terminal is a stock client on a terminal of its own.
type terminal struct {
	cmd  *exec.Cmd
	file *os.File
	done chan struct{} // closed when nothing more comes to the screen

	mu   sync.Mutex
	text []byte // everything that came to the screen
	seen int    // what screen has matched
}

// cmdTerminal: terminal COLSxROWS WHO ARG… runs ssh on a terminal; "await terminal" waits for its end.
func cmdTerminal(s *scene, ts *testscript.TestScript, args []string) error {
	if len(args) < 3 || s.terminal != nil {
		return errors.New("usage: terminal COLSxROWS WHO ARG…, one at a time")
	}
	size, err := parseSize(args[0])
	if err != nil {
		return err
	}
	full, err := s.sshArgs(args[1], args[2:])
	if err != nil {
		return err
	}
	s.mark()
	cmd := exec.Command("ssh", full...)
	cmd.Env = []string{"HOME=/no-home", "TERM=xterm", "PATH=" + ts.Getenv("PATH")}
	file, err := pty.StartWithSize(cmd, size)
	if err != nil {
		return err
	}
	s.terminal = &terminal{cmd: cmd, file: file, done: make(chan struct{})}
	go s.terminal.follow()
	return nil
}

func parseSize(text string) (*pty.Winsize, error) {
	var size pty.Winsize
	if _, err := fmt.Sscanf(text, "%dx%d", &size.Cols, &size.Rows); err != nil {
		return nil, fmt.Errorf("size %q is not COLSxROWS", text)
	}
	return &size, nil
}

func (t *terminal) follow() {
	defer close(t.done)
	b := make([]byte, 4096)
	for {
		n, err := t.file.Read(b)
		t.mu.Lock()
		t.text = append(t.text, b[:n]...)
		t.mu.Unlock()
		if err != nil {
			return // the last process of the terminal has ended
		}
	}
}

func (t *terminal) close() {
	_ = t.cmd.Process.Kill() // ended already is fine
	_ = t.file.Close()
	<-t.done
	_ = t.cmd.Wait()
}

// cmdType: type TEXT… types each text; %"\x03" is Ctrl-C.
func cmdType(s *scene, _ *testscript.TestScript, args []string) error {
	if s.terminal == nil {
		return errors.New("there is no terminal")
	}
	_, err := s.terminal.file.WriteString(strings.Join(args, ""))
	return err
}

// cmdScreen: screen REGEXP waits until it matches what came to the screen after the last match.
func cmdScreen(s *scene, _ *testscript.TestScript, args []string) error {
	if s.terminal == nil || len(args) != 1 {
		return errors.New("usage: screen REGEXP, with a terminal")
	}
	re, err := regexp.Compile(args[0])
	if err != nil {
		return err
	}
	t := s.terminal
	return s.eventually(func() error {
		t.mu.Lock()
		defer t.mu.Unlock()
		at := re.FindIndex(t.text[t.seen:])
		if at == nil {
			return fmt.Errorf("the screen shows no %q: %q", args[0], t.text[t.seen:])
		}
		t.seen += at[1]
		return nil
	})
}

// cmdSize: size COLSxROWS changes the terminal's size.
func cmdSize(s *scene, _ *testscript.TestScript, args []string) error {
	if s.terminal == nil || len(args) != 1 {
		return errors.New("usage: size COLSxROWS, with a terminal")
	}
	size, err := parseSize(args[0])
	if err != nil {
		return err
	}
	return pty.Setsize(s.terminal.file, size)
}

// awaitTerminal waits for the client; the screen is the last result's standard output.
func (s *scene) awaitTerminal(ts *testscript.TestScript) error {
	t := s.terminal
	if t == nil {
		return errors.New("there is no terminal")
	}
	err := s.eventually(func() error {
		select {
		case <-t.done:
			return nil
		default:
			return errors.New("the client on the terminal does not end")
		}
	})
	if err != nil {
		return err
	}
	s.terminal = nil
	_ = t.cmd.Wait() // the status says how it ended
	s.last = result{stdout: string(t.text), status: t.cmd.ProcessState.ExitCode(), screen: true}
	fmt.Fprint(ts.Stdout(), s.last.stdout)
	ts.Logf("[status %d]", s.last.status)
	return t.file.Close()
}
