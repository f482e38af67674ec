package console

import (
	"strings"
	"testing"
	"time"
)

func TestRevokeVerb(t *testing.T) {
	d := newDesk(t)
	out, errs, code := d.run("revoke", "agent:bot", "owner:group:web", "--reason", " laptop stolen ", "--until", "8h")
	if code != 0 || out != "rev_01JDABCDEFGHJKMNPQRSTVWXYZ is in force: 2 connections ended with 2 sessions, 1 sign-in in the browser\n  ses_1\n  and 1 more\n" {
		t.Errorf("exit %d %q %q", code, out, errs)
	}
	if o := d.revoked[0]; len(o.Handles) != 2 || o.Handles[1].String() != "owner:group:web" || o.Reason != "laptop stolen" || !o.Until.Equal(d.now.Add(8*time.Hour)) {
		t.Errorf("the decider was asked for %+v", o)
	}
	out, _, code = d.run("revoke", "--lift", "rev_01J", "--reason", "found")
	if code != 0 || !strings.Contains(out, "is lifted: agent:bot\nSTILL REVOKED by rev_2") || d.lifted[0] != "rev_01J found" {
		t.Errorf("exit %d %q %q", code, out, d.lifted)
	}
	out, _, code = d.run("revocations")
	if code != 0 || !strings.Contains(out, "agent:bot") || !strings.Contains(out, "task:x") || !strings.Contains(out, "until it is lifted: stolen") || strings.Count(out, "\n") != 4 {
		t.Errorf("exit %d %q", code, out)
	}
	d.refuse = &ForbiddenError{Verb: Revoke, Reason: `"revoke" needs the right "operate"`}
	if _, errs, code := d.run("revoke", "agent:bot", "--reason", "x"); code != 1 || !strings.Contains(errs, "not permitted") {
		t.Errorf("exit %d %q", code, errs)
	}
}

func TestRevokeVerbRefusesWhatItDoesNotUnderstand(t *testing.T) {
	d := newDesk(t)
	for _, args := range [][]string{{}, {"agent:bot"}, {"--reason", "x"}, {"agent:", "--reason", "x"}, {"bot", "--reason", "x"}, {"agent:bot", "--reason", ""}, {"agent:bot", "--reason", "a\nb"},
		{"agent:bot", "--reason", "x", "--until", "tomorrow"}, {"agent:bot", "--reason", "x", "--until", "-1h"}, {"agent:bot", "--reason", "x", "--until", "2020-01-01T00:00:00Z"},
		{"agent:bot", "--lift", "rev_1", "--reason", "x"}, {"--lift", "rev_1", "--until", "1h", "--reason", "x"}, {"--lift", "rev_1"}, {"esc\x1b[2J", "--reason", "x"}} {
		out, errs, code := d.run(append([]string{"revoke"}, args...)...)
		if code != 2 || out != "" || errs == "" || strings.Contains(errs, "\x1b") {
			t.Errorf("%q: exit %d %q %q", args, code, out, errs)
		}
	}
	if len(d.revoked)+len(d.lifted) != 0 {
		t.Errorf("asked all the same: %v %v", d.revoked, d.lifted)
	}
}
