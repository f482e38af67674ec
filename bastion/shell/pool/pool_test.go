package pool

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
)

// newPool is a server with its client.
func newPool(t *testing.T, cfg Config) (*Server, *Client) {
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

func must(t *testing.T, err error) {
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
func ends(t *testing.T, sh *Shell) string {
	t.Helper()
	select {
	case <-sh.Done():
		return sh.How()
	case <-time.After(time.Minute):
		t.Fatal("the process goes on")
		return ""
	}
}

// attackers is a pool whose processes an attacker has taken over. As root each has a user of its own, as under a real supervisor.
func attackers(t *testing.T) (*Server, *Client) {
	t.Helper()
	cfg := Config{program: attackerName}
	if os.Geteuid() == 0 {
		cfg.UID = 61100
	}
	return newPool(t, cfg)
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

// TestBounds: what grows without end ends its own process, and no other, and the supervisor says how.
func TestBounds(t *testing.T) {
	_, c := attackers(t)
	other := take(t, c)
	for _, what := range bounded {
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
		if alive, _ := s.Numbers(); alive == 0 {
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
	two.Kill()
	ends(t, two)
	take(t, c)
	one.Kill()
	ends(t, one)
}
