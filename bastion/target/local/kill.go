package local

import (
	"bytes"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"gatehouse/internal/id"
	"gatehouse/internal/permit"
)

// signals are the names that RFC 4254 section 6.10 knows, and the two of a pause.
var signals = map[string]syscall.Signal{
	"ABRT": syscall.SIGABRT, "ALRM": syscall.SIGALRM, "FPE": syscall.SIGFPE, "HUP": syscall.SIGHUP, "ILL": syscall.SIGILL,
	"INT": syscall.SIGINT, "KILL": syscall.SIGKILL, "PIPE": syscall.SIGPIPE, "QUIT": syscall.SIGQUIT, "SEGV": syscall.SIGSEGV,
	"TERM": syscall.SIGTERM, "STOP": syscall.SIGSTOP, "CONT": syscall.SIGCONT, "USR1": syscall.SIGUSR1, "USR2": syscall.SIGUSR2,
}

func signalName(sig syscall.Signal) string {
	for name, s := range signals {
		if s == sig {
			return name
		}
	}
	return strconv.Itoa(int(sig))
}

// signal sends a signal to a command's process group.
func (s *Server) signal(id uint64, name string) {
	_, known := signals[name]
	if p := s.process(id); known && p != nil {
		_ = p.tell(message{Op: "signal", Signal: name}) // one that has ended hears nothing
	}
}

func (s *Server) process(id uint64) *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running[id]
}

// beginKill begins a command's end, once. A door that asks again gets no second one: the first says how it went.
func (s *Server) beginKill(id uint64) {
	s.mu.Lock()
	p := s.running[id]
	again := p != nil && p.killed
	if p != nil {
		p.killed = true
	}
	s.mu.Unlock()
	switch {
	case p == nil:
		s.answer(message{Op: "swept", ID: id})
	case !again:
		s.work.Go(func() { s.kill(id, p) })
	}
}

// beginSweep begins a sweep for a session of an earlier run; when too many run, nothing is said to be gone.
func (s *Server) beginSweep(m message) {
	select {
	case s.sweeps <- struct{}{}:
	default:
		s.answer(message{Op: "swept", ID: m.ID, Left: 1})
		return
	}
	s.work.Go(func() {
		defer func() { <-s.sweeps }()
		s.answer(message{Op: "swept", ID: m.ID, Left: sweepAll(m.Session)})
	})
}

// kill ends a command with everything of its session, reports what is left, and forgets it. It is called once a command.
func (s *Server) kill(id uint64, p *process) {
	left := s.end(p)
	s.forget(id)
	s.answer(message{Op: "swept", ID: id, Left: left})
}

func (s *Server) killAll() {
	s.mu.Lock()
	all := make([]*process, 0, len(s.running))
	for _, p := range s.running {
		all = append(all, p)
	}
	s.mu.Unlock()
	var ending sync.WaitGroup
	for _, p := range all {
		ending.Go(func() { s.end(p) })
	}
	ending.Wait()
}

// end ends a command with everything that it has started, and returns how many processes survive that. Should the warden be
// gone, which only root can do, what carries the session's variable is killed.
func (s *Server) end(p *process) int {
	p.group.kill()
	left, ended := p.end()
	if !ended {
		s.log.Error("the warden of a local command is gone or does not answer", "session_id", p.session)
		left = sweepAll(p.session)
	}
	if err := p.group.remove(); err != nil {
		s.log.Warn("after a local command", "session_id", p.session, "error", err)
	}
	return left
}

// sweepAll sweeps until nothing is found, for a second at most, and returns how many are left. Nothing but a session's id is
// accepted as one: an empty one would fit every process of every session.
func sweepAll(session string) int {
	if !id.Valid(id.Session, session) {
		return 1
	}
	left := 0
	for range 20 {
		left = sweep(session)
		if left == 0 {
			return 0
		}
		time.Sleep(50 * time.Millisecond)
	}
	return left
}

// sweep kills every process of this machine whose environment carries the session's variable and returns how many it found.
// A process that cleared its own environment is not found.
func sweep(session string) int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0
	}
	mark := []byte(permit.SessionVariable + "=" + session)
	found := 0
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil && killMarked(pid, mark) {
			found++
		}
	}
	return found
}

// killMarked kills a process if it carries the mark. The descriptor is taken before the look: if the number passes to another
// process in between, the signal goes to none. A process that has ended has no environment any more.
func killMarked(pid int, mark []byte) bool {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return false // gone
	}
	defer unix.Close(fd)
	if !carries(pid, mark) {
		return false
	}
	return unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0) == nil
}

func carries(pid int, mark []byte) bool {
	env, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	if err != nil {
		return false
	}
	for v := range bytes.SplitSeq(env, []byte{0}) {
		if bytes.Equal(v, mark) {
			return true
		}
	}
	return false
}
