package local

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sys/unix"

	"gatehouse/bastion/target"
	"gatehouse/internal/id"
	"gatehouse/internal/permit"
	"gatehouse/policy"
)

// reservedUID stands for one of Gatehouse's own users; it is the user games of Debian's.
const reservedUID = 5

// bench is a supervisor's server and a door's client, with the key that signs permits.
type bench struct {
	t      *testing.T
	key    ed25519.PrivateKey
	server *Server
	client *Client
	served chan struct{} // closed when Serve has returned
	err    error         // of Serve, set before served is closed
}

func newBench(t *testing.T) *bench {
	t.Helper()
	pub, key, err := ed25519.GenerateKey(nil)
	must(t, err)
	door, supervisor, err := Socketpair()
	must(t, err)
	server, err := NewServer(supervisor, permit.NewChecker(pub, time.Now), hclog.NewNullLogger(), reservedUID)
	must(t, err)
	client, err := NewClient(door)
	must(t, err)
	b := &bench{t: t, key: key, server: server, client: client, served: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer close(b.served)
		b.err = server.Serve(ctx)
	}()
	t.Cleanup(func() {
		_ = client.Close()
		<-b.served
		cancel()
		<-client.Done()
	})
	return b
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// permit is one for argv as nobody; spoil may change it before it is signed.
func (b *bench) permit(spoil func(*permit.Permit), argv ...string) []byte {
	b.t.Helper()
	session := id.New(id.Session, time.Now())
	p := permit.Permit{ID: id.New(id.Permit, time.Now()), Session: session, Target: "bastion-host", Login: "ops", User: "nobody", Argv: argv,
		Env: []policy.EnvVar{{Name: permit.SessionVariable, Value: session}}, NotAfter: time.Now().Add(permit.Lifetime)}
	if spoil != nil {
		spoil(&p)
	}
	text, err := permit.Sign(b.key, p)
	must(b.t, err)
	return text
}

func (b *bench) start(pty *target.PTY, argv ...string) *Process {
	b.t.Helper()
	p, err := b.client.Start(b.t.Context(), b.permit(func(p *permit.Permit) { p.PTY = pty != nil }, argv...), pty)
	must(b.t, err)
	return p
}

// output runs argv to its end.
func (b *bench) output(spoil func(*permit.Permit), argv ...string) string {
	b.t.Helper()
	p, err := b.client.Start(b.t.Context(), b.permit(spoil, argv...), nil)
	must(b.t, err)
	must(b.t, p.Stdin().Close())
	out, err := io.ReadAll(p.Stdout())
	must(b.t, err)
	<-p.Exited()
	must(b.t, p.Close())
	return string(out)
}

// alive says whether a process runs; one that has ended and that nobody has waited for does not.
func alive(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	rest := string(stat[strings.LastIndexByte(string(stat), ')')+1:])
	return !strings.HasPrefix(rest, " Z") && !strings.HasPrefix(rest, " X")
}

// leaderOf is the process number of a command, which is its warden's only child.
func leaderOf(t *testing.T, b *bench, p *Process) int {
	t.Helper()
	all := descendants(b.server.process(p.id).cmd.Process.Pid)
	if len(all) == 0 {
		t.Fatal("the warden has no child")
	}
	return all[0].pid
}

// gone waits until processes have ended.
func gone(t *testing.T, pids ...int) {
	t.Helper()
	for _, pid := range pids {
		fd, err := unix.PidfdOpen(pid, 0)
		if errors.Is(err, unix.ESRCH) {
			continue
		}
		must(t, err)
		ends := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(ends, 20_000)
		for err == unix.EINTR { // the runtime's own signals
			n, err = unix.Poll(ends, 20_000)
		}
		if n != 1 {
			t.Errorf("process %d still runs: %v", pid, err)
		}
		must(t, unix.Close(fd))
	}
}

// numbers reads so many process numbers, a line each.
func numbers(t *testing.T, from io.Reader, n int) []int {
	t.Helper()
	var out []int
	for lines := bufio.NewScanner(from); len(out) < n && lines.Scan(); {
		pid, err := strconv.Atoi(strings.TrimSpace(lines.Text()))
		must(t, err)
		out = append(out, pid)
	}
	if len(out) != n {
		t.Fatalf("it said %d process numbers, want %d", len(out), n)
	}
	return out
}
