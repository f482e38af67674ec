package pool

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/sys/unix"
)

// newPool is a server with its client.
func newPool(t testing.TB, cfg Config) (*Server, *Client) {
	t.Helper()
	door, supervisor, err := Socketpair()
	must(t, err)
	cfg.Log = hclog.NewNullLogger()
	s, err := NewServer(supervisor, cfg)
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx) }()
	c, err := NewClient(door)
	must(t, err)
	t.Cleanup(func() {
		_ = c.Close()
		cancel()
		must(t, <-served)
	})
	return s, c
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func take(t *testing.T, c *Client) *Shell {
	t.Helper()
	sh, err := c.Take(t.Context(), "ses_1")
	must(t, err)
	return sh
}

// tell sends an attacker a line and returns its answer.
func tell(t *testing.T, sh *Shell, what string) string {
	t.Helper()
	_, err := fmt.Fprintln(sh, what)
	must(t, err)
	must(t, sh.SetReadDeadline(time.Now().Add(time.Minute)))
	line, err := bufio.NewReader(sh).ReadString('\n')
	must(t, err)
	return strings.TrimSpace(line)
}

// ends waits for a process's end.
func ends(t testing.TB, sh *Shell) string {
	t.Helper()
	select {
	case <-sh.Done():
		return sh.How()
	case <-time.After(time.Minute):
		t.Fatal("the process goes on")
		return ""
	}
}

// ownUsers is the first user of processes: as root each has one of its own, as under a real supervisor.
func ownUsers() uint32 {
	if os.Geteuid() == 0 {
		return 61700
	}
	return 0
}

// attackers is a pool whose processes an attacker has taken over.
func attackers(t *testing.T) (*Server, *Client) {
	t.Helper()
	return newPool(t, Config{program: attackerName, UID: ownUsers()})
}

// TestNothingOfTheKernel: a shell's process under an attacker's control opens, starts, signals and sees nothing, and has nothing but its
// socket: no variable, no descriptor.
func TestNothingOfTheKernel(t *testing.T) {
	_, c := attackers(t)
	sh := take(t, c)
	if got := tell(t, sh, "tries"); !strings.HasSuffix(got, "through:") {
		t.Error(got)
	}
	// Standard input, output and error, the socket, and the two by which the runtime waits.
	if got := tell(t, sh, "environ"); got != "[] 6" {
		t.Error(got)
	}
}

// TestSameUser: where two processes have one user, as all have without root, neither can signal the other.
func TestSameUser(t *testing.T) {
	_, c := attackers(t)
	other, otherClient := attackers(t)
	sh := take(t, c)
	take(t, otherClient)
	other.mu.Lock()
	victim := other.taken[1].cmd.Process.Pid
	other.mu.Unlock()
	if got := tell(t, sh, fmt.Sprintf("signal of %d", victim)); got != "true true false" {
		t.Errorf("denied by tgkill, by a pipe's owner, and to itself: %s", got)
	}
}

// TestBounds: what grows without end ends its own process, and no other, and the supervisor says how.
func TestBounds(t *testing.T) {
	s, c := attackers(t)
	other := take(t, c)
	if got := tell(t, other, "some threads"); got != "alive" {
		t.Error(got)
	}
	all := slices.Clone(bounded)
	if ownUsers() != 0 {
		all = append(all, "threads")
	}
	for _, what := range all {
		sh := take(t, c)
		_, err := fmt.Fprintln(sh, what)
		must(t, err)
		if how := ends(t, sh); how == "exit status 0" {
			t.Errorf("%s: %s", what, how)
		}
	}
	if got := tell(t, other, "environ"); got == "" {
		t.Error("the other process has ended")
	}
	if n, told := s.Numbers(), c.Numbers(); n.Died != uint64(len(all)) || told.Died != n.Died {
		t.Errorf("%d have ended: the supervisor says %+v, the door %+v", len(all), n, told)
	}
}

// TestThreadsOfOthersDoNotCount: where the user is others' too, a process has threads whatever those have.
func TestThreadsOfOthersDoNotCount(t *testing.T) {
	begun, end := make(chan bool), make(chan bool)
	defer close(end)
	for range 80 { // more than one process may have
		go func() {
			runtime.LockOSThread()
			begun <- true
			<-end
		}()
	}
	for range 80 {
		<-begun
	}
	_, c := newPool(t, Config{program: attackerName}) // no user of its own
	if got := tell(t, take(t, c), "some threads"); got != "alive" {
		t.Error(got)
	}
}

// TestWithoutNamespaces: where the supervisor may make none, as under the packaged unit, processes start all the same, and are held.
func TestWithoutNamespaces(t *testing.T) {
	if os.Geteuid() != 0 {
		return // it never makes any
	}
	var lost error
	done := make(chan struct{})
	go func() { // on a thread of its own, which ends with what it has lost
		defer close(done)
		runtime.LockOSThread()
		if lost = dropAdmin(); lost != nil {
			return
		}
		_, err := start(attackerName, ownUsers(), true)
		if !errors.Is(err, unix.EPERM) {
			t.Errorf("a process in namespaces: %v", err)
		}
		s := &Server{cfg: Config{UID: ownUsers(), Log: hclog.NewNullLogger(), program: attackerName}, slots: make([]bool, 1), apart: true}
		s.cfg.Most = 1
		c, err := s.begin()
		if err != nil {
			t.Error(err)
			return
		}
		conn, err := net.FileConn(c.socket)
		if err != nil {
			t.Error(err)
			return
		}
		if got := tell(t, &Shell{Conn: conn}, "tries"); !strings.HasSuffix(got, "through:") {
			t.Error(got)
		}
		c.kill()
		_ = conn.Close()
		s.work.Wait()
	}()
	<-done
	must(t, lost)
}

// dropAdmin takes from this thread what the packaged unit does not give: the right to make namespaces.
func dropAdmin() error {
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&head, &data[0]); err != nil {
		return err
	}
	data[0].Effective &^= 1 << unix.CAP_SYS_ADMIN
	data[0].Permitted &^= 1 << unix.CAP_SYS_ADMIN
	return unix.Capset(&head, &data[0])
}

// TestLastWords: a process that does not stop talking to the supervisor ends by it, and what it said is cut.
func TestLastWords(t *testing.T) {
	_, c := attackers(t)
	sh := take(t, c)
	_, err := fmt.Fprintln(sh, "talk")
	must(t, err)
	if how := ends(t, sh); len(how) > maxWords+100 {
		t.Errorf("%d bytes of last words", len(how))
	}
}

// TestEndsWithItsSession: a process that does not end by itself is ended when its session is over, by the door's word or by its end.
func TestEndsWithItsSession(t *testing.T) {
	s, c := attackers(t)
	sh := take(t, c)
	must(t, sh.Conn.Close())
	sh.Kill()
	if how := ends(t, sh); !strings.Contains(how, "killed") {
		t.Error(how)
	}
	left := take(t, c)
	must(t, c.Close())
	<-left.Done()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if s.Numbers().Alive == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("processes are left")
		}
	}
}

// TestNoMoreThanThereMayBe: at the bound one is refused, and had again when another has ended.
func TestNoMoreThanThereMayBe(t *testing.T) {
	_, c := newPool(t, Config{Most: 2, Idle: 1, program: attackerName})
	one, two := take(t, c), take(t, c)
	if _, err := c.Take(t.Context(), "ses_3"); err == nil || !strings.Contains(err.Error(), "too many") {
		t.Fatal(err)
	}
	if n := c.Numbers(); n.Refused != 1 || n.Alive != 2 || n.Idle != 0 {
		t.Errorf("%+v", n)
	}
	two.Kill()
	ends(t, two)
	take(t, c)
	one.Kill()
	ends(t, one)
}

// TestOneSessionEach: whoever takes a process has it alone, and the end of one is not another's.
func TestOneSessionEach(t *testing.T) {
	s, c := attackers(t)
	one, two := take(t, c), take(t, c)
	s.mu.Lock()
	pids := map[int]bool{}
	for _, child := range s.taken {
		pids[child.cmd.Process.Pid] = true
	}
	s.mu.Unlock()
	if len(pids) != 2 {
		t.Fatalf("two sessions have the processes %v", pids)
	}
	one.Kill()
	ends(t, one)
	if got := tell(t, two, "environ"); got != "[] 6" {
		t.Error(got)
	}
}
