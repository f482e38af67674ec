package supervisor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"gatehouse/bastion/shell/pool"
	"gatehouse/bastion/target/local"
	"gatehouse/internal/config"
)

// sockets are bound here, where ports below 1024 can be had, and listened on by the processes that get them.
type sockets struct {
	ssh, web, metrics *os.File // bound, not listening; nil for what is off
	admin             *os.File // listening: only root can open its path
}

// AdminSocket is the path of the socket on which the decider answers root.
func AdminSocket(data string) string { return filepath.Join(data, "run", "decider.sock") }

// bindSockets takes what the service manager has given, and binds the rest.
func bindSockets(c config.Config, given map[string]*os.File) (*sockets, error) {
	var s sockets
	for _, l := range []struct {
		name, address string
		file          **os.File
	}{{"ssh", c.SSH.Listen, &s.ssh}, {"web", c.Web.Listen, &s.web}, {"metrics", c.Metrics.Listen, &s.metrics}} {
		*l.file = given[l.name]
		var err error
		switch {
		case l.address == "" && *l.file != nil:
			err = errors.New("the service manager gives a socket for it, and it is not in gatehouse.yaml")
		case l.address != "" && *l.file == nil:
			*l.file, err = bindTCP(l.address)
		}
		if err != nil {
			s.close()
			return nil, fmt.Errorf("%s.listen: %w", l.name, err)
		}
	}
	var err error
	if s.admin, err = bindAdmin(AdminSocket(c.Data)); err != nil {
		s.close()
		return nil, err
	}
	return &s, nil
}

func (s *sockets) close() {
	for _, f := range []*os.File{s.ssh, s.web, s.metrics, s.admin} {
		if f != nil {
			_ = f.Close()
		}
	}
}

// bindTCP binds and does not listen: nothing can connect until the door does.
func bindTCP(address string) (*os.File, error) {
	addr, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil, err
	}
	domain, sockaddr := sockaddrOf(addr)
	fd, err := unix.Socket(domain, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("make socket: %w", err)
	}
	f := os.NewFile(uintptr(fd), "tcp:"+address)
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return nil, errors.Join(fmt.Errorf("set SO_REUSEADDR: %w", err), f.Close())
	}
	if err := unix.Bind(fd, sockaddr); err != nil {
		return nil, errors.Join(fmt.Errorf("bind %s: %w", address, err), f.Close())
	}
	return f, nil
}

func sockaddrOf(a *net.TCPAddr) (int, unix.Sockaddr) {
	if ip4 := a.IP.To4(); ip4 != nil {
		sa := &unix.SockaddrInet4{Port: a.Port}
		copy(sa.Addr[:], ip4)
		return unix.AF_INET, sa
	}
	sa := &unix.SockaddrInet6{Port: a.Port}
	copy(sa.Addr[:], a.IP.To16())
	return unix.AF_INET6, sa
}

// Listen turns an inherited, bound descriptor into a listener.
func Listen(fd uintptr) (net.Listener, error) {
	if err := unix.Listen(int(fd), 1024); err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return Inherited(fd)
}

// Inherited is the listener behind a descriptor that listens already.
func Inherited(fd uintptr) (net.Listener, error) {
	f := os.NewFile(fd, "listener")
	l, err := net.FileListener(f)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("use inherited listener: %w", err), f.Close())
	}
	return l, f.Close()
}

// bindAdmin makes the local administrators' socket with mode 0600.
func bindAdmin(path string) (*os.File, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("remove old socket: %w", err)
	}
	old := syscall.Umask(0o177)
	l, err := new(net.ListenConfig).Listen(context.Background(), "unix", path)
	syscall.Umask(old)
	if err != nil {
		return nil, fmt.Errorf("bind administrators' socket: %w", err)
	}
	u := l.(*net.UnixListener)
	u.SetUnlinkOnClose(false)
	f, err := u.File()
	return f, errors.Join(err, u.Close())
}

// pairs join the three processes.
type pairs struct {
	deciderEnd, doorEnd        *os.File
	readyRead, readyWrite      *os.File
	localDoor, localSupervisor *os.File

	shellsDoor, shellsSupervisor *os.File

	doorControl, deciderControl       *line
	doorControlEnd, deciderControlEnd *os.File
}

func makePairs() (*pairs, error) {
	var p pairs
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("make socket pair: %w", err)
	}
	p.deciderEnd, p.doorEnd = os.NewFile(uintptr(fds[0]), "decider"), os.NewFile(uintptr(fds[1]), "door")
	if p.readyRead, p.readyWrite, err = os.Pipe(); err != nil {
		p.close()
		return nil, fmt.Errorf("make pipe: %w", err)
	}
	if p.localDoor, p.localSupervisor, err = local.Socketpair(); err != nil {
		p.close()
		return nil, err
	}
	if p.shellsDoor, p.shellsSupervisor, err = pool.Socketpair(); err != nil {
		p.close()
		return nil, err
	}
	if p.doorControl, p.doorControlEnd, err = newLine(); err != nil {
		p.close()
		return nil, err
	}
	if p.deciderControl, p.deciderControlEnd, err = newLine(); err != nil {
		p.close()
		return nil, err
	}
	return &p, nil
}

// closeChildren drops the children's ends, so that each sees the end of the other.
func (p *pairs) closeChildren() {
	for _, f := range []*os.File{p.deciderEnd, p.doorEnd, p.readyWrite, p.localDoor, p.shellsDoor, p.doorControlEnd, p.deciderControlEnd} {
		_ = f.Close()
	}
}

func (p *pairs) close() {
	for _, f := range []*os.File{p.deciderEnd, p.doorEnd, p.readyRead, p.readyWrite, p.localDoor, p.localSupervisor, p.shellsDoor, p.shellsSupervisor, p.doorControlEnd, p.deciderControlEnd} {
		if f != nil {
			_ = f.Close()
		}
	}
	for _, l := range []*line{p.doorControl, p.deciderControl} {
		if l != nil {
			l.close()
		}
	}
}

// Conn is the connection behind an inherited socket.
func Conn(fd uintptr) (net.Conn, error) {
	f := os.NewFile(fd, "socket")
	c, err := net.FileConn(f)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("use inherited socket: %w", err), f.Close())
	}
	return c, f.Close()
}

// filledPipe is the end of a pipe from which text is read, then its end. What does not fit into a pipe is an error.
func filledPipe(text []byte) (*os.File, error) {
	if len(text) > pipeSize {
		return nil, fmt.Errorf("secrets of %d bytes: want at most %d", len(text), pipeSize)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make pipe: %w", err)
	}
	_, err = w.Write(text)
	if err := errors.Join(err, w.Close()); err != nil {
		return nil, errors.Join(fmt.Errorf("fill pipe: %w", err), r.Close())
	}
	return r, nil
}

// pipeSize is what a pipe surely takes without a reader (pipe(7): a page, when its user has many).
const pipeSize = 4 << 10
