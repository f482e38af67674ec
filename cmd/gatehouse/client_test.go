package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// clientLimit ends a client that hangs, masterLimit one that is left running.
const (
	clientLimit = 60 * time.Second
	masterLimit = 5 * time.Minute
)

// result is what a client left: its output and its exit status, or -1 if a signal ended it.
type result struct {
	stdout, stderr string
	status         int
	screen         bool // stdout is a terminal's
}

// client is a started program.
type client struct {
	cmd            *exec.Cmd
	stdout, stderr printed
	input          io.Closer // held open for clients in the background
	files          []*os.File
	limit          context.Context
	cancel         context.CancelFunc
}

// printed is what a program has printed so far; it may be read while the program runs.
type printed struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (p *printed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.buf.Write(b)
}

func (p *printed) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.buf.String()
}

// cmdHeard: heard NAME REGEXP waits until a client that was left running has printed something.
func cmdHeard(s *scene, _ *testscript.TestScript, args []string) error {
	onStderr := len(args) == 3 && args[0] == "-err"
	if onStderr {
		args = args[1:]
	}
	if len(args) != 2 || s.background[args[0]] == nil {
		return errors.New("usage: heard [-err] NAME REGEXP, of a client that was left running")
	}
	want, err := regexp.Compile(args[1])
	if err != nil {
		return err
	}
	return s.eventually(func() error {
		c := s.background[args[0]]
		text := c.stdout.String()
		if onStderr {
			text = c.stderr.String()
		}
		if !want.MatchString(text) {
			return fmt.Errorf("it printed %q so far", text)
		}
		return nil
	})
}

// launch starts a program. files are <FILE and >FILE; the arguments are handed over as they are.
func (s *scene) launch(ts *testscript.TestScript, background bool, files []string, name string, args ...string) (*client, error) {
	limit := clientLimit
	if background {
		limit = masterLimit
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	c := &client{cancel: cancel, limit: ctx}
	c.cmd = exec.CommandContext(ctx, name, args...)
	c.cmd.Dir, c.cmd.WaitDelay = s.work, time.Second
	c.cmd.Env = []string{"HOME=/no-home", "TERM=xterm"}
	for _, v := range []string{"PATH", "SSH_AUTH_SOCK", "DISPLAY", "XAUTHORITY", "GATEHOUSE_SSH_CONFIG", "GATEHOUSE_HOST"} {
		if value := ts.Getenv(v); value != "" {
			c.cmd.Env = append(c.cmd.Env, v+"="+value)
		}
	}
	c.cmd.Stdout, c.cmd.Stderr = &c.stdout, &c.stderr
	if err := c.redirect(ts, background, files); err != nil {
		cancel()
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		cancel()
		return nil, errors.Join(err, c.closeFiles())
	}
	return c, nil
}

func (c *client) redirect(ts *testscript.TestScript, background bool, files []string) error {
	for _, name := range files {
		var f *os.File
		var err error
		if path := ts.MkAbs(name[1:]); name[0] == '<' {
			f, err = os.Open(path)
			c.cmd.Stdin = f
		} else {
			f, err = os.Create(path)
			c.cmd.Stdout = f
		}
		if err != nil {
			return errors.Join(err, c.closeFiles())
		}
		c.files = append(c.files, f)
	}
	if c.cmd.Stdin == nil && background {
		input, err := c.cmd.StdinPipe()
		c.input = input
		return err
	}
	return nil
}

func (c *client) closeFiles() error {
	var errs []error
	for _, f := range c.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// wait returns when the program has ended.
func (c *client) wait() error {
	defer c.cancel()
	err := c.cmd.Wait()
	closed := c.closeFiles()
	var exit *exec.ExitError
	switch {
	case c.limit.Err() != nil && c.cmd.ProcessState.ExitCode() == -1:
		return fmt.Errorf("%q did not end in time; so far: %s%s", c.cmd.Args, c.stdout.String(), c.stderr.String())
	case errors.As(err, &exit), errors.Is(err, exec.ErrWaitDelay): // a child that keeps the streams, such as ssh's master
		return closed
	}
	return errors.Join(err, closed)
}

// call runs a program and makes what it left the case's last result.
func (s *scene) call(ts *testscript.TestScript, name string, args []string) error {
	return s.callWith(ts, nil, name, args)
}

func (s *scene) callWith(ts *testscript.TestScript, files []string, name string, args []string) error {
	if s.gate != nil {
		s.mark()
	}
	c, err := s.launch(ts, false, files, name, args...)
	if err != nil {
		return err
	}
	if err := c.wait(); err != nil {
		return err
	}
	s.settle(ts, c)
	return nil
}

func (s *scene) settle(ts *testscript.TestScript, c *client) {
	s.last = result{stdout: c.stdout.String(), stderr: c.stderr.String(), status: c.cmd.ProcessState.ExitCode()}
	fmt.Fprint(ts.Stdout(), s.last.stdout)
	fmt.Fprint(ts.Stderr(), s.last.stderr)
	ts.Logf("[status %d]", s.last.status)
}

// sshArgs turns WHO and the rest into ssh's arguments.
func (s *scene) sshArgs(who string, rest []string) ([]string, error) {
	config, err := s.config(who)
	return append([]string{"-F", config, "-o", "BatchMode=yes"}, rest...), err
}

// cmdSSH: ssh [<FILE] [>FILE] [&NAME] WHO ARG… runs the stock client as an enrolled client; &NAME leaves it running.
func cmdSSH(s *scene, ts *testscript.TestScript, args []string) error {
	name := ""
	var files []string
	for len(args) > 0 && len(args[0]) > 1 && strings.ContainsAny(args[0][:1], "<>&") {
		if args[0][0] == '&' {
			name = args[0][1:]
		} else {
			files = append(files, args[0])
		}
		args = args[1:]
	}
	if len(args) < 2 {
		return errors.New("usage: ssh [<FILE] [>FILE] [&NAME] WHO ARG…")
	}
	full, err := s.sshArgs(args[0], args[1:])
	if err != nil {
		return err
	}
	if name == "" {
		return s.callWith(ts, files, "ssh", full)
	}
	s.mark()
	c, err := s.launch(ts, true, files, "ssh", full...)
	if err != nil {
		return err
	}
	s.background[name] = c
	return nil
}

// cmdDirect: direct WHO TARGET LOGIN ARG… goes past Gatehouse, straight to the target's sshd.
func cmdDirect(s *scene, ts *testscript.TestScript, args []string) error {
	if len(args) < 4 {
		return errors.New("usage: direct WHO TARGET LOGIN ARG…")
	}
	h, err := s.host(args[1])
	if err != nil {
		return err
	}
	known := filepath.Join(s.work, "known_hosts."+args[1])
	if err := os.WriteFile(known, []byte(h.KnownHosts()), 0o600); err != nil {
		return err
	}
	host, port, _ := strings.Cut(h.Addr(), ":")
	key := filepath.Join(filepath.Dir(s.gate.Client(args[0])), "id")
	return s.call(ts, "ssh", append([]string{"-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "UserKnownHostsFile=" + known,
		"-i", key, "-p", port, "-l", args[2], host}, args[3:]...))
}

// withConfig makes the words scp WHO ARG… and sftp WHO ARG…: the stock program with the client's ssh_config.
func withConfig(program string) command {
	return func(s *scene, ts *testscript.TestScript, args []string) error {
		if len(args) < 2 {
			return fmt.Errorf("usage: %s WHO ARG…", program)
		}
		full, err := s.sshArgs(args[0], args[1:])
		if err != nil {
			return err
		}
		return s.call(ts, program, full)
	}
}

// cmdGatehouse: gatehouse ARG… runs the program's command line.
func cmdGatehouse(s *scene, ts *testscript.TestScript, args []string) error {
	return s.call(ts, s.binary, args)
}

// cmdAwait: await NAME waits for a client in the background; what it left is the last result.
func cmdAwait(s *scene, ts *testscript.TestScript, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: await NAME")
	}
	if args[0] == "terminal" {
		return s.awaitTerminal(ts)
	}
	c, ok := s.background[args[0]]
	if !ok {
		return fmt.Errorf("nothing called %q runs", args[0])
	}
	delete(s.background, args[0])
	timer := time.AfterFunc(clientLimit, c.cancel)
	defer timer.Stop()
	if err := c.wait(); err != nil {
		return err
	}
	s.settle(ts, c)
	return nil
}

// cmdUntil: until STATUS WHO ARG… runs ssh again and again until it ends with that status.
func cmdUntil(s *scene, ts *testscript.TestScript, args []string) error {
	if len(args) < 3 {
		return errors.New("usage: until STATUS WHO ARG…")
	}
	want, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	full, err := s.sshArgs(args[1], args[2:])
	if err != nil {
		return err
	}
	return s.eventually(func() error {
		if err := s.call(ts, "ssh", full); err != nil {
			return err
		}
		if s.last.status != want {
			return fmt.Errorf("status %d, want %d: %s", s.last.status, want, s.last.stderr)
		}
		return nil
	})
}

// cmdStorm: storm N PARALLEL WHO ARG… PROGRAM runs ssh N times with the numbers 0 to 255 in turn as the program's last word,
// and wants each number back as the exit status.
func cmdStorm(s *scene, ts *testscript.TestScript, args []string) error {
	if len(args) < 4 {
		return errors.New("usage: storm N PARALLEL WHO ARG… PROGRAM")
	}
	n, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	parallel, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	full, err := s.sshArgs(args[2], args[3:])
	if err != nil {
		return err
	}
	var mu sync.Mutex
	var wrong []string
	numbers := make(chan int)
	var work sync.WaitGroup
	for range parallel {
		work.Go(func() {
			for i := range numbers {
				want := i % 256
				line := full[len(full)-1] + " " + strconv.Itoa(want)
				cmd := exec.Command("ssh", append(slices.Clone(full[:len(full)-1]), line)...)
				out, _ := cmd.CombinedOutput()
				if got := cmd.ProcessState.ExitCode(); got != want {
					mu.Lock()
					wrong = append(wrong, fmt.Sprintf("%d: status %d, want %d: %s", i, got, want, out))
					mu.Unlock()
				}
			}
		})
	}
	begun := time.Now()
	for i := range n {
		numbers <- i
	}
	close(numbers)
	work.Wait()
	ts.Logf("%d times in %s, %d wrong", n, time.Since(begun).Round(time.Millisecond), len(wrong))
	if len(wrong) > 0 {
		return fmt.Errorf("%d of %d exit statuses are wrong: %s", len(wrong), n, strings.Join(wrong[:min(5, len(wrong))], "; "))
	}
	return nil
}

// config is the ssh_config of an enrolled client. OUTER+INNER is one that authenticates to the door as OUTER and, inside a
// jump, to the target's face as INNER.
func (s *scene) config(who string) (string, error) {
	outer, inner, both := strings.Cut(who, "+")
	if !both {
		return s.gate.Client(who), nil
	}
	text, err := os.ReadFile(s.gate.Client(inner))
	if err != nil {
		return "", err
	}
	key := filepath.Join(filepath.Dir(s.gate.Client(outer)), "id")
	head := fmt.Sprintf("Host gatehouse\n  IdentityFile %s\n  CertificateFile %s-cert.pub\nHost *\n", key, key)
	// ssh collects every IdentityFile that applies, so the inner identity must not apply to the door.
	body := strings.Replace(string(text), "Host *\n", "Host * !gatehouse\n", 1)
	common := fmt.Sprintf("Host *\n  IdentitiesOnly yes\n  UserKnownHostsFile %s\n  GlobalKnownHostsFile none\n  StrictHostKeyChecking yes\n",
		filepath.Join(filepath.Dir(key), "known_hosts"))
	path := filepath.Join(s.work, "ssh_config."+who)
	return path, os.WriteFile(path, []byte(head+body+common), 0o600)
}
