package console

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"gatehouse/internal/store"
	"gatehouse/policy"
)

// Every verb is authorised exactly once, with its own name and the full id of what it acts on.
func TestEveryVerbIsAuthorisedOnce(t *testing.T) {
	d := newDesk(t)
	live, ended, _ := d.some()
	for _, c := range []struct {
		args string
		want asked
	}{
		{"sessions list", asked{Verb: SessionsList}},
		{"sessions list --json --live", asked{Verb: SessionsList}},
		{"sessions show " + ended.ID[:16], asked{Verb: SessionsShow, Object: ended.ID}},
		{"sessions play --speed 1000 " + strings.ToLower(ended.ID), asked{Verb: SessionsPlay, Object: ended.ID}},
		{"sessions tail " + ended.ID, asked{Verb: SessionsTail, Object: ended.ID}},
		{"sessions export -f json " + strings.TrimPrefix(ended.ID, "ses_"), asked{Verb: SessionsExport, Object: ended.ID, Reason: "json"}},
		{"sessions search disk -full --agent bot", asked{Verb: SessionsSearch, Object: "disk -full agent:bot"}},
		{"kill --reason maintenance " + live.ID, asked{SessionsKill, live.ID, "maintenance"}},
		{"kill --reason maintenance --agent release-bot", asked{SessionsKill, "agent:release-bot", "maintenance"}},
		{"kill --reason maintenance --target web-1", asked{SessionsKill, "target:web-1", "maintenance"}},
		{"kill --reason maintenance --all", asked{SessionsKill, "all", "maintenance"}},
		{"web-login", asked{Verb: WebLogin}},
		{"whoami", asked{Verb: WhoAmI}},
		{"", asked{Help, "@", ""}},
		{"help", asked{Help, "@", ""}},
		{"help --json", asked{Help, "@", ""}},
		{"help web-1", asked{Help, "@web-1", ""}},
		{"--json help web-1 deploy", asked{Help, "deploy@web-1", ""}},
		{"help deploy@web-1", asked{Help, "deploy@web-1", ""}},
	} {
		t.Run(c.args, func(t *testing.T) {
			d.took()
			_, errs, code := d.run(strings.Fields(c.args)...)
			if got := d.took(); len(got) != 1 || got[0] != c.want {
				t.Errorf("authorised %+v, want once %+v (exit %d, %s)", got, c.want, code, errs)
			}
		})
	}
}

// Nothing is read or done for someone without the right, and which sessions exist does not show in the refusal.
func TestRefusalsAreAlike(t *testing.T) {
	d := newDesk(t)
	live, _, _ := d.some()
	d.rights = nil
	for _, verb := range []string{"sessions show", "sessions play", "sessions tail", "sessions export", "kill --reason x"} {
		there, missing := "", ""
		for _, c := range []struct {
			id   string
			into *string
		}{{live.ID, &there}, {"ses_7ZZZZZZZZZZZZZZZZZZZZZZZZZ", &missing}} {
			out, errs, code := d.run(append(strings.Fields(verb), c.id)...)
			if code != 1 || out != "" {
				t.Errorf("%s: exit %d, output %q", verb, code, out)
			}
			*c.into = errs
		}
		if there != missing || !strings.Contains(there, "not permitted") {
			t.Errorf("%s: %q for a session that is there, %q for one that is not", verb, there, missing)
		}
	}
	if len(d.orders) > 0 {
		t.Error("the door was asked to kill")
	}
}

func TestExitCodes(t *testing.T) {
	d := newDesk(t)
	live, ended, _ := d.some()
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"", 0, "Usage"},
		{"help", 0, "web-login"},
		{"help kill", 0, "--reason"},
		{"sessions --help", 0, "export"},
		{"sessions list", 0, ""},
		{"help sessions list", 0, "--denied"},
		{"sessions help", 0, "export"},
		{"help web-9", 1, "not permitted"},
		{"help a b c", 2, "LOGIN@TARGET"},
		{"help @web-1", 2, "LOGIN@TARGET"},
		{"nonsense", 2, "unexpected argument"},
		{"sessions show", 2, "expected"},
		{"sessions list --limit 0", 2, "1 to 500"},
		{"sessions list --state zombie", 2, "--state"},
		{"sessions list --before ../etc", 2, "not a session id"},
		{"sessions export -f gif " + ended.ID, 2, "asciicast-v2"},
		{"sessions play --speed NaN " + ended.ID, 2, "--speed"},
		{"kill " + live.ID, 2, "--reason"},
		{"kill --reason x", 2, "exactly one"},
		{"kill --reason x --all " + live.ID, 2, "exactly one"},
		{"sessions show ses_7ZZZZZZZZZ", 1, "not found"},
		{"sessions show ses_0", 1, "more of the id"},
		{"sessions show $(id)", 1, "not found"},
		{"kill --reason x " + ended.ID, 1, "no live session"},
		{"kill --reason x --target web-9", 1, "no live session"},
	} {
		t.Run(c.args, func(t *testing.T) {
			out, errs, code := d.run(strings.Fields(c.args)...)
			if code != c.code || !strings.Contains(out+errs, c.says) {
				t.Errorf("exit %d, want %d; said %q%q, want %q", code, c.code, out, errs, c.says)
			}
			if code != 0 && strings.Count(errs, "\n") > 2 {
				t.Errorf("a mistake is answered in more than two lines:\n%s", errs)
			}
		})
	}
}

// A store that is gone is 75, and says so in JSON where JSON was asked for.
func TestUnavailable(t *testing.T) {
	d := newDesk(t)
	d.cfg.Sessions = brokenSessions{d.store}
	_, errs, code := d.run("sessions", "list", "--json")
	var answer struct {
		Error string
		Exit  int
	}
	must(t, json.Unmarshal([]byte(errs), &answer))
	if code != 75 || answer.Exit != 75 || !strings.Contains(answer.Error, "disk on fire") {
		t.Errorf("exit %d, %+v", code, answer)
	}
}

type brokenSessions struct{ store.Sessions }

func (brokenSessions) List(context.Context, store.Filter) ([]store.Session, error) {
	return nil, errors.New("disk on fire")
}

// What a client or a target wrote cannot reach the reader's terminal as more than text, in no verb and no format.
func TestForeignTextIsHarmless(t *testing.T) {
	d := newDesk(t)
	const evil = "x\x1b]0;owned\x07\u202e\u009b31m\u200b\x00\xff\r\n"
	s := d.add(store.Session{Identity: "agent:a" + evil, Owner: evil, Task: evil, Target: evil, Login: evil, Source: evil, Command: evil,
		State: store.Ended, Rule: evil, Reason: evil, Started: d.now},
		policy.Decision{Verdict: policy.Deny, Reason: evil, Rules: []string{evil}, PolicyHash: evil}, "text\x1b]52;c;aGk=\x07\u202edone\n")
	for _, args := range []string{"sessions list", "sessions show " + s.ID, "sessions play --speed 1000 " + s.ID, "sessions tail " + s.ID,
		"sessions export -f text " + s.ID, "sessions export -f json " + s.ID, "sessions list --json", "sessions show --json " + s.ID} {
		out, errs, code := d.run(strings.Fields(args)...)
		if code != 0 {
			t.Errorf("%s: exit %d %s", args, code, errs)
		}
		for _, bad := range []string{"\x1b]", "\x07", "\u202e", "\u009b", "\x00"} {
			if strings.Contains(out+errs, bad) {
				t.Errorf("%s lets %q through: %.300q", args, bad, out)
			}
		}
	}
}

// On a pty lines end in CR LF, once.
func TestPTYLines(t *testing.T) {
	d := newDesk(t)
	d.some()
	var out bytes.Buffer
	d.Run(context.Background(), ann, []string{"sessions", "list"}, Streams{In: strings.NewReader(""), Out: &out, Err: &out, PTY: true, Cols: 120, Rows: 40})
	if n := strings.Count(out.String(), "\n"); n < 4 || n != strings.Count(out.String(), "\r\n") || strings.Contains(out.String(), "\r\r") {
		t.Errorf("line ends: %q", out.String())
	}
}
