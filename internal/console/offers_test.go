package console

import (
	"encoding/json"
	"strings"
	"testing"

	"gatehouse/policy"
)

const hostile = "\x1b]52;c;aGk=\a\u202eback\u200b\u2066\u009b31m\u00ad\n\r\xff"

// offeringOf has the text in every field that a policy or a client could have written.
func offeringOf(text string) policy.Offering {
	rule := policy.RuleOffer{ID: text, Pattern: text, When: text, Mode: policy.Pinned, Stdin: []policy.StdinClass{policy.StdinClass(text)}, Dirs: []string{text},
		Approval: &policy.Approval{Approvals: 2, From: []string{text}}, Also: []policy.Approval{{Approvals: 1, From: []string{text}}}, Reason: text}
	offer := policy.Offer{Role: text, Windows: []string{text}, When: text, Env: []policy.EnvOffer{{Name: text, Value: text}}, Dirs: []string{text}, Read: []string{text},
		Write: []string{text}, Forward: []string{text}, Dropped: 1,
		Files: []policy.FileOffer{{By: []policy.Carrier{policy.Carrier(text)}, Read: []string{text}, Write: []string{text}, Deny: []string{text}, MaxFile: 1, Held: true}}}
	for _, kind := range []string{"allow", "ask", "deny"} {
		rule.Kind = kind
		offer.Rules = append(offer.Rules, rule)
	}
	reach := policy.Reach{Role: text, Targets: []policy.TargetPattern{{Name: text, Labels: map[string]string{text: text}}}, Logins: []policy.Login{policy.Login(text)}}
	terms := []policy.Approval{{Approvals: 2, From: []string{text}, For: 60}}
	return policy.Offering{Principal: text,
		Reach:   []policy.Reach{reach},
		Request: []policy.LentOffer{{Reach: reach, Terms: terms}, {Reach: reach, Glass: &policy.Glass{Role: text, For: 60, Review: terms[0]}}},
		Logins:  []policy.LoginOffer{{Login: policy.Login(text), Offers: []policy.Offer{offer}}}}
}

// No byte of what is listed can drive a terminal or reorder text, in either form.
func TestOffersAreShownSafe(t *testing.T) {
	d := newDesk(t)
	d.offering = offeringOf(hostile)
	for _, args := range []string{"help", "help web-1", "help --json", "help --json web-1"} {
		out, errs, code := d.run(strings.Fields(args)...)
		if code != 0 || errs != "" || !strings.Contains(out, "back") {
			t.Errorf("%s: exit %d, %q, %q", args, code, out, errs)
		}
		if at := strings.IndexFunc(out, func(r rune) bool { return r != '\n' && Visible(string(r)) != string(r) }); at >= 0 {
			t.Errorf("%s: %q is shown as it is", args, out[at:min(len(out), at+8)])
		}
		if strings.Contains(args, "json") && !json.Valid([]byte(out)) {
			t.Errorf("%s: not JSON: %s", args, out)
		}
	}
	d.offering = offeringOf("x")
	plain, _, _ := d.run("help", "web-1")
	d.offering = offeringOf("x\ny")
	lines, _, _ := d.run("help", "web-1")
	if strings.Count(plain, "\n") != strings.Count(lines, "\n") {
		t.Error("a line break in a policy makes lines of its own")
	}
}

// TestHelpSaysWhatCanBeAskedFor has somebody who holds nothing.
func TestHelpSaysWhatCanBeAskedFor(t *testing.T) {
	d := newDesk(t)
	reach := policy.Reach{Role: "db", Targets: []policy.TargetPattern{{Name: "db-*"}}, Logins: []policy.Login{"postgres"}}
	d.offering = policy.Offering{Principal: "agent:bot", Request: []policy.LentOffer{
		{Reach: reach, Terms: []policy.Approval{{Approvals: 2, From: []string{"sre"}, Within: 900, For: 7200}, {Approvals: 1, From: []string{"dba"}, Within: 900, For: 3600}}},
		{Reach: reach, Glass: &policy.Glass{Role: "db", For: 1800, Review: policy.Approval{Approvals: 2}}}}}
	out, _, _ := d.run("help")
	for _, want := range []string{"  on db-* as postgres (role db): 2 people of sre within 15m and 1 person of dba within 15m, for 1h at most\n", "answer for afterwards:\n  on db-* as postgres (role db): for 30m, reviewed by 2 people\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
}

func TestSeconds(t *testing.T) {
	for n, want := range map[int64]string{30: "30s", 60: "1m", 90: "1m30s", 600: "10m", 3600: "1h", 36000: "10h", 3660: "1h1m"} {
		if got := seconds(n); got != want {
			t.Errorf("seconds(%d) = %q, want %q", n, got, want)
		}
	}
}
