package decider

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/policy"
)

// TestRemovedKeyRenewsNothing: certificates that a registered key began are not renewed once the key is removed, or another agent's,
// nor does a connection by the key that is still open.
func TestRemovedKeyRenewsNothing(t *testing.T) {
	b := newEnrolBench(t)
	key := b.registered()
	conn, _ := b.renewable(key, "")
	byKey, _, err := b.byKey(key, nil)
	b.must(err)
	if _, err := b.door.Renew(t.Context(), protocol.Renew{Connection: conn}); err != nil {
		t.Fatal(err)
	}
	_, err = admin[protocol.Empty](b, protocol.OpKeyRemove, protocol.Remove{Name: ssh.FingerprintSHA256(key), By: "test"})
	b.must(err)
	try := func(when string) {
		t.Helper()
		for name, c := range map[string]string{"a certificate": conn, "the key": byKey} {
			if got, err := b.door.Renew(t.Context(), protocol.Renew{Connection: c}); code(err) != protocol.CodeRefused || !strings.Contains(err.Error(), "is not registered") {
				t.Errorf("%s, %s renewed: %+v, %v", when, name, got, err)
			}
		}
	}
	try("removed")
	b.setPolicy(strings.Replace(enrolPolicy, "roles: [elsewhere]", "roles: [elsewhere], enrol: [key]", 1))
	_, err = admin[protocol.AgentKey](b, protocol.OpKeyAdd, protocol.KeyAdd{Agent: "other", PublicKey: key.Marshal(), By: "test"})
	b.must(err)
	try("another agent's")
}

// TestShorterRenewals: where policy shortens renew_for, or says never, grants that began before end earlier too.
func TestShorterRenewals(t *testing.T) {
	b := newEnrolBench(t)
	conn, _ := b.renewable(b.registered(), "")
	b.clock.pass(6 * time.Minute)
	b.setPolicy(strings.Replace(enrolPolicy, "renew_for: 25m", "renew_for: 8m", 1))
	got, err := b.door.Renew(t.Context(), protocol.Renew{Connection: conn})
	b.must(err)
	if left := got.Issued.NotAfter.Sub(b.clock.now()); left > 2*time.Minute+time.Second {
		t.Errorf("it lives for %s, 2m before the end", left)
	}
	if _, err := b.door.Renew(t.Context(), protocol.Renew{Connection: conn, TTL: 5 * time.Minute}); err == nil {
		t.Error("renewed beyond the end")
	}
	b.setPolicy(strings.Replace(enrolPolicy, "renew_for: 25m", "renew_for: never", 1))
	if got, err := b.door.Renew(t.Context(), protocol.Renew{Connection: conn}); err == nil {
		t.Errorf("renewed under a policy that says never: %+v", got)
	}
}

// TestDelegateEnds: what works for a person ends when that person is disabled, or owns the agent no more, though others do.
func TestDelegateEnds(t *testing.T) {
	shared := strings.NewReplacer("owner: person:ann", "owner: group:web", "agents:", "groups: {web: [person:ann, person:vic]}\nagents:").Replace(testPolicy)
	for name, then := range map[string]string{
		"disabled":       strings.Replace(shared, "ann: {", "ann: {disabled: true, ", 1),
		"owner no more":  strings.Replace(shared, "web: [person:ann, ", "web: [", 1),
		"vic goes, only": strings.Replace(shared, ", person:vic]", "]", 1),
	} {
		b := newBench(t)
		b.setPolicy(shared)
		key, _ := newKey(t)
		got, err := b.d.certify(t.Context(), policy.CertificateRequest{Kind: policy.Agent, Name: "bot"}, key.Marshal(), proof{actor: "test", by: "local", delegation: "person:ann>agent:boss"})
		b.must(err)
		conn := b.id(id.Connection)
		b.must(b.authenticate(conn, got.Certificate))
		b.setPolicy(then)
		stays := name == "vic goes, only"
		if err := b.askAs(conn, "web-1", "echo", "x"); (err == nil) != stays || err != nil && !strings.Contains(err.Error(), "works for person:ann") {
			t.Errorf("%s: %v", name, err)
		}
		if err := b.authenticate(b.id(id.Connection), got.Certificate); (err == nil) != stays {
			t.Errorf("%s: let in: %v", name, err)
		}
		if _, err := b.door.Renew(t.Context(), protocol.Renew{Connection: conn}); (err == nil) != stays {
			t.Errorf("%s: renewed: %v", name, err)
		}
	}
}

// TestEnrolledByThePolicyOfTheEntry: what was shown must be taken by the policy that the entry names, whatever was in force when it
// was looked at.
func TestEnrolledByThePolicyOfTheEntry(t *testing.T) {
	b := newEnrolBench(t)
	key, _ := newKey(t)
	want := policy.CertificateRequest{Kind: policy.Agent, Name: "bot"}
	p := proof{actor: "agent:bot", by: "join", shown: &policy.Proof{Method: policy.ByJoin}}
	if _, err := b.d.certify(t.Context(), want, key.Marshal(), p); err != nil {
		t.Fatal(err)
	}
	b.setPolicy(strings.Replace(enrolPolicy, "[key, join]", "[key]", 1))
	if got, err := b.d.certify(t.Context(), want, key.Marshal(), p); reasonOf(err) != reasonNotAllowed {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestResetVoidsConfirmedLogins: a program's login that was confirmed with a passkey, and not fetched yet, goes with the passkeys.
func TestResetVoidsConfirmedLogins(t *testing.T) {
	b := newBench(t)
	ann := b.passkeySignedIn("ann")
	d := b.device()
	b.must(b.door.AnswerDevice(t.Context(), console.Credential{SignIn: ann.SignIn}, d.UserCode, true))
	_, err := admin[protocol.Link](b, protocol.OpPasskeyReset, protocol.PasskeysOf{Person: "ann", By: "root"})
	b.must(err)
	if got, err := b.poll(d); err == nil {
		t.Errorf("a certificate after the reset: %+v", got)
	}
}
