package bastion

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/store"
	"gatehouse/policy"
)

// faulty has a fault where a test wants one: each of the door's parts, called by each of its goroutines.
type faulty struct {
	Gate
	Evidence
	Certifier
	store.Sessions
	at atomic.Pointer[string]
}

func (f *faulty) fault(where string) {
	if at := f.at.Load(); at != nil && *at == where {
		panic("injected: " + where)
	}
}

func (f *faulty) Authenticate(ctx context.Context, in protocol.Authenticate) (protocol.Authenticated, error) {
	switch {
	case in.Key != nil:
		f.fault("a key is looked up")
	case in.Proven:
		f.fault("a key is proven")
	default:
		f.fault("a target is dialled ahead")
	}
	return f.Gate.Authenticate(ctx, in)
}

func (f *faulty) Decide(ctx context.Context, in protocol.Decide) (protocol.Decided, error) {
	f.fault("a command is decided")
	return f.Gate.Decide(ctx, in)
}

func (f *faulty) Refuse(ctx context.Context, in protocol.Refuse) error {
	f.fault("a refusal is noted")
	return f.Evidence.Refuse(ctx, in)
}

func (f *faulty) CloseConnection(ctx context.Context, in protocol.Close) error {
	f.fault("the end of a connection is noted")
	return f.Evidence.CloseConnection(ctx, in)
}

func (f *faulty) Face(ctx context.Context, in protocol.Face) (protocol.FaceAnswer, error) {
	f.fault("a face is asked for")
	return f.Certifier.Face(ctx, in)
}

func (f *faulty) Put(ctx context.Context, s store.Session) error {
	f.fault("a session is stored")
	return f.Sessions.Put(ctx, s)
}

// faultyConsole is a verb with a fault.
type faultyConsole struct {
	Console
	f *faulty
}

func (c faultyConsole) Run(ctx context.Context, who console.Credential, args []string, std console.Streams) int {
	c.f.fault("a verb runs")
	return c.Console.Run(ctx, who, args, std)
}

// A fault in the door's own code ends the connection that meets it, is counted and reported, and leaves nothing behind; others go on.
func TestFaultEndsOneConnection(t *testing.T) {
	f := &faulty{}
	w := newWholeWith(t, func(c *Config) {
		f.Gate, f.Evidence, f.Certifier, f.Sessions = c.Gate, c.Evidence, c.Certifier, c.Sessions
		c.Gate, c.Evidence, c.Certifier, c.Sessions = f, f, f, f
	})
	w.server.console = faultyConsole{w.server.console, f}
	bot := w.certify(policy.Agent, "bot", 10*time.Minute)
	bystander := w.client("deploy@web-1", bot)
	dial := func(user string, key ssh.Signer) { // and do what brings the fault about
		if c, err := w.dial(user, key); err == nil {
			_, _, _ = c.SendRequest("tcpip-forward", true, nil)
			if ch, _, err := c.OpenChannel("x11", nil); err == nil {
				_ = ch.Close()
			}
			exec(c, "echo fault")
			_ = c.Close()
		}
	}
	plain := bare1(t)
	for at, attack := range map[string]func(){
		"a key is looked up":               func() { dial("console", plain) },
		"a key is proven":                  func() { dial("deploy@web-1", bot) },
		"a target is dialled ahead":        func() { dial("deploy@web-1", bot) },
		"a command is decided":             func() { dial("deploy@web-1", bot) },
		"a refusal is noted":               func() { dial("deploy@web-1", bot) },
		"the end of a connection is noted": func() { dial("deploy@web-1", bot) },
		"a face is asked for":              func() { w.server.faces.renew(); dial("deploy@web-1", bot) },
		"a session is stored":              func() { dial("deploy@web-1", bot) },
		"a verb runs":                      func() { dial("console", bot) },
	} {
		before := w.number("gatehouse_ssh_panics_total", "")
		f.at.Store(&at)
		attack()
		w.awaitConnections(1)
		f.at.Store(nil)
		if got := w.number("gatehouse_ssh_panics_total", ""); got <= before {
			t.Errorf("%s: no fault was counted", at)
		}
		if out, errs, status := exec(bystander, "echo here"); status != 0 || out != "here\n" {
			t.Fatalf("%s: a bystander: %d %q %q", at, status, out, errs)
		}
		w.awaitIdle()
	}
	w.must(bystander.Close())
	w.awaitConnections(0)
	if l := w.server.limits; l.all != 0 || len(l.sources)+len(l.live) != 0 {
		t.Errorf("slots are left: %d, %v, %v", l.all, l.sources, l.live)
	}
	w.server.Shutdown(t.Context(), "the evidence must be complete")
	all, err := w.store.List(t.Context(), store.Filter{})
	w.must(err)
	failed := 0
	for _, s := range all {
		if s.State == store.Live || s.Recording == "" {
			t.Errorf("left behind: %+v", s)
		}
		if s.State == store.Failed && strings.Contains(s.Reason, "internal error") {
			failed++
		}
	}
	if failed == 0 {
		t.Error("no session says that it met a fault")
	}
}

func bare1(t *testing.T) ssh.Signer {
	t.Helper()
	signer, err := plainSigner()
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// number is one of the door's numbers; label is the value of its only label, or "".
func (w *whole) number(name, label string) float64 {
	w.t.Helper()
	families, err := w.server.Numbers().Gather()
	w.must(err)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && (label == "" || len(m.GetLabel()) > 0 && m.GetLabel()[0].GetValue() == label) {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return 0
}

// awaitConnections waits until so many are left.
func (w *whole) awaitConnections(n int) {
	w.t.Helper()
	for range 1000 {
		live, starting := w.server.limits.counts()
		if live+starting == n {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	live, starting := w.server.limits.counts()
	w.t.Fatalf("%d connections and %d that begin are left, want %d", live, starting, n)
}

// A fault in one of a session's streams ends the session as failed, its command and its recording too.
func TestFaultInAStream(t *testing.T) {
	w := newWhole(t)
	c := w.client("deploy@web-1", w.certify(policy.Agent, "bot", 10*time.Minute))
	s, err := c.NewSession()
	w.must(err)
	w.must(s.Start("sleep 663"))
	row := w.session("sleep 663", store.Live)
	w.awaitRunning(row.ID)
	w.server.mu.Lock()
	ses := w.server.sessions[row.ID]
	w.server.mu.Unlock()
	err = ses.stream("a test", func() error { panic("injected") })
	var cause *ended
	if !errors.As(err, &cause) || cause.state != store.Failed {
		t.Errorf("the stream's end: %v", err)
	}
	if !gone(c) {
		t.Error("the connection lives on")
	}
	if got := w.session("sleep 663", store.Failed); got.Recording == "" || got.Remote != "ended" || !strings.Contains(got.Reason, "internal error") {
		t.Errorf("the session: %+v", got)
	}
}

// A host key whose signature meets a fault ends its connection: the SSH library asks for it in a goroutine of its own.
func TestFaultInAKeyExchange(t *testing.T) {
	var faults atomic.Bool
	w := newWholeWith(t, func(c *Config) { c.HostKey = faultySigner{c.HostKey.(ssh.AlgorithmSigner), &faults} })
	bot := w.certify(policy.Agent, "bot", time.Minute)
	faults.Store(true)
	if _, err := w.dial("console", bot); err == nil {
		t.Error("a connection came about")
	}
	w.awaitConnections(0)
	if w.number("gatehouse_ssh_panics_total", "") == 0 {
		t.Error("no fault was counted")
	}
	faults.Store(false)
	w.client("console", bot)
}

// faultySigner is a host key that has a fault at times.
type faultySigner struct {
	ssh.AlgorithmSigner
	faults *atomic.Bool
}

func (f faultySigner) Sign(rand io.Reader, data []byte) (*ssh.Signature, error) {
	if f.faults.Load() {
		panic("injected")
	}
	return f.AlgorithmSigner.Sign(rand, data)
}

func (f faultySigner) SignWithAlgorithm(rand io.Reader, data []byte, algorithm string) (*ssh.Signature, error) {
	if f.faults.Load() {
		panic("injected")
	}
	return f.AlgorithmSigner.SignWithAlgorithm(rand, data, algorithm)
}
