package bastion

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/store"
	"gatehouse/policy"
)

// What the decider ends, ends at the door: the session with its reason and 137, what runs inside a jump, what is idle.
func TestEndConnections(t *testing.T) {
	w := newWhole(t)
	bot, other := w.certify(policy.Agent, "bot", 600e9), w.certify(policy.Agent, "other", 600e9)
	busy, idle, outer, stays := w.client("deploy@web-1", bot), w.client("deploy@web-1", bot), w.client("jump", bot), w.client("deploy@web-1", other)
	inner := w.inside(outer, bot)
	var errs bytes.Buffer
	s, err := busy.NewSession()
	w.must(err)
	s.Stderr = &errs
	w.must(s.Start("sleep 661"))
	var innerErrs bytes.Buffer
	is, err := inner.NewSession()
	w.must(err)
	is.Stderr = &innerErrs
	w.must(is.Start("sleep 662"))
	w.awaitRunning(w.session("sleep 661", store.Live).ID)
	w.awaitRunning(w.session("sleep 662", store.Live).ID)
	var ids []string
	w.server.mu.Lock()
	for name, c := range w.server.conns {
		if c.identity.Name == "bot" && c.outer == nil { // the outer one of the jump dooms what is inside it
			ids = append(ids, name)
		}
	}
	w.server.mu.Unlock()
	w.server.EndConnections(append(ids, "con_unknown"), "agent:bot is revoked")
	if err := s.Wait(); exitStatus(err) != 137 || !strings.Contains(errs.String(), "agent:bot is revoked") {
		t.Errorf("the session: %v, %q", err, errs.String())
	}
	if err := is.Wait(); exitStatus(err) != 137 || !strings.Contains(innerErrs.String(), "agent:bot is revoked") {
		t.Errorf("the session inside a jump: %v, %q", err, innerErrs.String())
	}
	for name, c := range map[string]*ssh.Client{"busy": busy, "idle": idle, "outer": outer, "inner": inner} {
		ended := make(chan error, 1)
		go func() { ended <- c.Wait() }()
		select {
		case err := <-ended:
			if err == nil {
				t.Errorf("%s ended in order", name)
			}
		case <-time.After(10 * time.Second):
			t.Errorf("%s lives on", name)
			_ = c.Close()
		}
	}
	if out, _, status := exec(stays, "echo y"); status != 0 || out != "y\n" {
		t.Errorf("a connection that was not meant: %d", status)
	}
	for _, line := range []string{"sleep 661", "sleep 662"} {
		row := w.session(line, store.Killed)
		if left, err := w.host.Processes(line); err != nil || len(left) != 0 || row.Remote != "ended" {
			t.Errorf("%s: left on the target: %v, %v, %q", line, left, err, row.Remote)
		}
	}
}

// inside is a client whose connection runs inside a jump.
func (w *whole) inside(outer *ssh.Client, signer ssh.Signer) *ssh.Client {
	w.t.Helper()
	ch, requests, err := outer.OpenChannel("direct-tcpip", ssh.Marshal(directTCPIP{Host: "web-1", Port: 22}))
	w.must(err)
	go ssh.DiscardRequests(requests)
	conn, chans, reqs, err := ssh.NewClientConn(&jumpStream{Channel: ch}, "web-1", &ssh.ClientConfig{User: "deploy",
		Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyCallback: ssh.InsecureIgnoreHostKey()})
	w.must(err)
	return ssh.NewClient(conn, chans, reqs)
}

func exitStatus(err error) int {
	if exit, ok := err.(*ssh.ExitError); ok {
		return exit.ExitStatus()
	}
	return -1
}

// pausedGate does something between the decider's answer and the door's hearing of it.
type pausedGate struct {
	Gate
	meanwhile func(conn string)
}

func (g pausedGate) Authenticate(ctx context.Context, in protocol.Authenticate) (protocol.Authenticated, error) {
	out, err := g.Gate.Authenticate(ctx, in)
	if in.Proven && g.meanwhile != nil {
		g.meanwhile(in.Connection)
	}
	return out, err
}

// A connection that is ended while its authentication is under way does not come to life, hears why, and is closed.
func TestEndWhileAuthenticating(t *testing.T) {
	w := newWhole(t)
	w.server.cfg.Gate = pausedGate{w.server.cfg.Gate, func(conn string) { w.server.EndConnections([]string{conn}, "agent:bot is revoked") }}
	var banner strings.Builder
	bot := w.certify(policy.Agent, "bot", 600e9)
	c, err := ssh.Dial("tcp", w.addr, &ssh.ClientConfig{User: "deploy@web-1", Auth: []ssh.AuthMethod{ssh.PublicKeys(bot)},
		BannerCallback:  func(text string) error { _, err := io.WriteString(&banner, text); return err },
		HostKeyCallback: ssh.InsecureIgnoreHostKey()})
	if err == nil {
		_ = c.Close()
		t.Error("an ended connection came to life")
	}
	if !strings.Contains(banner.String(), "agent:bot is revoked") {
		t.Errorf("the client heard %q", banner.String())
	}
}
