package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"gatehouse/internal/testhost"
)

// processes lists what runs on a target, or on this machine for "local", with a text in its command line.
func (s *scene) processes(target, text string) ([]testhost.Process, error) {
	if target == "local" {
		return localProcesses(text)
	}
	h, err := s.host(target)
	if err != nil {
		return nil, err
	}
	found, err := h.Processes(text)
	return slices.DeleteFunc(found, func(p testhost.Process) bool { return strings.HasPrefix(p.Command[0], "sshd") }), err
}

func localProcesses(text string) ([]testhost.Process, error) {
	paths, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return nil, err
	}
	var out []testhost.Process
	for _, path := range paths {
		line, err := os.ReadFile(path)
		argv := strings.Split(strings.TrimSuffix(string(line), "\x00"), "\x00")
		if err != nil || filepath.Base(argv[0]) == "ssh" || !strings.Contains(strings.Join(argv, " "), text) {
			continue // ended meanwhile, or the client that asked for it
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			return nil, err
		}
		out = append(out, testhost.Process{PID: pid, Command: argv})
	}
	return out, nil
}

// cmdRunning: running TARGET TEXT waits for a process with TEXT in its command line; TARGET may be local.
func cmdRunning(s *scene, _ *testscript.TestScript, args []string) error {
	if len(args) != 2 {
		return errors.New("usage: running TARGET TEXT")
	}
	return s.eventually(func() error {
		found, err := s.processes(args[0], args[1])
		if err == nil && len(found) == 0 {
			err = fmt.Errorf("nothing runs on %s with %q", args[0], args[1])
		}
		return err
	})
}

// cmdGone: gone TARGET TEXT: no such process any more.
func cmdGone(s *scene, _ *testscript.TestScript, args []string) error {
	if len(args) != 2 {
		return errors.New("usage: gone TARGET TEXT")
	}
	return s.eventually(func() error {
		found, err := s.processes(args[0], args[1])
		if err == nil && len(found) > 0 {
			err = fmt.Errorf("still running on %s: %v", args[0], found)
		}
		return err
	})
}

// cmdTargetStop: target-stop TARGET ends the target's sshd and everything on it.
func cmdTargetStop(s *scene, _ *testscript.TestScript, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: target-stop TARGET")
	}
	h, err := s.host(args[0])
	if err != nil {
		return err
	}
	return h.Close()
}

// cmdTargetFile: target-file TARGET PATH LOGIN FILE puts a case's file on a target, as a login that has it there.
func cmdTargetFile(s *scene, ts *testscript.TestScript, args []string) error {
	if len(args) != 4 {
		return errors.New("usage: target-file TARGET PATH UID FILE")
	}
	h, err := s.host(args[0])
	if err != nil {
		return err
	}
	path, err := h.Path(args[1])
	if err != nil {
		return err
	}
	uid, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	if err := os.WriteFile(path, []byte(ts.ReadFile(args[3])), 0o600); err != nil {
		return err
	}
	return errors.Join(os.Chown(dir, uid, uid), os.Chown(path, uid, uid))
}

// cmdListenMute: listen-mute NAME accepts connections and says nothing; $NAME is its address. It may stand before gate.
func cmdListenMute(s *scene, ts *testscript.TestScript, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: listen-mute NAME")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		var held []net.Conn
		for {
			c, err := l.Accept()
			if err != nil {
				break
			}
			held = append(held, c)
		}
		for _, c := range held {
			_ = c.Close() // the other side may have closed first
		}
	}()
	s.muted = append(s.muted, func() error {
		err := l.Close()
		<-done
		return err
	})
	ts.Setenv(args[0], l.Addr().String())
	return nil
}

// cmdCrash: crash door, decider or supervisor kills that process with SIGKILL and waits for the service to be gone.
func cmdCrash(s *scene, _ *testscript.TestScript, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: crash PROCESS")
	}
	pids := map[string]int{}
	for _, name := range []string{"supervisor", "decider", "door"} {
		if pids[name] = s.gate.PID(name); pids[name] == 0 {
			return fmt.Errorf("the %s does not run", name)
		}
	}
	victim, ok := pids[args[0]]
	if !ok {
		return fmt.Errorf("no process %q", args[0])
	}
	s.mark()
	if err := syscall.Kill(victim, syscall.SIGKILL); err != nil {
		return err
	}
	if err := s.gate.Await(); err != nil {
		return err
	}
	return s.eventually(func() error {
		for name, pid := range pids {
			if syscall.Kill(pid, 0) == nil {
				return fmt.Errorf("the %s lives on", name)
			}
		}
		return nil
	})
}

// cmdHalt: halt ends the service in order. cmdStart: start [DATA] starts it again, on another data folder if one is named.
func cmdHalt(s *scene, _ *testscript.TestScript, args []string) error {
	if len(args) != 0 {
		return errors.New("usage: halt")
	}
	return s.gate.Stop()
}

func cmdStart(s *scene, _ *testscript.TestScript, args []string) error {
	if len(args) != 0 {
		return errors.New("usage: start")
	}
	s.mark()
	return s.gate.Serve()
}

// cmdConnect: connect ADDRESS [HOST:PORT] connects to a listener of a client's, a path or host:port, and wants it closed without
// a byte. With HOST:PORT the listener speaks SOCKS 5 (RFC 1928) and must not get there.
func cmdConnect(s *scene, _ *testscript.TestScript, args []string) error {
	if len(args) < 1 || len(args) > 2 {
		return errors.New("usage: connect ADDRESS [HOST:PORT]")
	}
	network := "tcp"
	if strings.HasPrefix(args[0], "/") {
		network = "unix"
	}
	var c net.Conn
	err := s.eventually(func() (err error) { // the client may not listen yet
		c, err = net.Dial(network, args[0])
		return err
	})
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if len(args) == 2 {
		if err := askSOCKS(c, args[1]); err != nil {
			return err
		}
	}
	b, err := io.ReadAll(c)
	if len(args) == 2 && len(b) > 1 && b[1] != 0 { // the proxy's own word for "refused"
		b = nil
	}
	if err != nil || len(b) > 0 {
		return fmt.Errorf("want an end without a byte, got %q, %v", b, err)
	}
	return nil
}

func askSOCKS(c net.Conn, to string) error {
	host, port, err := net.SplitHostPort(to)
	if err != nil {
		return err
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return err
	}
	if _, err := c.Write([]byte{5, 1, 0}); err != nil {
		return err
	}
	if _, err := io.ReadFull(c, make([]byte, 2)); err != nil {
		return err
	}
	request := append([]byte{5, 1, 0, 3, byte(len(host))}, host...)
	_, err = c.Write(append(request, byte(n>>8), byte(n)))
	return err
}

// cmdFreePort: free-port NAME puts the number of a port that nobody listens on into $NAME.
func cmdFreePort(_ *scene, ts *testscript.TestScript, args []string) error {
	if len(args) != 1 {
		return errors.New("usage: free-port NAME")
	}
	port, err := testhost.FreePort()
	ts.Setenv(args[0], strconv.Itoa(port))
	return err
}
