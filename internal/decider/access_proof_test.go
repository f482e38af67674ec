package decider

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/console"
	"gatehouse/policy"
	"gatehouse/policy/access"
	"gatehouse/recorder/audit"
)

// pending is a fresh request of an agent, which names a command of its own.
func (b *accessBench) pending(agent string, argv ...string) access.Request {
	b.t.Helper()
	return b.asks(b.question(b.connect(policy.Agent, agent), argv...)).Request
}

// TestApprovalNeedsItsProof: a yes counts with a proof of the person who says it, over exactly this request, by a challenge that was not
// used before and has not expired. Nothing else does, and each refusal is in the log.
func TestApprovalNeedsItsProof(t *testing.T) {
	b := newAccessBench(t)
	other := b.pending("bot", "printf", "other")
	for name, try := range map[string]func(r access.Request) error{
		"no proof at all": func(r access.Request) error { return b.yes("vic", r, console.AccessAnswer{}) },
		"a challenge that nobody made": func(r access.Request) error {
			return b.yes("vic", r, console.AccessAnswer{Challenge: "chl_01JDABCDEFGHJKMNPQRSTVWXYZ", Assertion: json.RawMessage("{}")})
		},
		"a challenge, and nothing that answers it": func(r access.Request) error {
			return b.yes("vic", r, console.AccessAnswer{Challenge: b.challenge("vic", r.ID, "passkey").ID})
		},
		"another's challenge, answered by oneself": func(r access.Request) error {
			c := b.challenge("uma", r.ID, "passkey")
			return b.yes("vic", r, console.AccessAnswer{Challenge: c.ID, Assertion: b.signs["vic"].get(c.Options)})
		},
		"one's own challenge, answered by another": func(r access.Request) error {
			c := b.challenge("vic", r.ID, "passkey")
			return b.yes("vic", r, console.AccessAnswer{Challenge: c.ID, Assertion: b.signs["uma"].get(c.Options)})
		},
		"another's answer with the own name": func(r access.Request) error {
			c := b.challenge("uma", r.ID, "passkey")
			return b.yes("vic", r, console.AccessAnswer{Challenge: c.ID, Assertion: b.signs["uma"].get(c.Options)})
		},
		"a challenge of another request": func(r access.Request) error {
			c := b.challenge("vic", other.ID, "passkey")
			return b.yes("vic", r, console.AccessAnswer{Challenge: c.ID, Assertion: b.signs["vic"].get(c.Options)})
		},
		"an assertion from a sign-in": func(r access.Request) error {
			signIn := b.begin()
			return b.yes("vic", r, console.AccessAnswer{Challenge: b.challenge("vic", r.ID, "passkey").ID, Assertion: b.signs["vic"].get(signIn.Options)})
		},
		"a challenge that has expired": func(r access.Request) error {
			c := b.challenge("vic", r.ID, "passkey")
			b.clock.pass(5*time.Minute + time.Second)
			return b.yes("vic", r, console.AccessAnswer{Challenge: c.ID, Assertion: b.signs["vic"].get(c.Options)})
		},
		"an answer without verification of the user": func(r access.Request) error {
			a := *b.signs["vic"]
			a.flags = userPresent
			c := b.challenge("vic", r.ID, "passkey")
			err := b.yes("vic", r, console.AccessAnswer{Challenge: c.ID, Assertion: a.get(c.Options)})
			b.signs["vic"].count = a.count
			return err
		},
		"an answer without presence of the user": func(r access.Request) error {
			a := *b.signs["vic"]
			a.flags = userVerified
			c := b.challenge("vic", r.ID, "passkey")
			err := b.yes("vic", r, console.AccessAnswer{Challenge: c.ID, Assertion: a.get(c.Options)})
			b.signs["vic"].count = a.count
			return err
		},
		"another site's answer": func(r access.Request) error {
			a := *b.signs["vic"]
			a.origin = "http://localhost:2"
			c := b.challenge("vic", r.ID, "passkey")
			err := b.yes("vic", r, console.AccessAnswer{Challenge: c.ID, Assertion: a.get(c.Options)})
			b.signs["vic"].count = a.count
			return err
		},
		"another relying party's answer": func(r access.Request) error {
			a := *b.signs["vic"]
			a.rp = "example.com"
			c := b.challenge("vic", r.ID, "passkey")
			err := b.yes("vic", r, console.AccessAnswer{Challenge: c.ID, Assertion: a.get(c.Options)})
			b.signs["vic"].count = a.count
			return err
		},
		"a counter that went back": func(r access.Request) error {
			a := *b.signs["vic"]
			a.count, a.steps = 0, 0
			c := b.challenge("vic", r.ID, "passkey")
			return b.yes("vic", r, console.AccessAnswer{Challenge: c.ID, Assertion: a.get(c.Options)})
		},
		"a signature for a passkey's challenge": func(r access.Request) error {
			c := b.challenge("vic", r.ID, "passkey")
			return b.yes("vic", r, console.AccessAnswer{Challenge: c.ID, Signature: b.keygen(b.keys["vic"], access.SignatureNamespace, r.Text(nil))})
		},
		"an assertion for a signature's challenge": func(r access.Request) error {
			c, p := b.challenge("vic", r.ID, "ssh"), b.challenge("vic", r.ID, "passkey")
			return b.yes("vic", r, console.AccessAnswer{Challenge: c.ID, Assertion: b.signs["vic"].get(p.Options)})
		},
		"a signature by another's key": func(r access.Request) error {
			c := b.challenge("vic", r.ID, "ssh")
			return b.yes("vic", r, console.AccessAnswer{Challenge: c.ID, Signature: b.keygen(b.keys["uma"], c.Space, c.Text)})
		},
		"a signature by a key that nobody has": func(r access.Request) error {
			c := b.challenge("vic", r.ID, "ssh")
			return b.yes("vic", r, console.AccessAnswer{Challenge: c.ID, Signature: b.keygen(newApprovalKey(t), c.Space, c.Text)})
		},
		"a signature for something else": func(r access.Request) error {
			c := b.challenge("vic", r.ID, "ssh")
			return b.yes("vic", r, console.AccessAnswer{Challenge: c.ID, Signature: b.keygen(b.keys["vic"], "file", c.Text)})
		},
		"a signature over one byte more": func(r access.Request) error {
			c := b.challenge("vic", r.ID, "ssh")
			return b.yes("vic", r, console.AccessAnswer{Challenge: c.ID, Signature: b.keygen(b.keys["vic"], c.Space, c.Text+" ")})
		},
		"a signature over another nonce": func(r access.Request) error {
			old, c := b.challenge("vic", r.ID, "ssh"), b.challenge("vic", r.ID, "ssh")
			return b.yes("vic", r, console.AccessAnswer{Challenge: c.ID, Signature: b.keygen(b.keys["vic"], c.Space, old.Text)})
		},
		"a signature over another request": func(r access.Request) error {
			c, o := b.challenge("vic", r.ID, "ssh"), b.challenge("vic", other.ID, "ssh")
			return b.yes("vic", r, console.AccessAnswer{Challenge: c.ID, Signature: b.keygen(b.keys["vic"], c.Space, o.Text)})
		},
		"a signature with something behind it": func(r access.Request) error {
			c := b.challenge("vic", r.ID, "ssh")
			return b.yes("vic", r, console.AccessAnswer{Challenge: c.ID, Signature: b.keygen(b.keys["vic"], c.Space, c.Text) + "x"})
		},
	} {
		r := b.pending("bot", "printf", name)
		if err := try(r); !isForbidden(err) {
			t.Errorf("%s: %v", name, err)
		}
		if now, err := b.d.access.Request(t.Context(), r.ID); err != nil || now.State != access.Pending || len(now.Votes) != 0 {
			t.Errorf("%s: it is %+v, %v", name, now, err)
		}
		if got := b.outcomes(audit.AccessVote, r.ID); got != "deny" {
			t.Errorf("%s: the log says %q", name, got)
		}
		b.approved("vic", r.ID) // nothing that was tried keeps the person from answering
	}
}

// TestReplayedProof: what was accepted once is not accepted again, and for no other request.
func TestReplayedProof(t *testing.T) {
	b := newAccessBench(t)
	r, next := b.pending("bot", "id"), b.pending("bot", "printf", "next")
	c := b.challenge("vic", r.ID, "passkey")
	answer := console.AccessAnswer{Challenge: c.ID, Assertion: b.signs["vic"].get(c.Options)}
	b.must(b.yes("vic", r, answer))
	for _, of := range []access.Request{r, next} {
		if err := b.yes("vic", of, answer); !isForbidden(err) {
			t.Errorf("again for %s: %v", of.ID, err)
		}
	}
	fresh := b.challenge("vic", next.ID, "passkey")
	if err := b.yes("vic", next, console.AccessAnswer{Challenge: fresh.ID, Assertion: answer.Assertion}); !isForbidden(err) {
		t.Errorf("with a fresh challenge: %v", err)
	}
	if err := b.yes("uma", r, console.AccessAnswer{Challenge: b.challenge("uma", r.ID, "passkey").ID, Assertion: answer.Assertion}); !isForbidden(err) {
		t.Errorf("for another person: %v", err)
	}
}

// TestNobodyApprovesTheirOwn: neither who asks, nor any owner of an agent, all of an owning group, nor an agent at all.
func TestNobodyApprovesTheirOwn(t *testing.T) {
	b := newAccessBench(t)
	b.policy(func(s string) string {
		return strings.Replace(s, "sre: [person:vic,", "sre: [person:ann, person:vic,", 1)
	})
	r, web := b.pending("bot", "printf", "x"), b.pending("webbot", "printf", "y")
	for _, c := range []struct {
		person  string
		request access.Request
	}{{"ann", r}, {"ann", web}, {"vic", web}, {"nan", r}} {
		if _, err := b.approve(c.person, c.request.ID); !isForbidden(err) {
			t.Errorf("%s approves what serves %s: %v", c.person, c.request.By.Principal, err)
		}
		if _, err := b.door.Answer(t.Context(), b.in[c.person], console.AccessAnswer{Request: c.request.ID, Words: "no"}); !isForbidden(err) {
			t.Errorf("%s declines what serves %s: %v", c.person, c.request.By.Principal, err)
		}
	}
	agent := console.Credential{Connection: b.connect(policy.Agent, "other")}
	if _, err := b.door.Challenge(t.Context(), agent, r.ID, nil, "passkey"); !isForbidden(err) {
		t.Errorf("an agent is asked for a proof: %v", err)
	}
	if _, err := b.door.Answer(t.Context(), agent, console.AccessAnswer{Request: r.ID}); !isForbidden(err) {
		t.Errorf("an agent declines: %v", err)
	}
	b.approved("uma", web.ID)
}

// TestApprovalIsOfNow: what was withdrawn, has expired, or is asked under other terms now, nobody approves any more, with whatever
// proof they began.
func TestApprovalIsOfNow(t *testing.T) {
	b := newAccessBench(t)
	for name, change := range map[string]func(access.Request){
		"withdrawn": func(r access.Request) {
			if _, err := b.door.Withdraw(t.Context(), b.in["ann"], r.ID, "not needed"); err != nil {
				t.Fatal(err)
			}
		},
		"other terms": func(access.Request) {
			b.policy(func(s string) string {
				return strings.Replace(s, `printf <text>...", from`, `printf <text>...", approvals: 2, from`, 1)
			})
		},
		"another owner": func(access.Request) {
			b.policy(func(s string) string {
				return strings.Replace(s, "bot: {owner: person:ann", "bot: {owner: person:uma", 1)
			})
		},
		"an agent that is disabled": func(access.Request) {
			b.policy(func(s string) string { return strings.Replace(s, "bot: {owner", "bot: {disabled: true, owner", 1) })
		},
		"who left the group": func(access.Request) {
			b.policy(func(s string) string { return strings.Replace(s, "sre: [person:vic,", "sre: [", 1) })
		},
	} {
		b.policy(func(s string) string { return s })
		r := b.pending("bot", "printf", name)
		c := b.challenge("vic", r.ID, "passkey")
		change(r)
		if err := b.yes("vic", r, console.AccessAnswer{Challenge: c.ID, Assertion: b.signs["vic"].get(c.Options)}); !isForbidden(err) {
			t.Errorf("%s: %v", name, err)
		}
		if now, err := b.d.access.Request(t.Context(), r.ID); err != nil || now.State == access.Approved || now.Grant != "" {
			t.Errorf("%s: %+v, %v", name, now, err)
		}
	}
}

// TestApprovalBySSH: a rule that wants signatures takes them, made by ssh-keygen over the readable text, and no passkey.
func TestApprovalBySSH(t *testing.T) {
	b := newAccessBench(t)
	q := b.question(b.connect(policy.Agent, "bot"), "top")
	r := b.asks(q).Request
	if _, err := b.approve("vic", r.ID); !isForbidden(err) {
		t.Errorf("by passkey: %v", err)
	}
	if _, err := b.approveBySSH("sam", r.ID); !isForbidden(err) {
		t.Errorf("by somebody without keys: %v", err)
	}
	c := b.challenge("vic", r.ID, "ssh")
	for _, part := range []string{r.ID, r.Hash(), "/usr/bin/top", "web-1", "deploy", "agent:bot"} {
		if !strings.Contains(c.Text, part) {
			t.Errorf("the text does not say %q:\n%s", part, c.Text)
		}
	}
	if c.Options != nil || c.Space != access.SignatureNamespace {
		t.Errorf("%+v", c)
	}
	got, err := b.approveBySSH("vic", r.ID)
	if err != nil || got.State != access.Approved || got.Votes[0].Proof.Kind != access.SSHProof || len(got.Votes[0].Proof.Nonce) != 32 {
		t.Fatalf("%+v, %v", got, err)
	}
	b.runs(q)
}

// challenge begins a proof.
func (b *accessBench) challenge(person, request, by string) console.AccessChallenge {
	b.t.Helper()
	c, err := b.door.Challenge(b.t.Context(), b.in[person], request, nil, by)
	b.must(err)
	return c
}

// yes says so, with whatever proof.
func (b *accessBench) yes(person string, r access.Request, a console.AccessAnswer) error {
	a.Request, a.Yes = r.ID, true
	_, err := b.door.Answer(b.t.Context(), b.in[person], a)
	return err
}
