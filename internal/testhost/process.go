package testhost

import (
	"bytes"
	"context"
	_ "embed" // enter.sh
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

//go:embed enter.sh
var enterScript string

// process is the target's first process: an sshd that is PID 1 of its namespace, so nothing on the target outlives it.
type process struct {
	pid    int
	cancel context.CancelFunc
	done   chan struct{} // closed when the process and all others of its namespace are gone
	err    error         // why it ended; read after done
	stderr bytes.Buffer  // read after done
}

// enter starts the sshd in its namespaces and returns when it listens.
func enter(ctx context.Context, cfg Config, sshd string) (*process, error) {
	log, err := os.Open(filepath.Join(cfg.Dir, logFile))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	if _, err := log.Seek(0, io.SeekEnd); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	p := &process{cancel: cancel, done: make(chan struct{})}
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", enterScript, "enter.sh", cfg.Name, sshd)
	cmd.Dir = filepath.Join(cfg.Dir, fsDir)
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"}
	cmd.Stderr = &p.stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS,
		Pdeathsig:  syscall.SIGKILL,
		Setsid:     true,
	}
	started := make(chan error)
	go p.run(cmd, started)
	if err := <-started; err != nil {
		cancel()
		if errors.Is(err, syscall.EPERM) {
			return nil, ErrNeedsRoot
		}
		return nil, fmt.Errorf("enter namespaces: %w", err)
	}
	if err := p.waitListening(log); err != nil {
		p.kill()
		return nil, err
	}
	return p, nil
}

// run starts the command and waits for it on one locked thread: Pdeathsig fires when the starting *thread* ends.
func (p *process) run(cmd *exec.Cmd, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(p.done)
	err := cmd.Start()
	if err == nil {
		p.pid = cmd.Process.Pid
	}
	started <- err
	if err == nil {
		p.err = cmd.Wait()
	}
}

// waitListening watches the log for sshd's own word, so that the log holds no probe connections of ours.
func (p *process) waitListening(log io.Reader) error {
	var said []byte
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	limit := time.NewTimer(startLimit)
	defer limit.Stop()
	for {
		select {
		case <-p.done:
			more, _ := io.ReadAll(log)
			return fmt.Errorf("sshd ended: %w: %s", p.err, lastLines(p.stderr.String()+string(said)+string(more)))
		case <-limit.C:
			return fmt.Errorf("sshd does not listen after %s", startLimit)
		case <-tick.C:
			more, err := io.ReadAll(log)
			if err != nil {
				return fmt.Errorf("read the log of sshd: %w", err)
			}
			if said = append(said, more...); bytes.Contains(said, []byte("Server listening on")) {
				return nil
			}
		}
	}
}

// lastLines is the end of a program's complaint on one line.
func lastLines(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], "; ")
}

// kill ends the namespace's first process; the kernel ends and reaps the rest before Wait returns.
func (p *process) kill() error {
	p.cancel()
	<-p.done
	var exit *exec.ExitError
	if p.err != nil && !errors.As(p.err, &exit) && !errors.Is(p.err, context.Canceled) {
		return fmt.Errorf("end target: %w", p.err)
	}
	return nil
}

// Process is one process on the target.
type Process struct {
	PID     int // as this process sees it
	UID     int
	Command []string // argv; empty for one that has ended and was not yet waited for
}

// Processes lists what runs on the target with marker in its command line; an empty marker lists all.
func (h *Host) Processes(marker string) ([]Process, error) {
	select {
	case <-h.proc.done: // its number may be someone else's by now
		return nil, nil
	default:
	}
	namespace, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", h.PID()))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil // the first process is gone, so all are
	}
	if err != nil {
		return nil, fmt.Errorf("list processes of target %s: %w", h.cfg.Name, err)
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var found []Process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if p, ok := inspect(pid, namespace); ok && strings.Contains(strings.Join(p.Command, " "), marker) {
			found = append(found, p)
		}
	}
	return found, nil
}

// inspect reads one process; a process that ends meanwhile, or of another namespace, is not ok.
func inspect(pid int, namespace string) (Process, bool) {
	dir := fmt.Sprintf("/proc/%d", pid)
	if ns, err := os.Readlink(dir + "/ns/pid"); err != nil || ns != namespace {
		return Process{}, false
	}
	info, err := os.Stat(dir)
	if err != nil {
		return Process{}, false
	}
	cmdline, err := os.ReadFile(dir + "/cmdline")
	if err != nil {
		return Process{}, false
	}
	p := Process{PID: pid, UID: int(info.Sys().(*syscall.Stat_t).Uid)}
	if len(cmdline) > 0 {
		p.Command = strings.Split(strings.TrimSuffix(string(cmdline), "\x00"), "\x00")
	}
	return p, true
}
