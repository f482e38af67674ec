package decider

import (
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
	"gatehouse/policy/access"
	"gatehouse/recorder/audit"
)

// TestShowRequest: whoever decides sees what it is, who asks, what they were denied, what requests like it got, and whether and how they
// can answer; whoever asks sees no more than their own request.
func TestShowRequest(t *testing.T) {
	b := newAccessBench(t)
	conn := b.connect(policy.Agent, "bot")
	if got, err := b.ask(b.question(conn, "rm", "-rf", "/")); err != nil || got.Decision.Verdict != policy.Deny {
		t.Fatalf("%+v, %v", got.Decision, err)
	}
	old := b.approved("vic", b.pending("bot", "printf", "a").ID)
	r := b.pending("bot", "printf", "a", "b")
	if err := b.door.Preview(t.Context(), r.ID, access.Preview{Notes: []string{"nothing to see"}}); err != nil {
		t.Fatal(err)
	}
	view, err := b.door.Request(t.Context(), b.in["uma"], r.ID[:20])
	if err != nil {
		t.Fatal(err)
	}
	if view.Request.ID != r.ID || view.Hash != r.Hash() || !strings.Contains(view.Text, "/usr/bin/printf") || !view.Answer || !slices.Equal(view.Ways, []string{"passkey", "ssh"}) || view.Hinders != "" || view.Missing == "" {
		t.Errorf("%+v", view)
	}
	if view.Preview == nil || len(view.Preview.Notes) != 1 || len(view.Rules) != 1 || view.Rules[0].File != "policy.yaml" || !strings.Contains(view.Rules[0].Pattern, "printf") {
		t.Errorf("preview %+v, rules %+v", view.Preview, view.Rules)
	}
	if len(view.Similar) != 1 || view.Similar[0].ID != old.ID || view.Similar[0].State != access.Approved {
		t.Errorf("similar: %+v", view.Similar)
	}
	if len(view.Denials) == 0 || !slices.ContainsFunc(view.Denials, func(x console.AccessDenial) bool { return strings.Contains(x.What, "rm -rf") }) {
		t.Errorf("denials: %+v", view.Denials)
	}
	own, err := b.door.Request(t.Context(), console.Credential{Connection: conn}, r.ID)
	if err != nil || own.Preview != nil || own.Denials != nil || own.Similar != nil || own.Answer || own.Hinders == "" {
		t.Errorf("its requester sees %+v, %v", own, err)
	}
	if view, err := b.door.Request(t.Context(), b.in["ann"], r.ID); err != nil || view.Answer || !strings.Contains(view.Hinders, "owns") {
		t.Errorf("its owner sees %+v, %v", view, err)
	}
	stranger := console.Credential{Connection: b.connect(policy.Agent, "webbot")}
	for name, id := range map[string]string{"another's": r.ID, "none": "ar_01JDABCDEFGHJKMNPQRSTVWXYZ", "too short a beginning": "ar_", "a grant": old.Grant} {
		if _, err := b.door.Request(t.Context(), stranger, id); !isForbidden(err) || strings.Contains(err.Error(), "bot") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(b.about(audit.Read, r.ID)); n != 2 {
		t.Errorf("%d entries about who looked, want vic's and ann's", n)
	}
}

// TestListRequests: each sees their own, their agents', and what they may answer.
func TestListRequests(t *testing.T) {
	b := newAccessBench(t)
	mine := b.pending("bot", "printf", "a")
	b.clock.pass(time.Second)
	webs := b.pending("webbot", "printf", "b")
	see := func(who console.Credential, f console.AccessFilter) string {
		t.Helper()
		page, _, err := b.door.Requests(t.Context(), who, f)
		b.must(err)
		var names []string
		for _, r := range page {
			names = append(names, map[string]string{mine.ID: "mine", webs.ID: "webs"}[r.ID])
		}
		return strings.Join(names, " ")
	}
	for name, c := range map[string]struct {
		who  console.Credential
		f    console.AccessFilter
		want string
	}{
		"an approver":              {b.in["uma"], console.AccessFilter{}, "webs mine"},
		"what uma can answer":      {b.in["uma"], console.AccessFilter{Answer: true}, "webs mine"},
		"what vic can answer":      {b.in["vic"], console.AccessFilter{Answer: true}, "mine"},
		"what ann can answer":      {b.in["ann"], console.AccessFilter{Answer: true}, ""},
		"an agent":                 {console.Credential{Connection: b.connect(policy.Agent, "bot")}, console.AccessFilter{}, "mine"},
		"what an agent can answer": {console.Credential{Connection: b.connect(policy.Agent, "bot")}, console.AccessFilter{Answer: true}, ""},
		"view":                     {b.in["nan"], console.AccessFilter{}, "webs mine"},
		"approved":                 {b.in["nan"], console.AccessFilter{State: access.Approved}, ""},
		"one agent's":              {b.in["nan"], console.AccessFilter{Who: "agent:webbot"}, "webs"},
		"the page after":           {b.in["nan"], console.AccessFilter{Before: webs.ID}, "mine"},
	} {
		if got := see(c.who, c.f); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	if got, err := admin[protocol.AccessRequests](b.bench, protocol.OpAccessRequests, protocol.AccessList{By: "root"}); err != nil || len(got.List) != 2 {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := b.d.accessRequests(t.Context(), protocol.AccessList{By: "root"}); code(err) != protocol.CodeInvalid {
		t.Errorf("the door as root: %v", err)
	}
}

// TestAwayAnswers: while somebody is away another answers in their place, and nobody answers so for what serves the one who is away.
func TestAwayAnswers(t *testing.T) {
	b := newAccessBench(t)
	b.policy(func(s string) string {
		return strings.Replace(s, "sre: [person:vic, person:uma, person:sam]", "sre: [person:vic]", 1)
	})
	r := b.pending("bot", "printf", "a")
	if _, err := b.approve("sam", r.ID); !isForbidden(err) {
		t.Errorf("without being asked to: %v", err)
	}
	list, err := b.door.Away(t.Context(), b.in["vic"], "sam", b.clock.now().Add(time.Hour))
	if err != nil || len(list) != 1 || list[0].To != "sam" {
		t.Fatalf("%+v, %v", list, err)
	}
	b.restart()
	got := b.approved("sam", r.ID)
	if got.State != access.Approved || got.Votes[0].By != "sam" || got.Votes[0].For != "vic" {
		t.Errorf("%+v", got)
	}
	web := b.pending("webbot", "printf", "b")
	if _, err := b.approve("sam", web.ID); !isForbidden(err) {
		t.Errorf("in the place of an owner: %v", err)
	}
	if _, err := b.door.Away(t.Context(), b.in["vic"], "", b.clock.now()); err != nil {
		t.Fatal(err)
	}
	if _, err := b.approve("sam", b.pending("bot", "printf", "c").ID); !isForbidden(err) {
		t.Errorf("after it ended: %v", err)
	}
	if got := b.outcomes(audit.AccessAway, "person:vic"); got != "set ended" {
		t.Errorf("the log says %q", got)
	}
}

// TestWaysOfWhoHasASeat: somebody is shown a way only where it fills a seat of theirs, or of whom they answer for.
func TestWaysOfWhoHasASeat(t *testing.T) {
	b := newAccessBench(t)
	req := access.Request{Need: []policy.Approval{{Approvals: 1, From: []string{"sre"}, By: "ssh"}, {Approvals: 1, From: []string{"web"}}}}
	for person, want := range map[string][]string{"uma": {"ssh"}, "vic": {"passkey", "ssh"}, "ann": {"passkey", "ssh"}, "nan": nil} {
		if got := waysOf(seatsOf(b.d.currentPolicy(), req, person, "")); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", person, got, want)
		}
	}
	if len(req.Need) != 2 || req.Need[0].By != "ssh" {
		t.Errorf("the request has changed: %+v", req.Need)
	}
}
