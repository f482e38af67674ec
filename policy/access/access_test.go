package access

import (
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/policy"
)

// org is a small organisation.
type org struct {
	groups   map[string][]string
	agents   map[string]string // owner
	disabled map[string]bool
}

func (o org) Members(group string) []string { return o.groups[group] }

func (o org) OwnersOf(owner string) []string {
	if person, ok := strings.CutPrefix(owner, "person:"); ok {
		return []string{person}
	}
	if group, ok := strings.CutPrefix(owner, "group:"); ok {
		return o.groups[group]
	}
	return nil
}

func (o org) Owners(agent string) []string { return o.OwnersOf(o.agents[agent]) }

func (o org) Enabled(person string) bool {
	if o.disabled[person] {
		return false
	}
	for _, members := range o.groups {
		if slices.Contains(members, person) {
			return true
		}
	}
	return false
}

var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func someOrg() org {
	return org{
		groups: map[string][]string{
			"web": {"ann", "bob"}, "sre": {"cid", "dora", "emil", "ann"}, "sec": {"fay", "gus"}, "all": {"ann", "bob", "cid", "dora", "emil", "fay", "gus", "hal"},
		},
		agents:   map[string]string{"bot": "group:web", "planner": "person:dora"},
		disabled: map[string]bool{},
	}
}

func someCommand() *Command {
	return &Command{Plan: policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"/usr/bin/systemctl", "restart", "app-api"}}, Mode: policy.Pinned, Stdin: policy.StdinNone}
}

func someRequest() Request {
	return Request{
		ID: "ar_1", By: Requester{Principal: "agent:bot", Owner: "group:web", Task: "T-1"},
		Scope:  Scope{Kind: CommandScope, Targets: []string{"web-1"}, Login: "deploy", Command: someCommand(), Uses: 1, Seconds: 600},
		Reason: "it hangs", Ticket: "OPS-7", Need: []policy.Approval{{Approvals: 2, From: []string{"sre"}, Within: 900}},
		Rules: []string{"web-operator/ask[0]"}, Policy: "sha256:00",
	}
}

// proofOf is a proof of the right shape with a person's own key.
func proofOf(person string) Proof {
	nonce := append([]byte(person), make([]byte, 32)...)[:32]
	return Proof{Kind: PasskeyProof, Nonce: nonce, Key: []byte("key of " + person), Signature: []byte("signature")}
}

func yes(person string) Vote { return Vote{By: person, Yes: true, Proof: proofOf(person)} }

// do applies what a method returned.
func do(t *testing.T, b *Book, c Change, err error) Change {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Apply(c); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestFromAskToUse(t *testing.T) {
	o, b := someOrg(), NewBook(Change{})
	c, err := b.Ask(o, noon, someRequest())
	do(t, b, c, err)
	c, err = b.Vote(o, noon, "ar_1", yes("cid"), "gr_1")
	do(t, b, c, err)
	c, err = b.Vote(o, noon.Add(time.Minute), "ar_1", yes("emil"), "gr_1")
	if do(t, b, c, err); len(c.Grants) != 1 || c.Requests[0].State != Approved || c.Requests[0].Grant != "gr_1" {
		t.Fatalf("%+v", c)
	}
	wanted := Wanted{By: someRequest().By, Target: "web-1", Login: "deploy", Command: someCommand()}
	grants, ok := b.Covering(noon.Add(2*time.Minute), wanted)
	if !ok || len(grants) != 1 {
		t.Fatal(grants, ok)
	}
	c, err = b.Use(noon.Add(2*time.Minute), grants[0].ID)
	if do(t, b, c, err); c.Grants[0].Cause != CauseUses {
		t.Fatalf("%+v", c)
	}
	if _, ok := b.Covering(noon.Add(2*time.Minute), wanted); ok {
		t.Fatal("used twice")
	}
}
