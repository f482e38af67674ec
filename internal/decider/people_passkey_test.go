package decider

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/account"
	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/decider/registry"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

// setUp signs a person in by a set-up link.
func (b *bench) setUp(person string) console.Credential {
	b.t.Helper()
	l, err := admin[protocol.Link](b, protocol.OpSetupLink, protocol.SetupLink{Person: person, By: "root"})
	b.must(err)
	_, secret, _ := strings.Cut(l.URL, "#")
	in, err := b.door.Redeem(b.t.Context(), secret, "192.0.2.1")
	b.must(err)
	return console.Credential{SignIn: in.Cookie}
}

// register adds a passkey to a sign-in's person.
func (b *bench) register(who console.Credential, a *authenticator) (account.Passkey, error) {
	b.t.Helper()
	c, err := b.door.BeginPasskey(b.t.Context(), who)
	b.must(err)
	return b.door.AddPasskey(b.t.Context(), who, c.Secret, "laptop", a.create(c.Options))
}

// person sets a person up with a passkey, and returns the sign-in.
func (b *bench) person(name string) (console.Credential, *authenticator) {
	b.t.Helper()
	who, a := b.setUp(name), newAuthenticator(b.t)
	_, err := b.register(who, a)
	b.must(err)
	return who, a
}

func (b *bench) begin() account.Ceremony {
	b.t.Helper()
	c, err := b.door.BeginPasskey(b.t.Context(), console.Credential{})
	b.must(err)
	return c
}

func (b *bench) passkeyIn(a *authenticator) (account.SignedIn, error) {
	c := b.begin()
	return b.door.SignInByPasskey(b.t.Context(), c.Secret, a.get(c.Options), "192.0.2.1")
}

// TestPasskeys: a set-up link leads to a passkey, a passkey signs in, and everything is in the log.
func TestPasskeys(t *testing.T) {
	b := newBench(t)
	who, a := b.person("ann")
	if e := b.last(); e.Type != audit.Enrol || e.Actor != "person:ann" || !strings.Contains(string(e.Data), `"registered"`) {
		t.Errorf("the log says %+v", e)
	}
	in, err := b.passkeyIn(a)
	if err != nil || in.Person != "ann" || in.Setup {
		t.Fatalf("%+v, %v", in, err)
	}
	if e := b.last(); e.Type != audit.SignIn || e.Outcome != "allow" || e.Actor != "person:ann" || !strings.Contains(string(e.Data), `"by":"passkey"`) || !strings.Contains(string(e.Data), "192.0.2.1") {
		t.Errorf("the log says %+v", e)
	}
	if _, err := b.door.Authorize(t.Context(), console.Credential{SignIn: in.Cookie}, "sessions.list", "", ""); err != nil {
		t.Error(err)
	}
	acc, err := b.door.Account(t.Context(), who)
	if err != nil || len(acc.Passkeys) != 1 || acc.Passkeys[0].Name != "laptop" || acc.Passkeys[0].Used.IsZero() || len(acc.SignIns) != 2 || acc.Locked != "" {
		t.Errorf("%+v, %v", acc, err)
	}
}

// TestPasskeyAttacks: what is not this browser's fresh challenge, signed by the registered key of its own person for this origin
// with the user verified and a counter that goes up, signs nobody in, and is noted.
func TestPasskeyAttacks(t *testing.T) {
	b := newBench(t)
	_, ann := b.person("ann")
	_, vic := b.person("vic")
	for name, attack := range map[string]func() (account.SignedIn, error){
		"another origin": func() (account.SignedIn, error) { a := *ann; a.origin = "http://localhost:2"; return b.passkeyIn(&a) },
		"https in its place": func() (account.SignedIn, error) {
			a := *ann
			a.origin = "https://localhost:1"
			return b.passkeyIn(&a)
		},
		"another rp id":           func() (account.SignedIn, error) { a := *ann; a.rp = "evil.example"; return b.passkeyIn(&a) },
		"user not verified":       func() (account.SignedIn, error) { a := *ann; a.flags = userPresent; return b.passkeyIn(&a) },
		"user not present":        func() (account.SignedIn, error) { a := *ann; a.flags = userVerified; return b.passkeyIn(&a) },
		"another person's handle": func() (account.SignedIn, error) { a := *ann; a.handle = vic.handle; return b.passkeyIn(&a) },
		"no handle":               func() (account.SignedIn, error) { a := *ann; a.handle = nil; return b.passkeyIn(&a) },
		"another person's credential id": func() (account.SignedIn, error) {
			a := *ann
			a.credential = vic.credential
			return b.passkeyIn(&a)
		},
		"both of another person, own key": func() (account.SignedIn, error) {
			a := *ann
			a.credential, a.handle = vic.credential, vic.handle
			return b.passkeyIn(&a)
		},
		"an unknown passkey": func() (account.SignedIn, error) {
			a := newAuthenticator(t)
			a.handle = ann.handle
			return b.passkeyIn(a)
		},
		"a registration instead": func() (account.SignedIn, error) {
			c := b.begin()
			return b.door.SignInByPasskey(t.Context(), c.Secret, registration(ann, c), "")
		},
		"an old challenge": func() (account.SignedIn, error) {
			old, c := b.begin(), b.begin()
			return b.door.SignInByPasskey(t.Context(), c.Secret, ann.get(old.Options), "")
		},
		"another browser": func() (account.SignedIn, error) {
			c := b.begin()
			return b.door.SignInByPasskey(t.Context(), "", ann.get(c.Options), "")
		},
		"too late": func() (account.SignedIn, error) {
			c := b.begin()
			b.clock.pass(ceremonyTTL + time.Second)
			return b.door.SignInByPasskey(t.Context(), c.Secret, ann.get(c.Options), "")
		},
		"a huge answer": func() (account.SignedIn, error) {
			c := b.begin()
			huge, _ := json.Marshal(strings.Repeat("x", maxAnswer))
			return b.door.SignInByPasskey(t.Context(), c.Secret, huge, "")
		},
		"an empty answer": func() (account.SignedIn, error) {
			return b.door.SignInByPasskey(t.Context(), b.begin().Secret, json.RawMessage(`{}`), "")
		},
	} {
		before := len(b.entries())
		if in, err := attack(); err == nil || in.Cookie != "" {
			t.Errorf("%s: %+v, %v", name, in, err)
		}
		if entries := b.entries(); len(entries) != before+1 || entries[before].Type != audit.SignIn || entries[before].Outcome != "deny" {
			t.Errorf("%s: the log has %+v", name, entries[before:])
		}
	}
	if _, err := b.passkeyIn(ann); err != nil {
		t.Errorf("after all that, the honest one: %v", err)
	}
}

func registration(a *authenticator, c account.Ceremony) json.RawMessage {
	b := *a
	return b.create(c.Options)
}

// TestPasskeyReplay: an assertion signs in once, whatever ceremony it is brought to.
func TestPasskeyReplay(t *testing.T) {
	b := newBench(t)
	_, a := b.person("ann")
	c := b.begin()
	answer := a.get(c.Options)
	if _, err := b.door.SignInByPasskey(t.Context(), c.Secret, answer, ""); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{c.Secret, b.begin().Secret} {
		if in, err := b.door.SignInByPasskey(t.Context(), secret, answer, ""); err == nil {
			t.Errorf("again: %+v", in)
		}
	}
}

// TestPasskeyCounter: a counter that does not go up means a copy, and signs nobody in.
func TestPasskeyCounter(t *testing.T) {
	b := newBench(t)
	_, a := b.person("ann")
	a.count = 40
	if _, err := b.passkeyIn(a); err != nil {
		t.Fatal(err)
	}
	for name, count := range map[string]uint32{"the same": 40, "lower": 7, "zero": 0} {
		copied := *a
		copied.count, copied.steps = count, 0
		if name == "the same" {
			copied.count = a.count
		}
		if in, err := b.passkeyIn(&copied); err == nil || !strings.Contains(err.Error(), "copied") {
			t.Errorf("%s: %+v, %v", name, in, err)
		}
		if e := b.last(); e.Outcome != "deny" || e.Object != "person:ann" || !strings.Contains(e.Reason, "counter") {
			t.Errorf("%s: the log says %+v", name, e)
		}
	}
	if _, err := b.passkeyIn(a); err != nil {
		t.Errorf("the one that counts up: %v", err)
	}
	none := newAuthenticator(t) // those that do not count always say zero
	none.steps = 0
	if _, err := b.register(b.setUp("vic"), none); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := b.passkeyIn(none); err != nil {
			t.Errorf("without a counter: %v", err)
		}
	}
}

// TestPasskeyRegistration: only a fresh sign-in that is no link from ssh registers, for its own person, with its own ceremony.
func TestPasskeyRegistration(t *testing.T) {
	b := newBench(t)
	ann, vic := b.setUp("ann"), b.setUp("vic")
	c, err := b.door.BeginPasskey(t.Context(), ann)
	b.must(err)
	if _, err := b.door.AddPasskey(t.Context(), vic, c.Secret, "x", newAuthenticator(t).create(c.Options)); !errors.Is(err, account.ErrCeremony) {
		t.Errorf("another's ceremony: %v", err)
	}
	if _, err := b.door.AddPasskey(t.Context(), ann, c.Secret, "x", newAuthenticator(t).create(c.Options)); !errors.Is(err, account.ErrCeremony) {
		t.Errorf("a ceremony that somebody tried: %v", err)
	}
	for name, spoil := range map[string]func(*authenticator){
		"another origin": func(a *authenticator) { a.origin = "https://evil.example" }, "another rp id": func(a *authenticator) { a.rp = "evil.example" },
		"user not verified": func(a *authenticator) { a.flags = userPresent },
	} {
		a := newAuthenticator(t)
		spoil(a)
		if _, err := b.register(ann, a); err == nil || b.last().Outcome != "deny" {
			t.Errorf("%s: %v, the log says %+v", name, err, b.last())
		}
	}
	a := newAuthenticator(t)
	if _, err := b.register(ann, a); err != nil {
		t.Fatal(err)
	}
	if _, err := b.register(vic, a); err == nil {
		t.Error("the same credential for two people")
	}
	for _, name := range []string{"", " ", "a\nb", strings.Repeat("x", 65), "a\u202eb"} {
		c, err := b.door.BeginPasskey(t.Context(), ann)
		b.must(err)
		if _, err := b.door.AddPasskey(t.Context(), ann, c.Secret, name, newAuthenticator(t).create(c.Options)); err == nil {
			t.Errorf("the name %q", name)
		}
	}
	b.clock.pass(freshFor + time.Second)
	if _, err := b.door.BeginPasskey(t.Context(), ann); err == nil || !strings.Contains(err.Error(), "sign in again") {
		t.Errorf("an old sign-in: %v", err)
	}
	link := b.link(b.connect(policy.Person, "ann"))
	in, err := b.door.Redeem(t.Context(), link, "")
	b.must(err)
	if _, err := b.door.BeginPasskey(t.Context(), console.Credential{SignIn: in.Cookie}); err == nil {
		t.Error("a link from ssh registers")
	}
	for name, who := range map[string]console.Credential{"a connection": {Connection: b.connect(policy.Person, "ann")}, "a guess": {SignIn: "x"}} {
		if _, err := b.door.BeginPasskey(t.Context(), who); err == nil {
			t.Errorf("%s registers", name)
		}
	}
}

// TestPasskeyBounds: ten a person, and the challenges under way are bounded.
func TestPasskeyBounds(t *testing.T) {
	b := newBench(t)
	ann := b.setUp("ann")
	for range registry.MaxPasskeys {
		if _, err := b.register(ann, newAuthenticator(t)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.door.BeginPasskey(t.Context(), ann); err == nil {
		t.Error("an eleventh")
	}
	c := newBenchClock()
	open := newCeremonies(c.now)
	first, _ := open.begin(ceremony{kind: passkeySignIn})
	c.pass(time.Second)
	second, _ := open.begin(ceremony{kind: passkeySignIn})
	c.pass(time.Second)
	for range maxCeremonies - 1 {
		open.begin(ceremony{kind: passkeySignIn})
	}
	if len(open.open) != maxCeremonies {
		t.Errorf("%d under way", len(open.open))
	}
	if _, ok := open.take(first, passkeySignIn); ok {
		t.Error("the oldest is there still")
	}
	if _, ok := open.take(second, oidcSignIn); ok {
		t.Error("good for another kind")
	}
	if _, ok := open.take(second, passkeySignIn); ok {
		t.Error("good after it was tried")
	}
}
