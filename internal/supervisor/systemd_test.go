package supervisor_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gatehouse/internal/testgate"
)

// serviceManager is what systemd is to a service: a socket for its notices, listening sockets with names, LISTEN_PID.
type serviceManager struct {
	t      *testing.T
	binary string // sets LISTEN_PID and becomes the program
	env    []string

	mu    sync.Mutex
	heard []string
	more  *sync.Cond
}

func newServiceManager(t *testing.T, dir, program string) *serviceManager {
	t.Helper()
	m := &serviceManager{t: t, binary: filepath.Join(dir, "start")}
	m.more = sync.NewCond(&m.mu)
	must(t, os.WriteFile(m.binary, fmt.Appendf(nil, "#!/bin/sh\nexport LISTEN_PID=$$\nexec %s \"$@\"\n", program), 0o755))
	path := filepath.Join(dir, "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	m.env = []string{"NOTIFY_SOCKET=" + path}
	go func() {
		b := make([]byte, 4096)
		for {
			n, err := conn.Read(b)
			if err != nil {
				return
			}
			m.mu.Lock()
			m.heard = append(m.heard, string(b[:n]))
			m.mu.Unlock()
			m.more.Broadcast()
		}
	}()
	return m
}

// await waits for a notice with a text, after the first from ones, and says how many there are then.
func (m *serviceManager) await(from int, text string) int {
	m.t.Helper()
	late := time.AfterFunc(30*time.Second, func() {
		m.mu.Lock()
		m.heard = append(m.heard, "LATE")
		m.mu.Unlock()
		m.more.Broadcast()
	})
	defer late.Stop()
	m.mu.Lock()
	defer m.mu.Unlock()
	for {
		for i := from; i < len(m.heard); i++ {
			if strings.Contains(m.heard[i], text) {
				return i + 1
			}
			if m.heard[i] == "LATE" {
				m.t.Fatalf("no notice %q in %q", text, m.heard[from:])
			}
		}
		m.more.Wait()
	}
}

func (m *serviceManager) count(text string) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, h := range m.heard {
		n += strings.Count(h, text)
	}
	return n
}

// bannerOf is the first line of an SSH server.
func bannerOf(t *testing.T, address string) string {
	t.Helper()
	c, err := net.DialTimeout("tcp", address, 10*time.Second)
	must(t, err)
	defer c.Close()
	must(t, c.SetDeadline(time.Now().Add(20*time.Second)))
	line, err := bufio.NewReader(c).ReadString('\n')
	must(t, err)
	return line
}

// logged waits until the service has logged a text so many times.
func logged(t *testing.T, g *testgate.Gate, text string, times int) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); strings.Count(strings.Join(g.Log(), "\n"), text) < times; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the log has %q not %d times", text, times)
		}
	}
}

// TestServiceManager: the service takes the sockets that it is handed, says when it serves, reloads and stops, and says that it
// is alive only as long as the decider answers. A client that comes while it is started again waits and is served.
func TestServiceManager(t *testing.T) {
	dir, program := build(t)
	m := newServiceManager(t, dir, program)
	door, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer door.Close()
	file, err := door.(*net.TCPListener).File()
	must(t, err)
	defer file.Close()
	g, err := testgate.Start(t.Context(), testgate.Config{Dir: dir, Binary: m.binary, Policy: policyText, Files: []*os.File{file}, Drain: "7s",
		Env: append(m.env, "LISTEN_FDS=1", "LISTEN_FDNAMES=ssh", "WATCHDOG_USEC=300000")})
	must(t, err)
	t.Cleanup(func() { _ = g.Close() })
	// 1. It serves on the socket, and on no other of that name.
	m.await(0, "READY=1")
	if line := bannerOf(t, door.Addr().String()); !strings.HasPrefix(line, "SSH-2.0-") {
		t.Errorf("the door says %q", line)
	}
	if c, err := net.Dial("tcp", g.SSHAddr); err == nil {
		_ = c.Close()
		t.Error("it listens beside the socket that it was handed")
	}
	// 2. The watchdog hears of it while the decider answers, and only then.
	m.await(m.await(0, "WATCHDOG=1"), "WATCHDOG=1")
	decider := g.PID("decider")
	must(t, syscall.Kill(decider, syscall.SIGSTOP))
	const sick = "health check: check=decider"
	logged(t, g, sick, 1)
	before := m.count("WATCHDOG=1")
	logged(t, g, sick, 2)
	if after := m.count("WATCHDOG=1"); after != before {
		t.Errorf("%d times told that all is well while the decider stands still", after-before)
	}
	must(t, syscall.Kill(decider, syscall.SIGCONT))
	m.mu.Lock()
	so := len(m.heard)
	m.mu.Unlock()
	so = m.await(so, "WATCHDOG=1")
	// 3. A reload has a begin with its time, and an end.
	must(t, g.Signal(syscall.SIGHUP))
	so = m.await(so, "RELOADING=1\nMONOTONIC_USEC=")
	so = m.await(so, "READY=1")
	// 4. So has the end of the service, which asks for the time that it may take.
	must(t, g.Signal(syscall.SIGTERM))
	so = m.await(so, "STOPPING=1")
	m.await(so-1, "EXTEND_TIMEOUT_USEC=27000000")
	must(t, g.Await())
	if g.Status() != 0 {
		t.Errorf("it ended with %d", g.Status())
	}
	// 5. Whoever comes now is served by the next one.
	early := make(chan string, 1)
	go func() { early <- bannerOf(t, door.Addr().String()) }()
	must(t, g.Serve())
	if line := <-early; !strings.HasPrefix(line, "SSH-2.0-") {
		t.Errorf("who came meanwhile heard %q", line)
	}
	must(t, g.Stop())
	refusesSockets(t, m, g, file)
}

// refusesSockets: what cannot be what it is called is refused, with what would be right, before anything is served.
func refusesSockets(t *testing.T, m *serviceManager, g *testgate.Gate, listening *os.File) {
	t.Helper()
	datagram, err := net.ListenPacket("udp", "127.0.0.1:0")
	must(t, err)
	defer datagram.Close()
	udp, err := datagram.(*net.UDPConn).File()
	must(t, err)
	defer udp.Close()
	for _, c := range []struct {
		names string
		files []*os.File
		want  string
	}{
		{"telnet", []*os.File{listening}, `"telnet" of the service manager: FileDescriptorName= must be ssh, web or metrics`},
		{"ssh:ssh", []*os.File{listening, listening}, "there are two of that name"},
		{"ssh", []*os.File{udp}, "it is not a stream"},
		{"", []*os.File{listening}, "FileDescriptorName= must be"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		cmd := exec.CommandContext(ctx, m.binary, "serve", "--config", g.Path)
		cmd.ExtraFiles = c.files
		cmd.Env = append(os.Environ(), fmt.Sprintf("LISTEN_FDS=%d", len(c.files)), "LISTEN_FDNAMES="+c.names)
		out, err := cmd.CombinedOutput()
		cancel()
		if err == nil || !strings.Contains(string(out), c.want) {
			t.Errorf("%q: %v\n%s", c.names, err, out)
		}
	}
}
