package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"

	"github.com/creack/pty"
	"github.com/hashicorp/go-hclog"

	"gatehouse/internal/permit"
)

// path is what a local command is looked up in: root-owned folders only.
const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// The bounds of what runs at once: commands, and sweeps beside those of their ends.
const (
	maxProcesses = 1024
	maxSweeps    = 64
)

// Server starts local commands for the door. It belongs to the supervisor.
type Server struct {
	conn     *net.UnixConn
	check    *permit.Checker
	reserved []uint32 // users that no command runs as
	log      hclog.Logger
	sweeps   chan struct{} // one for each that runs
	groups   *Groups       // nil where there are none

	wmu sync.Mutex // serialises packets

	mu      sync.Mutex
	running map[uint64]*process
	work    sync.WaitGroup
}

// NewServer takes the supervisor's end of a Socketpair. reserved are users that no command may run as, besides root: the
// processes' own.
func NewServer(f *os.File, check *permit.Checker, log hclog.Logger, reserved ...uint32) (*Server, error) {
	conn, err := connect(f)
	if err != nil {
		return nil, err
	}
	return &Server{conn: conn, check: check, reserved: reserved, log: log, running: map[uint64]*process{}, sweeps: make(chan struct{}, maxSweeps)}, nil
}

// Divide gives each command a cgroup. It is called before Serve.
func (s *Server) Divide(g *Groups) { s.groups = g }

// Serve works until the door is gone or the context ends, then ends everything that it started and waits for it.
func (s *Server) Serve(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = s.conn.Close() })
	defer stop()
	defer s.work.Wait()
	defer s.killAll()
	buf := make([]byte, maxPacket)
	for {
		m, files, err := receive(s.conn, buf)
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) {
				return nil
			}
			return fmt.Errorf("local commands: %w", err)
		}
		closeAll(files) // the door sends none
		switch m.Op {
		case "start":
			if err := s.start(m); err != nil {
				s.log.Warn("local command refused", "error", err)
				s.answer(message{Op: "failed", ID: m.ID, Error: err.Error()})
			}
		case "signal":
			s.signal(m.ID, m.Signal)
		case "sweep":
			s.beginSweep(m)
		case "kill":
			s.beginKill(m.ID)
		}
	}
}

// start checks the permit and begins the command. What it takes from there is the command's own goroutine's.
func (s *Server) start(m message) error {
	p, err := s.check.Check(m.Permit)
	if err != nil {
		return err
	}
	l, err := loginOf(p.User, p.Login, s.reserved)
	if err != nil {
		return err
	}
	program, err := lookup(p.Argv[0])
	if err != nil {
		return err
	}
	if !s.room(m.ID) {
		return errors.New("too many local commands")
	}
	started := newProcess(p.Session)
	if err := s.launch(started, p, orderOf(p, l, program, m), m); err != nil {
		return err
	}
	s.mu.Lock()
	s.running[m.ID] = started
	s.mu.Unlock()
	s.work.Go(func() { s.attend(m.ID, started) })
	return nil
}

// room reports whether one more may be started. One goroutine starts them, so it is not taken meanwhile.
func (s *Server) room(id uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, twice := s.running[id]
	return !twice && len(s.running) < maxProcesses
}

func (s *Server) forget(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.running, id)
}

// launch starts the warden with the command's streams and order.
func (s *Server) launch(p *process, of permit.Permit, o order, m message) error {
	g, err := s.groups.open(of.Session, of.Limits)
	if err != nil {
		return err
	}
	o.Group, o.Rlimit, p.group, p.note = g != nil, rlimits(of.Limits, g), g, describe(of.Limits, g)
	streams, err := attach(o, m)
	if err != nil {
		return errors.Join(err, g.remove())
	}
	err = p.begin(streams.child, o)
	closeAll(streams.child)
	g.started()
	if err != nil {
		closeAll(streams.door)
		return errors.Join(err, g.remove())
	}
	p.streams = streams.door
	return nil
}

// lookup resolves argv[0] in root's folders, never in the working directory.
func lookup(name string) (string, error) {
	if name == "" {
		return "", errors.New("empty program name")
	}
	if name[0] == '/' {
		return name, nil
	}
	if strings.Contains(name, "/") {
		return "", fmt.Errorf("%q is neither a path from the root nor a plain name", name)
	}
	for _, dir := range strings.Split(path, ":") {
		candidate := dir + "/" + name
		if info, err := os.Stat(candidate); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return candidate, nil
		}
	}
	return "", fmt.Errorf("%q is not a program on this machine", name)
}

// streams are the two sides' descriptors: with a pty the door gets one, otherwise stdin, stdout and stderr.
type streams struct{ door, child []*os.File }

func attach(o order, m message) (streams, error) {
	if o.PTY {
		return attachPTY(o, m)
	}
	var out streams
	for i := range 3 {
		r, w, err := os.Pipe()
		if err != nil {
			closeAll(append(out.door, out.child...))
			return streams{}, fmt.Errorf("make pipe: %w", err)
		}
		if i > 0 { // all but standard input are written by the command
			r, w = w, r
		}
		out.child, out.door = append(out.child, r), append(out.door, w)
	}
	return out, nil
}

func attachPTY(o order, m message) (streams, error) {
	master, slave, err := pty.Open()
	if err != nil {
		return streams{}, fmt.Errorf("open pty: %w", err)
	}
	out := streams{door: []*os.File{master}, child: []*os.File{slave, slave, slave}}
	err = pty.Setsize(master, &pty.Winsize{Cols: m.Cols, Rows: m.Rows})
	if err == nil {
		err = errors.Join(slave.Chown(int(o.UID), int(o.GID)), slave.Chmod(0o600)) // nobody else writes to it
	}
	if err != nil {
		closeAll(append(out.door, slave))
		return streams{}, fmt.Errorf("hand over pty: %w", err)
	}
	return out, nil
}

// terminalName says whether a name can be a terminal's: programs make a file's name of it. Another is left out.
func terminalName(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || i > 0 && strings.IndexByte("+-._", c) >= 0) {
			return false
		}
	}
	return true
}

func (s *Server) answer(m message, files ...*os.File) {
	s.wmu.Lock()
	defer s.wmu.Unlock()
	if err := send(s.conn, m, files...); err != nil && !errors.Is(err, net.ErrClosed) {
		s.log.Warn("answer the door", "op", m.Op, "error", err)
	}
}
