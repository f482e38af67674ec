package pool

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sys/unix"

	"gatehouse/internal/packet"
)

// Config is what a Server needs.
type Config struct {
	UID  uint32 // the first of Most users that processes run as; 0: the supervisor's own
	Idle int    // how many are kept ready; default 2
	Most int    // how many there are at once; default 256
	Log  hclog.Logger

	program string // what a process is started as, for tests of what one could do
}

// How many there are where a Config does not say.
const (
	DefaultIdle = 2
	DefaultMost = 256
)

// backoff is how long after the death of a process that nobody had taken the next is started.
const backoff = time.Second

// Server starts processes for the door. It belongs to the supervisor.
type Server struct {
	cfg  Config
	conn *net.UnixConn

	wmu sync.Mutex // serialises packets

	mu    sync.Mutex
	idle  []*child
	taken map[uint64]*child
	slots []bool // which users have a process
	alive int    // processes, those that are being started too
	apart bool   // processes get empty namespaces
	over  bool

	refused, died uint64

	done chan struct{} // closed when over is set
	work sync.WaitGroup
}

// NewServer takes the supervisor's end of a Socketpair.
func NewServer(f *os.File, cfg Config) (*Server, error) {
	conn, err := packet.Use(f)
	if err != nil {
		return nil, err
	}
	if cfg.Idle <= 0 {
		cfg.Idle = DefaultIdle
	}
	if cfg.Most <= 0 {
		cfg.Most = DefaultMost
	}
	if cfg.program == "" {
		cfg.program = name
	}
	return &Server{cfg: cfg, conn: conn, taken: map[uint64]*child{}, slots: make([]bool, cfg.Most), apart: true, done: make(chan struct{})}, nil
}

// Serve works until the door is gone or the context ends, then ends every process and waits for it.
func (s *Server) Serve(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = s.conn.Close() })
	defer stop()
	defer s.conn.Close()
	defer s.work.Wait()
	defer s.killAll()
	s.refill()
	buf := make([]byte, maxPacket)
	for {
		var m message
		files, err := packet.Receive(s.conn, buf, &m)
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) || errors.Is(err, unix.ECONNRESET) { // reset: it had not read all
				return nil
			}
			return err
		}
		packet.CloseAll(files) // the door sends none
		switch m.Op {
		case "take":
			s.take(m)
		case "kill":
			s.kill(m.ID)
		}
	}
}

// take hands out an idle process, or starts one.
func (s *Server) take(m message) {
	c, err := s.pick(m.ID)
	s.refill()
	if err != nil {
		s.mu.Lock()
		s.refused++
		s.mu.Unlock()
		s.cfg.Log.Warn("no shell", "session_id", m.Session, "error", err)
		s.answer(message{Op: "refused", ID: m.ID, How: err.Error()})
		return
	}
	s.answer(message{Op: "given", ID: m.ID}, c.socket)
	_ = c.socket.Close()
	s.mu.Lock()
	c.given = true
	how, ended := c.how, c.ended
	s.mu.Unlock()
	if ended { // while it was handed over
		s.answer(message{Op: "ended", ID: m.ID, How: how})
	}
}

var errTooMany = errors.New("too many governed shells run already; let one end first")

// pick makes a process the session's.
func (s *Server) pick(id uint64) (*child, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, twice := s.taken[id]; twice || id == 0 {
		return nil, errors.New("it has one already")
	}
	for len(s.idle) > 0 {
		c := s.idle[0]
		s.idle = s.idle[1:]
		if !c.ended {
			c.id = id
			s.taken[id] = c
			return c, nil
		}
	}
	c, err := s.begin()
	if err != nil {
		return nil, err
	}
	c.id = id
	s.taken[id] = c
	return c, nil
}

// refill starts what is missing among the idle, beside.
func (s *Server) refill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over || len(s.idle) >= s.cfg.Idle {
		return
	}
	s.work.Go(func() {
		defer s.answer(message{Op: "numbers"})
		s.mu.Lock()
		defer s.mu.Unlock()
		for !s.over && len(s.idle) < s.cfg.Idle && s.alive < s.cfg.Most {
			c, err := s.begin()
			if err != nil {
				s.cfg.Log.Error("start a shell", "error", err)
				return
			}
			s.idle = append(s.idle, c)
		}
	})
}

// begin starts a process. mu is held.
func (s *Server) begin() (*child, error) {
	if s.over || s.alive >= s.cfg.Most {
		return nil, errTooMany
	}
	slot := 0
	for s.slots[slot] {
		slot++
	}
	uid := uint32(0)
	if s.cfg.UID != 0 {
		uid = s.cfg.UID + uint32(slot)
	}
	c, err := start(s.cfg.program, uid, s.apart)
	if s.apart && (errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSPC)) { // RestrictNamespaces=, a capability that is not there, a sysctl
		s.cfg.Log.Info("shells have no namespaces of their own here; users, Landlock and seccomp hold them", "because", err)
		s.apart = false
		c, err = start(s.cfg.program, uid, false)
	}
	if err != nil {
		return nil, err
	}
	s.slots[slot] = true
	s.alive++
	s.work.Go(func() { s.attend(c, slot) })
	return c, nil
}

// attend waits for a process's end, and reports it.
func (s *Server) attend(c *child, slot int) {
	how := c.wait()
	s.mu.Lock()
	s.slots[slot] = false
	s.alive--
	c.how, c.ended = how, true
	if c.died() {
		s.died++
	}
	taken, given := c.id != 0, c.given
	if taken {
		delete(s.taken, c.id)
	} else {
		for i, other := range s.idle {
			if other == c {
				s.idle = append(s.idle[:i], s.idle[i+1:]...)
				break
			}
		}
		_ = c.socket.Close()
	}
	over := s.over
	s.mu.Unlock()
	switch {
	case given:
		s.answer(message{Op: "ended", ID: c.id, How: how})
	case !taken && !over:
		s.cfg.Log.Error("an idle shell has ended", "how", how)
		s.work.Go(func() {
			select {
			case <-time.After(backoff):
				s.refill()
			case <-s.done:
			}
		})
	}
}

func (s *Server) kill(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.taken[id]; c != nil {
		c.kill()
	}
}

func (s *Server) killAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	close(s.done)
	for _, c := range s.taken {
		c.kill()
	}
	for _, c := range s.idle {
		c.kill()
	}
}

// Numbers says how many processes there are and were.
func (s *Server) Numbers() Numbers {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Numbers{Alive: s.alive, Idle: len(s.idle), Refused: s.refused, Died: s.died}
}

// answer tells the door something, and how many processes there are. mu is not held.
func (s *Server) answer(m message, files ...*os.File) {
	s.wmu.Lock()
	defer s.wmu.Unlock()
	n := s.Numbers()
	m.Numbers = &n
	if err := packet.Send(s.conn, maxPacket, m, files...); err != nil && !errors.Is(err, net.ErrClosed) && !errors.Is(err, unix.EPIPE) && !errors.Is(err, unix.ECONNRESET) {
		s.cfg.Log.Warn("answer the door", "op", m.Op, "error", err)
	}
}
