package bastion

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
)

// closes notes which connections the decider was told are over.
type closes struct {
	Evidence
	mu   sync.Mutex
	told []string
}

func (c *closes) CloseConnection(ctx context.Context, in protocol.Close) error {
	c.mu.Lock()
	c.told = append(c.told, in.Connection)
	c.mu.Unlock()
	return c.Evidence.CloseConnection(ctx, in)
}

// leavingGate lets the client go away while the decider is being asked about its proof.
type leavingGate struct {
	Gate
	leave func(ctx context.Context, in protocol.Authenticate)
	known *[]string // what the decider has registered
}

func (g leavingGate) Authenticate(ctx context.Context, in protocol.Authenticate) (protocol.Authenticated, error) {
	if in.Proven {
		g.leave(ctx, in)
	}
	out, err := g.Gate.Authenticate(ctx, in)
	if in.Proven {
		*g.known = append(*g.known, in.Connection)
	}
	return out, err
}

// TestNoConnectionIsLeftBehind: whatever the decider keeps of a connection it is told to forget, though the client leaves, or is
// ended, between its proof and the door's hearing of the answer: else whoever holds a certificate could fill the decider.
func TestNoConnectionIsLeftBehind(t *testing.T) {
	w := newWhole(t)
	evidence := &closes{Evidence: w.server.cfg.Evidence}
	w.server.cfg.Evidence = evidence
	bot := w.certify(policy.Agent, "bot", 10*time.Minute)
	outer, err := w.dial("jump", bot)
	w.must(err)
	var known []string
	w.server.cfg.Gate = leavingGate{w.server.cfg.Gate, func(_ context.Context, in protocol.Authenticate) {
		if in.Outer == "" {
			w.server.EndConnections([]string{in.Connection}, "agent:bot is revoked")
			return
		}
		w.server.mu.Lock()
		around := w.server.conns[in.Outer]
		w.server.mu.Unlock()
		_ = outer.Close()
		<-around.ctx.Done()
	}, &known}
	ch, requests, err := outer.OpenChannel("direct-tcpip", ssh.Marshal(directTCPIP{Host: "web-1", Port: 22}))
	w.must(err)
	go ssh.DiscardRequests(requests)
	if _, _, _, err := ssh.NewClientConn(&jumpStream{Channel: ch}, "web-1", &ssh.ClientConfig{User: "deploy",
		Auth: []ssh.AuthMethod{ssh.PublicKeys(bot)}, HostKeyCallback: ssh.InsecureIgnoreHostKey()}); err == nil {
		t.Error("the inner connection outlived the one around it")
	}
	if c, err := w.dial("deploy@web-1", bot); err == nil {
		_ = c.Close()
		t.Error("an ended connection came to life")
	}
	w.server.Shutdown(t.Context(), "the evidence must be complete")
	if len(known) != 2 {
		t.Fatalf("the decider was asked about %q", known)
	}
	for _, name := range known {
		if !slices.Contains(evidence.told, name) {
			t.Errorf("the decider was not told that %s is over", name)
		}
	}
}
