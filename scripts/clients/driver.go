package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
	"unicode"
)

// wordLimit ends a driver that hangs.
const wordLimit = 10 * time.Minute

// seat is one client at work: its row and the folder that is its own.
type seat struct {
	*world
	client
	dir     string
	running *relay // nil where the client needs none
}

// result is what a driver left.
type result struct {
	stdout, stderr string
	status         int
	na             string // why the client has no such thing
}

// call says how a driver is run besides its words.
type call struct {
	env   []string
	stdin io.Reader // nil is /dev/null
}

// seat prepares a client's folder.
func (w *world) seat(ctx context.Context, c client) (*seat, error) {
	s := &seat{world: w, client: c, dir: filepath.Join(w.dir, "seat-"+c.name)}
	if err := os.MkdirAll(s.dir, 0o700); err != nil || !c.relay {
		return s, err
	}
	var err error
	s.running, err = s.startRelay(ctx)
	return s, err
}

// close ends what the seat began.
func (s *seat) close() {
	if s.running != nil {
		s.running.close()
	}
}

// environment is what the drivers are told (docs/spec/client-driver.md).
func (s *seat) environment() []string {
	host, port, _ := strings.Cut(s.gate.SSHAddr, ":")
	folder := filepath.Dir(s.gate.Client(s.name))
	key := filepath.Join(folder, "id")
	more := s.env
	if s.running != nil {
		more = append(slices.Clone(more), s.running.env...)
	}
	return append(os.Environ(), append([]string{"SSH_AUTH_SOCK=", "SSH_ASKPASS=", "HOME=" + s.dir, "LC_ALL=C.UTF-8",
		"GH_HOST=" + host, "GH_PORT=" + port, "GH_USER=" + login + "@" + targetName, "GH_LOGIN=" + login, "GH_TARGET=" + targetName,
		"GH_KEY=" + key, "GH_CERT=" + key + "-cert.pub", "GH_CONFIG=" + s.gate.Client(s.name), "GH_KNOWN_HOSTS=" + filepath.Join(folder, "known_hosts"),
		"GH_HOSTKEY=" + s.hostKey, "GH_FINGERPRINT=" + s.fingerprint, "GH_NAME=gatehouse", "GH_DIR=" + s.dir, "GH_DRIVERS=" + s.drivers, "GH_MODULES=" + filepath.Join(s.drivers, "node_modules")}, more...)...)
}

// start begins a driver's word. What it returns is waited for by finish.
func (s *seat) start(ctx context.Context, c call, words ...string) (*running, error) {
	argv := append(append([]string{}, s.driver...), words...)
	for i := range s.driver {
		if path := filepath.Join(s.drivers, argv[i]); exists(path) {
			argv[i] = path
		}
	}
	r := &running{words: words, verdict: filepath.Join(s.dir, "na-"+fmt.Sprint(time.Now().UnixNano()))}
	ctx, r.cancel = context.WithTimeout(ctx, wordLimit)
	r.cmd = exec.CommandContext(ctx, argv[0], argv[1:]...)
	r.cmd.Env = append(append(s.environment(), "GH_NA="+r.verdict), c.env...)
	r.cmd.Dir, r.cmd.Stdin, r.cmd.Stdout, r.cmd.Stderr = s.dir, c.stdin, &r.stdout, &r.stderr
	r.cmd.WaitDelay = time.Second
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a driver's own children end with it
	r.cmd.Cancel = func() error { return syscall.Kill(-r.cmd.Process.Pid, syscall.SIGKILL) }
	r.ctx = ctx
	if err := r.cmd.Start(); err != nil {
		r.cancel()
		return nil, fmt.Errorf("%s: %w", argv[0], err)
	}
	return r, nil
}

// running is a driver at work.
type running struct {
	words          []string
	cmd            *exec.Cmd
	ctx            context.Context
	cancel         context.CancelFunc
	stdout, stderr syncBuffer
	verdict        string
}

// finish waits for the driver's end.
func (r *running) finish() (result, error) {
	defer r.cancel()
	err := r.cmd.Wait()
	out := result{stdout: r.stdout.String(), stderr: r.stderr.String(), status: r.cmd.ProcessState.ExitCode()}
	if why, err := os.ReadFile(r.verdict); err == nil {
		out.na = strings.TrimSpace(string(why))
	}
	if r.ctx.Err() != nil {
		return out, fmt.Errorf("%q did not end: %s%s", r.words, tail(out.stdout), tail(out.stderr))
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && !errors.Is(err, exec.ErrWaitDelay) {
		return out, fmt.Errorf("%q: %w", r.words, err)
	}
	return out, nil
}

// do runs a driver's word to its end.
func (s *seat) do(ctx context.Context, c call, words ...string) (result, error) {
	r, err := s.start(ctx, c, words...)
	if err != nil {
		return result{}, err
	}
	return r.finish()
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// tail is the end of a long text on one line, without what a terminal may act upon.
func tail(text string) string {
	text = strings.ToValidUTF8(text[max(0, len(text)-600):], "")
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if r == '\n' || unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text)), " ")
}
