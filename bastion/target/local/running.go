package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// wardenTimeout is how long a warden may take to end everything: more than it gives itself, less than the door waits.
const wardenTimeout = endTimeout + hangUpTime + time.Second

// process is one command, seen from the supervisor through its warden. Signals and ends are the warden's doing: it is the
// parent, so the numbers that it uses are not given to others before it has reaped them.
type process struct {
	session string
	group   *group // nil where there is none
	note    string
	killed  bool // its end has begun; guarded by the server's mu

	control *net.UnixConn // nil until it has begun
	cmd     *exec.Cmd
	streams []*os.File    // the door's, until they are handed over
	left    chan int      // what the warden says at the end
	gone    chan struct{} // closed when the warden has ended
	heard   chan struct{} // closed when, beyond that, all that it said has been heard

	wmu sync.Mutex // serialises packets
}

func newProcess(session string) *process {
	return &process{session: session, left: make(chan int, 1), gone: make(chan struct{}), heard: make(chan struct{})}
}

// begin starts the warden and gives it its order.
func (p *process) begin(streams []*os.File, o order) error {
	ours, theirs, err := Socketpair()
	if err != nil {
		return err
	}
	defer theirs.Close()
	if p.control, err = connect(ours); err != nil {
		return err
	}
	text, err := json.Marshal(o)
	if err != nil {
		return err
	}
	p.cmd = &exec.Cmd{Path: "/proc/self/exe", Args: []string{wardenName}, Env: helperEnv(), Dir: "/", Stderr: os.Stderr,
		ExtraFiles: append([]*os.File{theirs}, streams...), SysProcAttr: &syscall.SysProcAttr{Setsid: true}}
	if p.group != nil {
		p.cmd.ExtraFiles = append(p.cmd.ExtraFiles, p.group.folder)
	}
	if err := p.cmd.Start(); err != nil {
		return errors.Join(fmt.Errorf("start warden: %w", err), p.control.Close())
	}
	go func() {
		_ = p.cmd.Wait() // what it said is what counts
		close(p.gone)
	}()
	if err := p.tell(message{Op: "start", Permit: text}); err != nil {
		_ = p.control.Close() // without an order the warden ends
		<-p.gone
		return fmt.Errorf("give order: %w", err)
	}
	return nil
}

func (p *process) tell(m message) error {
	p.wmu.Lock()
	defer p.wmu.Unlock()
	return send(p.control, m)
}

// end has the warden end everything, and says how many processes are left. It has not ended if the warden did not say so.
func (p *process) end() (left int, ended bool) {
	timer := time.NewTimer(wardenTimeout)
	defer timer.Stop()
	_ = p.tell(message{Op: "end"}) // one that is gone says nothing
	select {
	case <-p.heard:
	case <-timer.C:
		_ = p.cmd.Process.Kill()
		<-p.heard
	}
	select {
	case left := <-p.left:
		return left, true
	default:
		return 0, false
	}
}

// attend passes on what the warden says until it is gone.
func (s *Server) attend(id uint64, p *process) {
	defer p.control.Close()
	buf := make([]byte, maxWord)
	said := false // how the command ended, or why it did not begin
	for {
		m, files, err := receive(p.control, buf)
		closeAll(files)
		if err != nil {
			break
		}
		switch m.Op {
		case "started":
			s.answer(message{Op: "started", ID: id, Note: p.note}, p.streams...)
			closeAll(p.streams)
			p.streams = nil
		case "failed":
			said = true
			s.log.Warn("local command refused", "session_id", p.session, "error", m.Error)
			s.answer(message{Op: "failed", ID: id, Error: m.Error})
			p.left <- 0 // for a kill that came meanwhile
			s.forget(id)
			if err := p.group.remove(); err != nil {
				s.log.Warn("after a local command", "session_id", p.session, "error", err)
			}
		case "exited":
			said = true
			m.ID = id
			s.answer(m)
		case "ended":
			p.left <- m.Left
		}
	}
	<-p.gone
	s.lost(id, p, said)
	close(p.heard)
}

// lost says what a warden has not said before it was gone.
func (s *Server) lost(id uint64, p *process, said bool) {
	const why = "the command's warden is gone"
	switch {
	case p.streams != nil: // it had not begun
		closeAll(p.streams)
		if !said {
			s.answer(message{Op: "failed", ID: id, Error: why})
		}
	case !said:
		s.answer(message{Op: "exited", ID: id, Error: why})
	}
}
