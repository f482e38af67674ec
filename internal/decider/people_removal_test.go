package decider

import (
	"errors"
	"strings"
	"testing"

	"gatehouse/internal/account"
	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
)

// TestPasskeyRemoval: one's own only, never the last without another way in; the sign-ins that were made with it end.
func TestPasskeyRemoval(t *testing.T) {
	b := newBench(t)
	ann, a := b.person("ann")
	vic, _ := b.person("vic")
	in, err := b.passkeyIn(a)
	b.must(err)
	account := func(who console.Credential) account.Account {
		t.Helper()
		acc, err := b.door.Account(t.Context(), who)
		b.must(err)
		return acc
	}
	first := account(ann).Passkeys[0].ID
	if err := b.door.RemovePasskey(t.Context(), vic, first); err == nil {
		t.Error("vic removed ann's")
	}
	if err := b.door.NamePasskey(t.Context(), vic, first, "mine"); err == nil {
		t.Error("vic named ann's")
	}
	if err := b.door.RemovePasskey(t.Context(), ann, first); err == nil || !strings.Contains(err.Error(), "last") {
		t.Errorf("the last one: %v", err)
	}
	second, err := b.register(ann, newAuthenticator(t))
	b.must(err)
	b.must(b.door.NamePasskey(t.Context(), ann, second.ID, "phone"))
	b.must(b.door.RemovePasskey(t.Context(), ann, first))
	if acc := account(ann); len(acc.Passkeys) != 1 || acc.Passkeys[0].Name != "phone" {
		t.Errorf("left: %+v", acc.Passkeys)
	}
	if _, err := b.door.Account(t.Context(), console.Credential{SignIn: in.Cookie}); !errors.Is(err, console.ErrSignedOut) {
		t.Errorf("a sign-in made with the removed passkey: %v", err)
	}
	if _, err := b.passkeyIn(a); err == nil {
		t.Error("a removed passkey signs in")
	}
	b.must(b.door.SignOutAll(t.Context(), ann))
	if _, err := b.door.Account(t.Context(), ann); !errors.Is(err, console.ErrSignedOut) {
		t.Errorf("after sign out everywhere: %v", err)
	}
}

// TestPasskeysByRoot: root lists, removes and resets; a reset leaves nothing that signs in but the new link. The door cannot.
func TestPasskeysByRoot(t *testing.T) {
	b := newBench(t)
	who, a := b.person("ann")
	list, err := admin[protocol.PasskeyList](b, protocol.OpPasskeys, protocol.PasskeysOf{Person: "ann", By: "root"})
	if err != nil || len(list.Passkeys) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	drop := protocol.PasskeyDrop{Person: "ann", ID: list.Passkeys[0].ID, By: "root"}
	if _, err := admin[protocol.Empty](b, protocol.OpPasskeyDrop, drop); code(err) != protocol.CodeRefused || !strings.Contains(err.Error(), "--force") {
		t.Errorf("the last one without force: %v", err)
	}
	old, err := admin[protocol.Link](b, protocol.OpSetupLink, protocol.SetupLink{Person: "ann", By: "root"})
	b.must(err)
	link, err := admin[protocol.Link](b, protocol.OpPasskeyReset, protocol.PasskeysOf{Person: "ann", By: "root"})
	b.must(err)
	if _, err := b.passkeyIn(a); err == nil {
		t.Error("a reset passkey signs in")
	}
	if _, err := b.door.Account(t.Context(), who); !errors.Is(err, console.ErrSignedOut) {
		t.Errorf("a sign-in from before the reset: %v", err)
	}
	if _, err := b.door.Redeem(t.Context(), after(old.URL), ""); err == nil {
		t.Error("a link from before the reset")
	}
	in, err := b.door.Redeem(t.Context(), after(link.URL), "")
	if err != nil || !in.Setup {
		t.Fatalf("the new link: %+v, %v", in, err)
	}
	who = console.Credential{SignIn: in.Cookie}
	p, err := b.register(who, newAuthenticator(t))
	b.must(err)
	drop.ID, drop.Force = p.ID, true
	if _, err := admin[protocol.Empty](b, protocol.OpPasskeyDrop, drop); err != nil || b.last().Actor != "local:root" {
		t.Errorf("with force: %v, %+v", err, b.last())
	}
	if _, err := b.door.Account(t.Context(), who); !errors.Is(err, console.ErrSignedOut) {
		t.Errorf("a sign-in from before root's removal: %v", err)
	}
	for op, in := range map[protocol.Op]any{protocol.OpPasskeys: protocol.PasskeysOf{Person: "ann"}, protocol.OpPasskeyDrop: drop, protocol.OpPasskeyReset: protocol.PasskeysOf{Person: "ann"}} {
		if err := b.door.Call(t.Context(), op, in, nil); code(err) != protocol.CodeInvalid {
			t.Errorf("the door asks %s: %v", op, err)
		}
	}
}

func after(url string) string { _, secret, _ := strings.Cut(url, "#"); return secret }

// TestSetupLinkVoidsOlder: the newest set-up link of a person is the only link.
func TestSetupLinkVoidsOlder(t *testing.T) {
	b := newBench(t)
	web := b.link(b.connect(policy.Person, "ann"))
	other := b.link(b.connect(policy.Person, "vic"))
	var links []string
	for range 3 {
		l, err := admin[protocol.Link](b, protocol.OpSetupLink, protocol.SetupLink{Person: "ann", By: "root"})
		b.must(err)
		links = append(links, after(l.URL))
	}
	for _, secret := range []string{web, links[0], links[1]} {
		if _, err := b.door.Redeem(t.Context(), secret, ""); !errors.Is(err, console.ErrLinkUsed) {
			t.Errorf("an older link: %v", err)
		}
	}
	for _, secret := range []string{links[2], other} {
		if _, err := b.door.Redeem(t.Context(), secret, ""); err != nil {
			t.Error(err)
		}
	}
	if _, err := b.door.Redeem(t.Context(), links[2], ""); !errors.Is(err, console.ErrLinkUsed) {
		t.Errorf("used twice: %v", err)
	}
}

// TestDisabledPeopleAreSignedOut: at the moment in which the policy says so, and for good; the door is told to end their streams.
func TestDisabledPeopleAreSignedOut(t *testing.T) {
	b := newBench(t)
	ann, a := b.person("ann")
	vic := b.setUp("vic")
	pending := b.begin()
	load := func(text string) {
		t.Helper()
		b.write("policy.yaml", text)
		if r, err := admin[protocol.Reloaded](b, protocol.OpReload, protocol.Empty{}); err != nil || r.Problem != "" {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	load(strings.Replace(testPolicy, "ann: {roles: [oncall]}", "ann: {roles: [oncall], disabled: true}", 1))
	if _, err := b.door.Account(t.Context(), vic); err != nil {
		t.Errorf("somebody else: %v", err)
	}
	if _, err := b.door.SignInByPasskey(t.Context(), pending.Secret, a.get(pending.Options), ""); err == nil || !strings.Contains(err.Error(), "disabled") {
		t.Errorf("a passkey of somebody disabled: %v", err)
	}
	b.mu.Lock()
	told := len(b.signedOut)
	b.mu.Unlock()
	if told != 1 {
		t.Errorf("the door was told of %d sign-ins", told)
	}
	load(testPolicy)
	if _, err := b.door.Account(t.Context(), ann); !errors.Is(err, console.ErrSignedOut) {
		t.Errorf("enabled again, the old sign-in: %v", err)
	}
	if _, err := b.passkeyIn(a); err != nil {
		t.Errorf("enabled again, the passkey: %v", err)
	}
}

// FuzzPasskeyAnswer: whatever a browser answers, it signs nobody in, registers nothing and breaks nothing.
func FuzzPasskeyAnswer(f *testing.F) {
	b := newBench(f)
	who, a := b.person("ann")
	c := b.begin()
	f.Add([]byte(a.get(c.Options)))
	c, err := b.door.BeginPasskey(f.Context(), who)
	b.must(err)
	f.Add([]byte(newAuthenticator(f).create(c.Options)))
	x, _ := b.d.ceremonies.take(b.begin().Secret, passkeySignIn)
	f.Fuzz(func(t *testing.T, answer []byte) {
		if _, used, err := b.d.verifyAssertion(t.Context(), x, answer); err == nil {
			t.Fatalf("signed in: %+v", used)
		}
		if made, err := b.d.verifyRegistration(ceremony{passkey: x.passkey, person: "ann"}, answer); err == nil {
			t.Fatalf("registered: %+v", made)
		}
	})
}
