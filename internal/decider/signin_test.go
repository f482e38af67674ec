package decider

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

// link mints one for ann, as ssh bastion web-login does, and returns its secret.
func (b *bench) link(conn string) string {
	b.t.Helper()
	url, _, err := b.door.MintLink(b.t.Context(), console.Credential{Connection: conn})
	b.must(err)
	base, secret, ok := strings.Cut(url, "#")
	if !ok || base != "http://localhost:1/sign-in" || len(secret) < 43 {
		b.t.Fatalf("link %q", url)
	}
	return secret
}

// TestLinks: a link signs its person in once, within ten minutes, and nobody can make one for somebody else.
func TestLinks(t *testing.T) {
	b := newBench(t)
	ann := b.connect(policy.Person, "ann")
	secret := b.link(ann)
	in, err := b.door.Redeem(t.Context(), secret, "192.0.2.1")
	if err != nil || in.Person != "ann" || in.Setup {
		t.Fatalf("redeem: %+v, %v", in, err)
	}
	for name, token := range map[string]string{"used": secret, "guessed": strings.Repeat("A", 43), "empty": "", "the cookie": in.Cookie} {
		if _, err := b.door.Redeem(t.Context(), token, "192.0.2.1"); !errors.Is(err, console.ErrLinkUsed) {
			t.Errorf("%s: %v", name, err)
		}
		if last := b.last(); last.Type != audit.SignIn || last.Outcome != "deny" {
			t.Errorf("%s: the log says %+v", name, last)
		}
	}
	late := b.link(ann)
	b.clock.pass(linkTTL + time.Second)
	if _, err := b.door.Redeem(t.Context(), late, "192.0.2.1"); !errors.Is(err, console.ErrLinkUsed) {
		t.Errorf("late: %v", err)
	}
	bot := b.connect(policy.Agent, "bot")
	for name, who := range map[string]console.Credential{"an agent": {Connection: bot}, "nobody": {}, "a connection that is none": {Connection: b.id(id.Connection)}} {
		if url, _, err := b.door.MintLink(t.Context(), who); err == nil {
			t.Errorf("%s got %s", name, url)
		}
	}
	if _, err := admin[protocol.Link](b, protocol.OpSetupLink, protocol.SetupLink{Person: "stranger"}); code(err) != protocol.CodeRefused {
		t.Errorf("a stranger's link: %v", err)
	}
}

func (b *bench) last() audit.Entry {
	entries := b.entries()
	return entries[len(entries)-1]
}

// TestSignIns: a sign-in ends after half an hour without use, after twelve hours in any case, when signed out, and when
// policy forgets the person. Rights are those of now.
func TestSignIns(t *testing.T) {
	b := newBench(t)
	signIn := func() console.Credential {
		l, err := admin[protocol.Link](b, protocol.OpSetupLink, protocol.SetupLink{Person: "ann", By: "root"})
		b.must(err)
		_, secret, _ := strings.Cut(l.URL, "#")
		in, err := b.door.Redeem(t.Context(), secret, "192.0.2.1")
		b.must(err)
		return console.Credential{SignIn: in.Cookie}
	}
	may := func(who console.Credential) bool {
		_, err := b.door.Authorize(t.Context(), who, "sessions.list", "", "")
		return err == nil
	}
	idle := signIn()
	b.clock.pass(idleTTL)
	if !may(idle) {
		t.Error("it ended within the idle time")
	}
	b.clock.pass(idleTTL + time.Second)
	if may(idle) {
		t.Error("it outlived the idle time")
	}
	busy := signIn()
	for range int(absoluteTTL/idleTTL) - 1 {
		b.clock.pass(idleTTL)
		if !may(busy) {
			t.Fatal("a sign-in in use ended")
		}
	}
	b.clock.pass(idleTTL + time.Second)
	if may(busy) {
		t.Error("it outlived its absolute time")
	}
	out := signIn()
	b.must(b.door.SignOut(t.Context(), out.SignIn))
	if may(out) {
		t.Error("it outlived its sign-out")
	}
	left := signIn()
	b.write("policy.yaml", strings.Replace(strings.Replace(testPolicy, "ann: {roles: [oncall]}, ", "", 1), "owner: person:ann", "owner: person:vic", 1))
	if r, err := admin[protocol.Reloaded](b, protocol.OpReload, protocol.Empty{}); err != nil || r.Problem != "" {
		t.Fatalf("%+v, %v", r, err)
	}
	if may(left) {
		t.Error("somebody whom the policy does not know may read")
	}
}

// TestSignInBounds: links and sign-ins are bounded, and the bound passes with time.
func TestSignInBounds(t *testing.T) {
	c := newBenchClock()
	s := newSignIns(c.now)
	for i := range maxSignIns {
		s.links[[32]byte{1, byte(i), byte(i >> 8)}] = signIn{person: fmt.Sprint(i), expires: c.now().Add(linkTTL)}
		s.cookies[[32]byte{2, byte(i), byte(i >> 8)}] = signIn{person: fmt.Sprint(i), expires: c.now().Add(absoluteTTL), seen: c.now()}
	}
	ann := signIn{person: "ann", by: byLink}
	if _, _, ok := s.mint(ann); ok {
		t.Error("a link over the bound")
	}
	c.pass(linkTTL + time.Second)
	secret, _, ok := s.mint(ann)
	if !ok {
		t.Fatal("no link after the others expired")
	}
	if _, ok := s.redeem(secret); !ok {
		t.Fatal("the link is not there")
	}
	if _, _, ok := s.open(signIn{person: "ann"}); ok {
		t.Error("a sign-in over the bound")
	}
	c.pass(idleTTL)
	secret, _, _ = s.mint(ann)
	if _, ok := s.redeem(secret); !ok {
		t.Error("no link after the others ended")
	}
	if _, _, ok := s.open(signIn{person: "ann"}); !ok {
		t.Error("no sign-in after the others ended")
	}
	if len(s.links) != 0 || len(s.cookies) != 1 {
		t.Errorf("%d links, %d sign-ins", len(s.links), len(s.cookies))
	}
}

// TestSignInsOfOnePerson: who asks for links or signs in without end loses their own oldest ones, and takes nobody's place.
func TestSignInsOfOnePerson(t *testing.T) {
	c := newBenchClock()
	s := newSignIns(c.now)
	vic, _, _ := s.open(signIn{person: "vic"})
	first, _, _ := s.mint(signIn{person: "ann", by: byLink})
	var last string
	for range maxSignIns + 1 {
		_, _, ok := s.mint(signIn{person: "ann", by: byLink})
		cookie, _, open := s.open(signIn{person: "ann"})
		if !ok || !open {
			t.Fatal("no place, and it is her own that are in the way")
		}
		last = cookie
		c.pass(time.Millisecond)
	}
	if len(s.links) != maxLinksEach || len(s.cookies) != maxSignInsEach+1 {
		t.Errorf("%d links, %d sign-ins", len(s.links), len(s.cookies))
	}
	if _, ok := s.redeem(first); ok {
		t.Error("the oldest link is there")
	}
	for who, cookie := range map[string]string{"ann's newest": last, "vic's": vic} {
		if _, ok := s.find(cookie); !ok {
			t.Errorf("%s sign-in is gone", who)
		}
	}
}
