package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	readyLimit = 60 * time.Second
	stopLimit  = 20 * time.Second
	keptLines  = 30
)

// server is `gatehouse serve`.
type server struct {
	cmd   *exec.Cmd
	ready chan struct{} // closed when it says that it is ready
	done  chan struct{} // closed when it has ended
	err   error         // how it ended; read after done
	limit time.Duration // for stop

	mu   sync.Mutex
	last []string // the newest lines of its log
}

// startServer runs gatehouse with its log in the demo's folder and waits until it is ready.
func (w *world) startServer(ctx context.Context) (string, error) {
	log, err := os.Create(filepath.Join(w.dir, "gatehouse.log"))
	if err != nil {
		return "", err
	}
	s := &server{ready: make(chan struct{}), done: make(chan struct{}), limit: stopLimit}
	s.cmd = exec.Command(w.binary, "serve", "--config", w.config)
	s.cmd.Dir = w.dir
	// Its own process group, so that Ctrl-C reaches only the demo, which then ends things in order.
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		return "", errors.Join(err, log.Close())
	}
	if err := s.cmd.Start(); err != nil {
		return "", errors.Join(err, log.Close())
	}
	w.server = s
	go func() {
		defer close(s.done)
		defer log.Close()
		s.follow(bufio.NewScanner(stderr), log)
		s.err = s.cmd.Wait()
	}()
	limit := time.NewTimer(readyLimit)
	defer limit.Stop()
	select {
	case <-s.ready:
		return fmt.Sprintf("gatehouse serves with %d processes; its log is gatehouse.log", len(s.family())), nil
	case <-s.done:
		return "", fmt.Errorf("gatehouse serve ended: %w: %s", s.err, s.lastWords())
	case <-limit.C:
		return "", fmt.Errorf("not ready after %s: %s", readyLimit, s.lastWords())
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// follow copies the log and watches it for the word that clients may come.
func (s *server) follow(lines *bufio.Scanner, log *os.File) {
	ready := false
	for lines.Scan() {
		fmt.Fprintln(log, lines.Text())
		s.mu.Lock()
		s.last = append(s.last[max(0, len(s.last)-keptLines+1):], lines.Text())
		s.mu.Unlock()
		if !ready && saysReady(lines.Text()) {
			ready = true
			close(s.ready)
		}
	}
}

// saysReady knows the supervisor's message, with or without fields after it, from a sentence with the word in it.
func saysReady(line string) bool {
	return strings.HasSuffix(line, ": ready") || strings.Contains(line, ": ready: ")
}

func (s *server) lastWords() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.last, "\n")
}

// stop asks the server to end and waits; one that does not is killed, which is an error.
func (s *server) stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	limit := time.NewTimer(s.limit)
	defer limit.Stop()
	select {
	case <-s.done:
		return s.err
	case <-limit.C:
		err := s.cmd.Process.Kill()
		<-s.done
		return errors.Join(fmt.Errorf("still running after %s", s.limit), err)
	}
}

// family lists the server's processes: itself and everything it has started.
func (s *server) family() []int {
	family := []int{s.cmd.Process.Pid}
	parents := parentsByPID()
	for i := 0; i < len(family); i++ {
		for pid, parent := range parents {
			if parent == family[i] {
				family = append(family, pid)
			}
		}
	}
	return family
}

func parentsByPID() map[int]int {
	parents := map[int]int{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // ended meanwhile
		}
		// "PID (name) state parent …", where the name may hold anything.
		rest := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil || len(rest) < 2 {
			continue
		}
		if parent, err := strconv.Atoi(rest[1]); err == nil {
			parents[pid] = parent
		}
	}
	return parents
}

// survivors describes processes that still run: those of the list, and any that works in the folder or names it.
func survivors(pids []int, folder string) ([]string, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var left []string
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		cmdline, err := os.ReadFile("/proc/" + e.Name() + "/cmdline")
		if err != nil {
			continue
		}
		cwd, _ := os.Readlink("/proc/" + e.Name() + "/cwd")
		if slices.Contains(pids, pid) || strings.HasPrefix(cwd, folder) || strings.Contains(string(cmdline), folder) {
			left = append(left, fmt.Sprintf("%d %s", pid, strings.ReplaceAll(string(cmdline), "\x00", " ")))
		}
	}
	return left, nil
}
