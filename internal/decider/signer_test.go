package decider

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/ca"
	"gatehouse/internal/answer"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

// keyAgent is a real ssh-agent that holds the four CA keys, and can be killed and started again.
type keyAgent struct {
	t      testing.TB
	socket string
	keys   []string
	cmd    *exec.Cmd
}

func newKeyAgent(t testing.TB) *keyAgent {
	dir := t.TempDir()
	a := &keyAgent{t: t, socket: filepath.Join(dir, "agent.sock")}
	for _, name := range []string{ca.AgentKeyFile, ca.TargetKeyFile, ca.HostKeyFile, ca.FaceKeyFile} {
		a.keys = append(a.keys, filepath.Join(dir, name))
		a.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", filepath.Join(dir, name))
	}
	a.start()
	t.Cleanup(a.kill)
	return a
}

func (a *keyAgent) run(name string, args ...string) {
	a.t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "SSH_AUTH_SOCK="+a.socket)
	if out, err := cmd.CombinedOutput(); err != nil {
		a.t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

func (a *keyAgent) start() {
	a.t.Helper()
	a.cmd = exec.Command("ssh-agent", "-D", "-a", a.socket)
	if err := a.cmd.Start(); err != nil {
		a.t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if c, err := net.Dial("unix", a.socket); err == nil {
			_ = c.Close()
			break
		}
		if time.Now().After(deadline) {
			a.t.Fatal("ssh-agent does not listen")
		}
	}
	a.run("ssh-add", append([]string{"-q"}, a.keys...)...)
}

func (a *keyAgent) kill() {
	if a.cmd == nil {
		return
	}
	_ = a.cmd.Process.Kill()
	_ = a.cmd.Wait()
	_ = os.Remove(a.socket)
	a.cmd = nil
}

func (a *keyAgent) signers() ca.Signers {
	c := ca.SignerConfig{Kind: ca.AgentSigner, Socket: a.socket}
	return ca.Signers{Agent: c, Target: c, Host: c, Face: c}
}

// newAgentBench is a bench whose decider has its CA keys in an ssh-agent.
func newAgentBench(t testing.TB) (*bench, *keyAgent) {
	a := newKeyAgent(t)
	b := &bench{t: t, dir: t.TempDir(), clock: newBenchClock(), told: make(chan struct{}, 64)}
	b.write("policy.yaml", testPolicy)
	b.write("targets.yaml", testTargets)
	cfg := b.config()
	cfg.Signers = a.signers()
	var err error
	b.d, err = Open(context.Background(), cfg)
	b.must(err)
	t.Cleanup(func() { _ = b.d.Close() })
	b.connectDoor()
	return b, a
}

// TestSignerFault: while the keys are away each request is answered "unavailable", no certificate leaves, and the log has it
// once for each CA; when they are back, the same decider signs again and the log has that too.
func TestSignerFault(t *testing.T) {
	b, agent := newAgentBench(t)
	conn := b.connect(policy.Agent, "bot")
	agent.kill()
	key, _ := newKey(t)
	for range 5 {
		_, err := admin[protocol.Issued](b, protocol.OpIssue, protocol.Issue{Kind: policy.Agent, Name: "bot", PublicKey: key.Marshal(), TTL: time.Minute, By: "test"})
		wantUnavailable(t, err, "the agent CA's key cannot sign now; nothing was issued")
		_, err = b.door.Face(t.Context(), protocol.Face{PublicKey: key.Marshal()})
		wantUnavailable(t, err, "the face CA's key")
		_, err = b.door.Sweep(t.Context(), protocol.Sweep{Session: b.id(id.Session), Target: "web-1", Login: "deploy", PublicKey: key.Marshal()})
		wantUnavailable(t, err, "the target CA's key")
		got, err := b.door.Decide(t.Context(), b.question(conn, "echo", "x"))
		if err != nil || got.Fault != answer.FaultSigner || len(got.Certificate) > 0 {
			t.Errorf("decide: %+v, %v", got, err)
		}
	}
	if got := b.signerEntries(); got != "agent_ca failed, face_ca failed, target_ca failed" {
		t.Errorf("entries: %s", got)
	}
	agent.start()
	b.clock.pass(signerPause)
	b.issued(policy.Agent, "bot", time.Minute)
	b.issued(policy.Agent, "bot", time.Minute)
	got, err := b.door.Decide(t.Context(), b.question(conn, "echo", "x"))
	if err != nil || got.Fault != "" || len(got.Certificate) == 0 {
		t.Errorf("decide: %+v, %v", got, err)
	}
	if got := b.signerEntries(); got != "agent_ca failed, face_ca failed, target_ca failed, agent_ca ok, target_ca ok" {
		t.Errorf("entries: %s", got)
	}
	numbers, err := admin[protocol.Metrics](b, protocol.OpMetrics, protocol.Empty{})
	if err != nil || !strings.Contains(numbers.Text, `gatehouse_signer_failures_total{ca="target"} 10`) {
		t.Errorf("metrics: %v\n%s", err, numbers.Text)
	}
}

// TestSignerFaultFlaps: a key that fails and recovers all the time does not fill the log.
func TestSignerFaultFlaps(t *testing.T) {
	b, _ := newAgentBench(t)
	for i := range 100 {
		var err error
		if i%2 == 0 {
			err = ca.ErrSigner
		}
		_ = b.d.signed(t.Context(), "agent", err, invalid)
	}
	if got := b.signerEntries(); got != "agent_ca failed" {
		t.Errorf("entries: %s", got)
	}
	b.clock.pass(signerPause)
	_ = b.d.signed(t.Context(), "agent", nil, invalid)
	if got := b.signerEntries(); got != "agent_ca failed, agent_ca ok" {
		t.Errorf("entries: %s", got)
	}
}

func wantUnavailable(t testing.TB, err error, text string) {
	t.Helper()
	var own *protocol.Error
	if !errors.As(err, &own) || own.Code != protocol.CodeUnavailable || !strings.Contains(own.Msg, text) {
		t.Errorf("got %v, want %q", err, text)
	}
}

// signerEntries are the log's entries about signers, in short.
func (b *bench) signerEntries() string {
	b.t.Helper()
	var out []string
	for _, e := range b.entries() {
		if e.Type == audit.SignerFault {
			out = append(out, e.Object+" "+e.Outcome)
		}
	}
	return strings.Join(out, ", ")
}
