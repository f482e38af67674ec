package decider

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/ca"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/decider/registry"
	"gatehouse/internal/id"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

func (b *bench) rotate(name string, undo, force bool) (protocol.CARotated, error) {
	b.t.Helper()
	return admin[protocol.CARotated](b, protocol.OpCARotate, protocol.CARotate{CA: name, Undo: undo, Force: force, By: "root"})
}

func (b *bench) saw(kind, name, fingerprint string) {
	b.t.Helper()
	b.must(b.d.facts.SawTrust(b.t.Context(), kind, name, fingerprint, b.clock.now()))
}

func (b *bench) key(name ca.Name, state ca.State) string {
	b.t.Helper()
	k, ok := b.d.cas.Manifest().Key(name, state)
	if !ok {
		b.t.Fatalf("the %s CA has no %s key", name, state)
	}
	return k.Fingerprint
}

// TestRotateWaits: a step that would shut somebody known out names whom, and does nothing, unless it is forced.
func TestRotateWaits(t *testing.T) {
	hostCA := `version: 1
targets:
  web-1: {address: "127.0.0.1:1", logins: [deploy, root], host_ca: true}
  web-2: {address: "127.0.0.1:2", logins: [deploy], host_key: "` + hostKeyLine + `"}
  bastion-host: {local: true, run_as: {ops: nobody}}
`
	b := newBench(t)
	b.write("targets.yaml", hostCA)
	if _, err := b.d.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	step := func(name string, undo bool, refusedBy ...string) {
		t.Helper()
		before := b.d.cas.Manifest().Change
		out, err := b.rotate(name, undo, false)
		if len(refusedBy) == 0 {
			b.must(err)
			return
		}
		if code(err) != protocol.CodeRefused || b.d.cas.Manifest().Change != before {
			t.Errorf("%s: %+v, %v", name, out, err)
			return
		}
		for _, who := range refusedBy {
			if !strings.Contains(err.Error(), who) {
				t.Errorf("%s: %q does not name %q", name, err, who)
			}
		}
		last := b.entries()[len(b.entries())-1]
		if last.Type != audit.Rotate || last.Outcome != "deny" || last.Object != name {
			t.Errorf("%s: the log ends with %+v", name, last)
		}
	}
	// Target CA: every remote target must have accepted the next key; local ones have none.
	step("target", false)
	step("target", false, "web-1", "web-2")
	b.saw(registry.TrustTarget, "web-1", b.key(ca.NameTarget, ca.Next))
	b.saw(registry.TrustTarget, "web-2", b.key(ca.NameTarget, ca.Active))
	step("target", false, "web-2")
	b.saw(registry.TrustTarget, "web-2", b.key(ca.NameTarget, ca.Next))
	step("target", false)
	step("target", false)
	// Host CA: until no target shows a certificate by the old key; web-2 is pinned.
	step("host", false)
	step("host", false)
	step("host", false, "web-1 was not seen")
	seen := func(fingerprint string) error {
		b.clock.pass(time.Second)
		return b.door.HostSeen(t.Context(), protocol.HostSeen{Target: "web-1", Fingerprint: fingerprint})
	}
	b.must(seen(b.key(ca.NameHost, ca.Active)))
	b.must(seen(b.key(ca.NameHost, ca.Old)))
	step("host", false, "web-1 shows")
	b.must(seen(b.key(ca.NameHost, ca.Active)))
	step("host", false)
	for target, fingerprint := range map[string]string{"web-2": b.key(ca.NameHost, ca.Active), "web-1": "SHA256:none", "nowhere": b.key(ca.NameHost, ca.Active)} {
		if err := b.door.HostSeen(t.Context(), protocol.HostSeen{Target: target, Fingerprint: fingerprint}); code(err) != protocol.CodeRefused {
			t.Errorf("%s seen with %s: %v", target, fingerprint, err)
		}
	}
	// Face CA: whoever has a known_hosts from us must have one with the next key.
	b.saw(registry.TrustFace, "agent:bot", b.key(ca.NameFace, ca.Active))
	step("face", false)
	step("face", false, "agent:bot")
	b.saw(registry.TrustFace, "agent:bot", b.key(ca.NameFace, ca.Next))
	step("face", false)
	step("face", true)
	step("face", false)
	step("face", false)
	// Agent CA: until the last certificate by the old key has ended.
	step("agent", false)
	step("agent", false)
	step("agent", false, "may be valid until")
	b.clock.pass(ca.MaxPersonTTL + 2*time.Second)
	step("agent", false)
	if _, err := b.rotate("agent", true, true); code(err) != protocol.CodeRefused {
		t.Errorf("undo with nothing under way: %v", err)
	}
	if _, err := b.rotate("root", false, true); code(err) != protocol.CodeInvalid {
		t.Errorf("a CA that there is not: %v", err)
	}
}

// TestRotateTellsTheDoor: at each step the door is told what to believe before the answer is there.
func TestRotateTellsTheDoor(t *testing.T) {
	b := newBench(t)
	hello, err := b.door.Hello(t.Context())
	b.must(err)
	if len(hello.Trust.AgentCAs) != 1 || len(hello.Trust.HostCAs) != 1 {
		t.Fatalf("hello: %+v", hello.Trust)
	}
	for i, c := range []struct {
		name                string
		agents, hosts, face int // keys trusted of each; whether the face's signing key is another
	}{{"agent", 2, 1, 0}, {"agent", 2, 1, 0}, {"agent", 1, 1, 0}, {"host", 1, 2, 0}, {"host", 1, 2, 0}, {"host", 1, 1, 0}, {"face", 1, 1, 0}, {"face", 1, 1, 1}, {"face", 1, 1, 1}} {
		_, err := b.rotate(c.name, false, true)
		b.must(err)
		var got protocol.Trust
		select {
		case got = <-b.trusts:
		case <-time.After(10 * time.Second):
			t.Fatalf("step %d of %s: the door was not told", i, c.name)
		}
		if len(got.AgentCAs) != c.agents || len(got.HostCAs) != c.hosts || (string(got.FaceCA) != string(hello.Trust.FaceCA)) != (c.face == 1) {
			t.Errorf("step %d of %s: %d agent CA keys, %d host CA keys", i, c.name, len(got.AgentCAs), len(got.HostCAs))
		}
		if string(got.AgentCAs[0]) != string(b.d.cas.Agent.PublicKey().Marshal()) {
			t.Errorf("step %d of %s: the key that signs is not the first", i, c.name)
		}
	}
}

// TestRotateEnds: when a key of the agent CA is retired, what stands on it ends: open connections at once, with the reason, also
// for a door that does not listen; certificates by it are refused.
func TestRotateEnds(t *testing.T) {
	b := newBench(t)
	oldCert, oldConn := b.issued(policy.Agent, "bot", 10*time.Minute), b.connect(policy.Agent, "bot")
	for range 2 {
		_, err := b.rotate("agent", false, true)
		b.must(err)
	}
	newConn := b.connect(policy.Agent, "bot")
	for _, conn := range []string{oldConn, newConn} {
		if _, err := b.door.Decide(t.Context(), b.question(conn, "echo", "x")); err != nil {
			t.Errorf("with both keys trusted: %v", err)
		}
	}
	out, err := b.rotate("agent", false, true)
	b.must(err)
	if out.Ended != 1 || len(out.Forced) != 1 {
		t.Errorf("%+v", out)
	}
	<-b.told
	b.mu.Lock()
	e := b.ended[len(b.ended)-1]
	b.mu.Unlock()
	if len(e.Connections) != 1 || e.Connections[0] != oldConn || !strings.Contains(e.Reason, "retired") {
		t.Errorf("the door was told %+v", e)
	}
	if _, err := b.door.Decide(t.Context(), b.question(oldConn, "echo", "x")); code(err) != protocol.CodeRefused || !strings.Contains(err.Error(), "retired") {
		t.Errorf("a connection by the retired key: %v", err)
	}
	if _, err := b.door.Decide(t.Context(), b.question(newConn, "echo", "x")); err != nil {
		t.Errorf("a connection by the new key: %v", err)
	}
	again := protocol.Authenticate{Connection: b.id(id.Connection), Certificate: oldCert, Source: "192.0.2.1", Proven: true}
	if _, err := b.door.Authenticate(t.Context(), again); code(err) != protocol.CodeRefused {
		t.Errorf("a certificate by the retired key: %v", err)
	}
}

// TestRotateWhileConnecting: a certificate that was verified just before its key was retired opens nothing after.
func TestRotateWhileConnecting(t *testing.T) {
	b := newBench(t)
	c := &connection{id: b.id(id.Connection), kind: policy.Agent, name: "bot", ca: b.key(ca.NameAgent, ca.Active), notAfter: b.clock.now().Add(time.Minute), ended: notOpen}
	for range 3 {
		_, err := b.rotate("agent", false, true)
		b.must(err)
	}
	b.must(b.d.keepConnection(c, ""))
	if why := b.d.openConnection(c); !strings.Contains(why, "retired") {
		t.Errorf("opened: %q", why)
	}
}

// TestRotateNeedsEvidence: where the log cannot be written no step is taken, whatever is forced.
func TestRotateNeedsEvidence(t *testing.T) {
	b := newBench(t)
	before := b.d.cas.Manifest().Change
	b.must(b.d.log.Close())
	if _, err := b.rotate("target", false, true); code(err) != protocol.CodeEvidence {
		t.Errorf("without a log: %v", err)
	}
	m, err := ca.ReadManifest(CADir(b.config().Dir))
	if err != nil || m.Change != before || b.d.cas.Manifest().Change != before {
		t.Errorf("change %d on disk, %d here, %v", m.Change, b.d.cas.Manifest().Change, err)
	}
}

// TestRotateIsOnRecord: the entries say which step, by whom, and which keys sign, are trusted, and are not any more.
func TestRotateIsOnRecord(t *testing.T) {
	b := newBench(t)
	first := b.key(ca.NameHost, ca.Active)
	var want []string
	for _, step := range []string{"prepare", "switch", "retire"} {
		_, err := b.rotate("host", false, true)
		b.must(err)
		signs := b.key(ca.NameHost, ca.Active)
		switch step {
		case "prepare":
			want = append(want, fmt.Sprintf("prepare 1 signs=%s trusted=%s ends=", signs, b.key(ca.NameHost, ca.Next)))
		case "switch":
			want = append(want, fmt.Sprintf("switch 2 signs=%s trusted=%s ends=", signs, first))
		case "retire":
			want = append(want, fmt.Sprintf("retire 3 signs=%s trusted= ends=%s", signs, first))
		}
	}
	var got []string
	for _, e := range b.entries() {
		if e.Type != audit.Rotate {
			continue
		}
		var d struct {
			Step, Signs, Trusted, Ends string
			Change                     int
			Forced                     []string
		}
		b.must(json.Unmarshal(e.Data, &d))
		if e.Actor != "local:root" || e.Object != "host" || e.Outcome != "ok" {
			t.Errorf("%+v", e)
		}
		got = append(got, fmt.Sprintf("%s %d signs=%s trusted=%s ends=%s", d.Step, d.Change, d.Signs, d.Trusted, d.Ends))
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the log has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestKnownHostsDuringRotation: clients are given both keys of the face CA, the one that signs first.
func TestKnownHostsDuringRotation(t *testing.T) {
	b := newBench(t)
	if got := len(b.d.knownHostLines()); got != 1 {
		t.Errorf("%d lines, want 1", got)
	}
	_, err := b.rotate("face", false, false)
	b.must(err)
	lines := b.d.knownHostLines()
	if len(lines) != 2 || !strings.Contains(lines[0], string(trimmed(b.d.cas.Face.PublicKey()))) || strings.Contains(lines[1], string(trimmed(b.d.cas.Face.PublicKey()))) {
		t.Errorf("lines: %q", lines)
	}
}

func trimmed(k ssh.PublicKey) []byte {
	return []byte(strings.TrimSpace(string(ssh.MarshalAuthorizedKey(k))))
}

// TestRotateSurvives: a decider that starts in the middle of a rotation goes on with it.
func TestRotateSurvives(t *testing.T) {
	b := newBench(t)
	for _, phase := range []string{"prepared", "switched", "steady"} {
		_, err := b.rotate("agent", false, true)
		b.must(err)
		_ = b.door.Close()
		<-b.door.Done()
		b.must(b.d.Close())
		b.open()
		b.connectDoor()
		status, err := admin[protocol.CAStatus](b, protocol.OpCAStatus, protocol.Empty{})
		b.must(err)
		if status.CAs[0].Phase != phase {
			t.Errorf("after a restart: %s, want %s", status.CAs[0].Phase, phase)
		}
		b.connect(policy.Agent, "bot")
	}
	if _, err := os.Stat(CADir(b.config().Dir) + "/agent_ca.retired"); err != nil {
		t.Error(err)
	}
}
