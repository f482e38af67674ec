package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

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

	wmu sync.Mutex // serialises packets

	mu      sync.Mutex
	running map[uint64]*process
	work    sync.WaitGroup
}

// process is one started command. Its group is signalled only while its leader is not reaped: afterwards the number could
// belong to somebody else.
type process struct {
	cmd     *exec.Cmd
	session string
	killed  bool // its end has begun; guarded by the server's mu

	mu     sync.Mutex
	reaped bool
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

// start checks the permit, starts the command and hands the door its streams.
func (s *Server) start(m message) error {
	p, err := s.check.Check(m.Permit)
	if err != nil {
		return err
	}
	s.mu.Lock()
	_, twice := s.running[m.ID]
	full := len(s.running) >= maxProcesses
	s.mu.Unlock()
	if twice || full {
		return errors.New("too many local commands")
	}
	cmd, err := command(p)
	if err != nil {
		return err
	}
	if slices.Contains(s.reserved, cmd.SysProcAttr.Credential.Uid) {
		return fmt.Errorf("local commands never run as Gatehouse's own users (user %s)", p.User)
	}
	streams, err := attach(cmd, p.PTY, m)
	if err != nil {
		return err
	}
	err = cmd.Start()
	closeAll(streams.child)
	if err != nil {
		closeAll(streams.door)
		return fmt.Errorf("start %q as %s: %w", p.Argv[0], p.User, err)
	}
	started := &process{cmd: cmd, session: p.Session}
	s.mu.Lock()
	s.running[m.ID] = started
	s.mu.Unlock()
	s.answer(message{Op: "started", ID: m.ID}, streams.door...)
	closeAll(streams.door)
	s.work.Go(func() { s.wait(m.ID, started) })
	return nil
}

// command builds the exec.Cmd: the permit's argv and environment, the user's ids, nothing inherited.
func command(p permit.Permit) (*exec.Cmd, error) {
	u, err := user.Lookup(p.User)
	if err != nil {
		return nil, fmt.Errorf("user for login %q: %w", p.Login, err)
	}
	cred, err := credential(u)
	if err != nil {
		return nil, err
	}
	program, err := lookup(p.Argv[0])
	if err != nil {
		return nil, err
	}
	cmd := &exec.Cmd{Path: program, Args: p.Argv, Dir: workDir(u), SysProcAttr: &syscall.SysProcAttr{Credential: cred, Setsid: true}}
	cmd.Env = []string{"PATH=" + path, "HOME=" + u.HomeDir, "USER=" + u.Username, "LOGNAME=" + u.Username, "SHELL=/bin/sh"}
	for _, v := range p.Env {
		cmd.Env = append(cmd.Env, v.Name+"="+v.Value)
	}
	return cmd, nil
}

// credential is the user's own uid, gid and groups. Root is refused whatever the inventory says.
func credential(u *user.User) (*syscall.Credential, error) {
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("uid of %s: %w", u.Username, err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("gid of %s: %w", u.Username, err)
	}
	if uid == 0 || gid == 0 {
		return nil, fmt.Errorf("local commands never run as root (user %s)", u.Username)
	}
	cred := &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	ids, err := u.GroupIds()
	if err != nil {
		return nil, fmt.Errorf("groups of %s: %w", u.Username, err)
	}
	for _, id := range ids {
		if g, err := strconv.ParseUint(id, 10, 32); err == nil && g != 0 {
			cred.Groups = append(cred.Groups, uint32(g))
		}
	}
	return cred, nil
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

func workDir(u *user.User) string {
	info, err := os.Stat(u.HomeDir)
	if err != nil || !info.IsDir() {
		return "/"
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || fmt.Sprint(st.Uid) != u.Uid && info.Mode().Perm()&0o001 == 0 {
		return "/" // somebody else's, and closed: nothing could be started there
	}
	return u.HomeDir
}

// streams are the two sides' descriptors: with a pty the door gets one, otherwise stdin, stdout and stderr.
type streams struct{ door, child []*os.File }

func attach(cmd *exec.Cmd, withPTY bool, m message) (streams, error) {
	if withPTY {
		return attachPTY(cmd, m)
	}
	var out streams
	for _, set := range []func(read, write *os.File){
		func(r, w *os.File) { cmd.Stdin = r; out.child, out.door = append(out.child, r), append(out.door, w) },
		func(r, w *os.File) { cmd.Stdout = w; out.child, out.door = append(out.child, w), append(out.door, r) },
		func(r, w *os.File) { cmd.Stderr = w; out.child, out.door = append(out.child, w), append(out.door, r) },
	} {
		r, w, err := os.Pipe()
		if err != nil {
			closeAll(append(out.door, out.child...))
			return streams{}, fmt.Errorf("make pipe: %w", err)
		}
		set(r, w)
	}
	return out, nil
}

func attachPTY(cmd *exec.Cmd, m message) (streams, error) {
	master, slave, err := pty.Open()
	if err != nil {
		return streams{}, fmt.Errorf("open pty: %w", err)
	}
	out := streams{door: []*os.File{master}, child: []*os.File{slave}}
	if err := pty.Setsize(master, &pty.Winsize{Cols: m.Cols, Rows: m.Rows}); err != nil {
		closeAll(append(out.door, out.child...))
		return streams{}, fmt.Errorf("size pty: %w", err)
	}
	if err := slave.Chown(int(cmd.SysProcAttr.Credential.Uid), int(cmd.SysProcAttr.Credential.Gid)); err != nil {
		closeAll(append(out.door, out.child...))
		return streams{}, fmt.Errorf("hand over pty: %w", err)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr.Setctty = true
	if terminalName(m.Term) {
		cmd.Env = append(cmd.Env, "TERM="+m.Term)
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

// wait reports how a command ended.
func (s *Server) wait(id uint64, p *process) {
	p.reap()
	m := message{Op: "exited", ID: id}
	if ws, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		m.Signal, m.Core = signalName(ws.Signal()), ws.CoreDump()
	} else {
		m.Status = p.cmd.ProcessState.ExitCode()
	}
	s.answer(m)
}

func (s *Server) answer(m message, files ...*os.File) {
	s.wmu.Lock()
	defer s.wmu.Unlock()
	if err := send(s.conn, m, files...); err != nil && !errors.Is(err, net.ErrClosed) {
		s.log.Warn("answer the door", "op", m.Op, "error", err)
	}
}
