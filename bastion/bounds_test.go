package bastion

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/console"
	"gatehouse/internal/store"
	"gatehouse/policy"
)

// What is too long is denied, noted and complete, like any other refusal: it is no fault of the log's or the recording's.
func TestTooLongIsDenied(t *testing.T) {
	w := newWhole(t)
	c := w.client("deploy@web-1", w.certify(policy.Agent, "bot", 10*time.Minute))
	for _, a := range []ask{
		{"subsystem", strings.Repeat("\x01", 200<<10)},
		{"exec", strings.Repeat("\x01", 200<<10)},
		{"exec", "echo '" + strings.Repeat("<", 60<<10) + "'"},                // six bytes each in JSON: too much for the recording
		{"exec", "echo" + strings.Repeat(" "+strings.Repeat("'<'", 9), 2000)}, // and this for the audit log
	} {
		errs, status := w.ask(c, a)
		if status != 126 || !strings.Contains(errs, "DENIED") || !strings.Contains(errs, "GATEHOUSE-DENIAL {") {
			t.Errorf("%s of %d bytes: %d, %.300q", a.kind, len(a.text), status, errs)
		}
	}
	w.must(c.Close())
	w.server.Shutdown(t.Context(), "the evidence must be complete")
	all, err := w.store.List(t.Context(), store.Filter{})
	w.must(err)
	if len(all) != 4 {
		t.Errorf("%d sessions", len(all))
	}
	for _, s := range all {
		if s.State != store.Denied || s.Recording == "" {
			t.Errorf("%.80q: %s %s, recording %q", s.Command, s.State, s.Code, s.Recording)
		}
	}
}

// ask makes one request on a channel of its own, and returns what came on stderr and the exit status.
func (w *whole) ask(c *ssh.Client, a ask) (stderr string, status int) {
	w.t.Helper()
	ch, requests, err := c.OpenChannel("session", nil)
	w.must(err)
	ok, err := ch.SendRequest(a.kind, true, ssh.Marshal(struct{ Text string }{a.text}))
	w.must(err)
	if !ok {
		return "refused", -1
	}
	errs, err := io.ReadAll(ch.Stderr())
	w.must(err)
	status = -1
	for req := range requests {
		var m struct{ Status uint32 }
		if req.Type == "exit-status" && ssh.Unmarshal(req.Payload, &m) == nil {
			status = int(m.Status)
		}
	}
	return string(errs), status
}

// Connections on which nothing runs, authenticated or not, do not hold a shutdown up.
func TestShutdownOfIdleConnections(t *testing.T) {
	w := newWhole(t)
	idle := w.client("deploy@web-1", w.certify(policy.Agent, "bot", 10*time.Minute))
	if _, _, status := exec(idle, "echo x"); status != 0 {
		t.Errorf("status %d", status)
	}
	half, err := net.Dial("tcp", w.addr)
	w.must(err)
	defer half.Close()
	if _, err := half.Read(make([]byte, 1)); err != nil { // until its handshake has begun
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	w.server.Shutdown(ctx, "the end")
	if ctx.Err() != nil {
		t.Error("idle connections held the shutdown up")
	}
	if err := idle.Wait(); err == nil {
		t.Error("the idle connection ended in order")
	}
}

// A kill of a target reaches connections to it on which nothing runs, those inside a jump too, and no others.
func TestKillReachesIdleConnections(t *testing.T) {
	w := newWhole(t)
	bot := w.certify(policy.Agent, "bot", 10*time.Minute)
	direct, elsewhere, outer := w.client("deploy@web-1", bot), w.client("ops@here", bot), w.client("jump", bot)
	ch, requests, err := outer.OpenChannel("direct-tcpip", ssh.Marshal(directTCPIP{Host: "web-1", Port: 22}))
	w.must(err)
	go ssh.DiscardRequests(requests)
	conn, chans, reqs, err := ssh.NewClientConn(&jumpStream{Channel: ch}, "web-1", &ssh.ClientConfig{User: "deploy",
		Auth: []ssh.AuthMethod{ssh.PublicKeys(bot)}, HostKeyCallback: ssh.InsecureIgnoreHostKey()})
	w.must(err)
	inner := ssh.NewClient(conn, chans, reqs)
	for _, c := range []*ssh.Client{direct, inner} {
		if _, errs, status := exec(c, "echo x"); status != 0 {
			t.Fatalf("before the kill: %d, %q", status, errs)
		}
	}
	w.awaitIdle()
	_, err = w.server.Kill(t.Context(), console.KillOrder{Target: "web-1", By: console.Actor{Principal: "person:ann"}, Reason: "web-1 is lost"})
	w.must(err)
	for name, c := range map[string]*ssh.Client{"direct": direct, "outer": outer, "inner": inner} {
		if !gone(c) {
			t.Errorf("%s lives on", name)
		}
	}
	if _, errs, status := exec(elsewhere, "echo here"); status != 0 {
		t.Errorf("a connection to another target: %d, %q", status, errs)
	}
}

// awaitIdle waits until no session is left.
func (w *whole) awaitIdle() {
	w.t.Helper()
	for range 500 {
		if len(w.server.everything()) == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.t.Fatal("sessions live on")
}
