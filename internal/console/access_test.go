package console

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
	"unicode"

	"gatehouse/policy"
	"gatehouse/policy/access"
)

// evil is foreign text that would drive a terminal.
const evil = "\x1b[2Jevil\u202e\u200b"

// office is the decider as far as the verbs' arguments and answers go; what it decides is tested where it is.
type office struct {
	Access // nil: what is not below is not asked
	now    time.Time
	asked  []string
	states []access.State // that a request is found in, one after the other
	err    error
}

func (o *office) note(what string, args ...any) error {
	text := what
	for _, a := range args {
		b, _ := json.Marshal(a)
		text += " " + string(b)
	}
	o.asked = append(o.asked, text)
	return o.err
}

func (o *office) request() access.Request {
	state := access.Pending
	if len(o.states) > 0 {
		state = o.states[0]
		o.states = o.states[1:]
	}
	r := access.Request{ID: "ar_1" + evil, State: state, By: access.Requester{Principal: "agent:bot", Owner: evil, Task: evil, Delegation: evil}, Reason: evil, Ticket: evil, Rules: []string{evil},
		Scope: access.Scope{Kind: access.RoleScope, Role: evil, Targets: []string{evil}, Login: evil, Seconds: 600, Uses: 2, Beat: 60}, Need: []policy.Approval{{Approvals: 2, From: []string{evil}}},
		Made: o.now, Expires: o.now.Add(time.Hour), Why: evil}
	if state != access.Pending {
		r.Votes = []access.Vote{{By: "ben" + evil, For: "cat", Yes: state == access.Approved}}
	}
	return r
}

func (o *office) grant() access.Grant {
	return access.Grant{ID: "gr_1" + evil, By: access.Requester{Principal: evil}, Scope: access.Scope{Kind: access.PatternScope, Pattern: evil, Targets: []string{evil}, Uses: 3, Beat: 60}, Ends: o.now.Add(time.Minute),
		Used: 1, Reviews: []access.Vote{{By: evil, Yes: true}}}
}

func (o *office) Ask(_ context.Context, _ Credential, order AccessOrder) (access.Request, error) {
	return o.request(), o.note("ask", order)
}
func (o *office) Requests(_ context.Context, _ Credential, f AccessFilter) ([]access.Request, string, error) {
	return []access.Request{o.request()}, evil, o.note("requests", f)
}
func (o *office) Request(_ context.Context, _ Credential, id string) (AccessView, error) {
	return AccessView{Request: o.request(), Hash: evil, Missing: evil, Hinders: evil, Rules: []AccessRule{{ID: evil, Pattern: evil}}, Denials: []AccessDenial{{Code: evil, Target: evil, What: evil}}, Similar: []access.Request{o.request()},
		Preview: &access.Preview{Globs: []access.GlobPreview{{Pattern: evil, Matches: []string{evil}, More: 3}}, Files: []access.FilePreview{{Path: evil, Kind: evil, Mode: evil, Diff: "+" + evil + "\n-" + evil + "\n"}}, Notes: []string{evil}, Screen: []string{evil}}}, o.note("show", id)
}
func (o *office) Withdraw(_ context.Context, _ Credential, id, words string) (access.Request, error) {
	return o.request(), o.note("withdraw", id, words)
}
func (o *office) Challenge(_ context.Context, _ Credential, request string, order *AccessOrder, by string) (AccessChallenge, error) {
	return AccessChallenge{ID: "chl_1", Request: request, Text: "line 1\nline 2\n", Expires: o.now.Add(time.Minute)}, o.note("challenge", request, order, by)
}
func (o *office) Answer(_ context.Context, _ Credential, a AccessAnswer) (access.Request, error) {
	return o.request(), o.note("answer", a)
}
func (o *office) Grants(_ context.Context, _ Credential, f AccessFilter) ([]access.Grant, string, error) {
	return []access.Grant{o.grant()}, evil, o.note("grants", f)
}
func (o *office) EndGrants(_ context.Context, _ Credential, id, words string) ([]access.Grant, error) {
	return []access.Grant{o.grant()}, o.note("end", id, words)
}
func (o *office) Beat(_ context.Context, _ Credential, id string) ([]access.Grant, error) {
	return []access.Grant{o.grant()}, o.note("beat", id)
}
func (o *office) Review(_ context.Context, _ Credential, grant, words string) (access.Grant, error) {
	return o.grant(), o.note("review", grant, words)
}
func (o *office) lock() access.Lock {
	return access.Lock{ID: "lck_1", What: access.Subject{Kind: access.LockTask, Value: evil}, Reason: evil, By: evil, At: o.now, Lifts: []string{evil}}
}
func (o *office) Lock(_ context.Context, _ Credential, order LockOrder) (LockReport, error) {
	return LockReport{Lock: o.lock(), Sessions: []string{evil}, SessionsAll: 2, Unknown: order.What.Value == "typo"}, o.note("lock", order)
}
func (o *office) Unlock(_ context.Context, _ Credential, id, reason string) (access.Lock, error) {
	return o.lock(), o.note("unlock", id, reason)
}
func (o *office) Locks(context.Context, Credential) ([]access.Lock, error) {
	return []access.Lock{o.lock()}, o.note("locks")
}
func (o *office) Away(_ context.Context, _ Credential, to string, until time.Time) ([]access.Away, error) {
	return []access.Away{{Who: evil, To: evil, Until: o.now}}, o.note("away", to, until)
}

// newOffice is a desk whose decider is asked for privileges.
func newOffice(t *testing.T) (*desk, *office) {
	d := newDesk(t)
	o := &office{now: d.now}
	d.cfg.Access = o
	return d, o
}

// ask runs a verb with a standard input.
func (d *desk) ask(in io.Reader, args ...string) (out, errs string, code int) {
	var stdout, stderr bytes.Buffer
	code = d.Run(d.t.Context(), ann, args, Streams{In: in, Out: &stdout, Err: &stderr, Program: "ssh bastion"})
	return stdout.String(), stderr.String(), code
}

const armored = "-----BEGIN SSH SIGNATURE-----\nx\n-----END SSH SIGNATURE-----\n"

// Each verb asks the decider for exactly what was written, and shows nothing that could drive a terminal.
func TestAccessVerbs(t *testing.T) {
	for _, c := range []struct {
		args []string
		in   string
		want string // what the decider is asked
		says string
	}{
		{args: []string{"request", "--from", "dn_1", "--reason", " why "}, want: `ask {"from":"dn_1","reason":"why"}`, says: "pending, 2 people of"},
		{args: []string{"request", "--role", "r", "--target", "a", "--target", "b", "--login", "l", "--reason", "x", "--ticket", "T", "--for", "30m", "--uses", "3", "--heartbeat", "1m"},
			want: `ask {"role":"r","targets":["a","b"],"login":"l","reason":"x","ticket":"T","for":1800000000000,"uses":3,"beat":60000000000}`},
		{args: []string{"request", "--pattern", "systemctl restart <unit:app-*>", "--target", "a", "--login", "l", "--reason", "x"}, want: `ask {"pattern":"systemctl restart \u003cunit:app-*\u003e","targets":["a"],"login":"l","reason":"x"}`},
		{args: []string{"requests", "list", "--answer", "--state", "pending", "--who", "agent:bot", "--task", "t", "--before", "ar_9"}, want: `requests {"state":"pending","answer":true,"task":"t","who":"agent:bot","before":"ar_9"}`, says: "WHAT"},
		{args: []string{"requests", "show", "ar_1"}, want: `show "ar_1"`, says: "cannot answer it"},
		{args: []string{"requests", "withdraw", "ar_1"}, want: `withdraw "ar_1" "no longer needed"`},
		{args: []string{"approve", "ar_1"}, want: `challenge "ar_1" null "ssh"`, says: "ssh-keygen -Y sign -n approval@gatehouse"},
		{args: []string{"approve", "ar_1", "--text"}, want: `challenge "ar_1" null "ssh"`, says: "line 1\nline 2\n"},
		{args: []string{"approve", "ar_1", "--challenge", "chl_1", "--signature", "-", "--words", "go"}, in: armored,
			want: `answer {"request":"ar_1","yes":true,"words":"go","challenge":"chl_1","signature":"-----BEGIN SSH SIGNATURE-----\nx\n-----END SSH SIGNATURE-----\n"}`},
		{args: []string{"decline", "ar_1", "--reason", "no"}, want: `answer {"request":"ar_1","yes":false,"words":"no"}`},
		{args: []string{"grants", "list"}, want: `grants {"live":true}`, says: "1 of 3 commands used"},
		{args: []string{"grants", "list", "--all"}, want: `grants {}`},
		{args: []string{"grants", "end", "gr_1", "--reason", "x"}, want: `end "gr_1" "x"`},
		{args: []string{"done"}, want: `end "" "the task is done"`},
		{args: []string{"heartbeat"}, want: `beat ""`},
		{args: []string{"heartbeat", "gr_1", "--every", "1h"}, want: `beat "gr_1"`},
		{args: []string{"lock", "everything", "--reason", "x", "--until", "1h"}, want: `lock {"what":{"kind":"everything"},"reason":"x","until":"2026-11-22T21:00:00Z"}`, says: "NOT IN THE AUDIT LOG YET"},
		{args: []string{"lock", "owner:group:web", "--reason", "x"}, want: `lock {"what":{"kind":"owner","value":"group:web"},"reason":"x"}`},
		{args: []string{"lock", "agent:typo", "--reason", "x"}, want: `lock {"what":{"kind":"agent","value":"typo"},"reason":"x"}`, says: "NEITHER POLICY NOR INVENTORY KNOWS IT"},
		{args: []string{"lock", "ses_1", "--reason", "x"}, want: `lock {"what":{"kind":"session","value":"ses_1"},"reason":"x"}`},
		{args: []string{"lock", "rule:web/allow[2]", "--reason", "x"}, want: `lock {"what":{"kind":"rule","value":"web/allow[2]"},"reason":"x"}`},
		{args: []string{"unlock", "lck_1", "--reason", "x"}, want: `unlock "lck_1" "x"`},
		{args: []string{"locks"}, want: `locks`, says: "wants it lifted; another person must too"},
		{args: []string{"away", "person:ben", "--until", "1h"}, want: `away "ben" "2026-11-22T21:00:00Z"`},
		{args: []string{"away", "--end"}, want: `away "" "0001-01-01T00:00:00Z"`},
		{args: []string{"break-glass", "r", "--target", "a", "--login", "l", "--reason", "fire"}, want: `challenge "" {"role":"r","targets":["a"],"login":"l","reason":"fire","break_glass":true} "ssh"`, says: "Nothing is approved yet"},
		{args: []string{"break-glass", "r", "--target", "a", "--login", "l", "--reason", "fire", "--challenge", "chl_1", "--signature", "-"}, in: armored,
			want: `ask {"role":"r","targets":["a"],"login":"l","reason":"fire","break_glass":true,"proof":{"request":"","yes":true,"challenge":"chl_1","signature":"-----BEGIN SSH SIGNATURE-----\nx\n-----END SSH SIGNATURE-----\n"}}`},
		{args: []string{"review", "gr_1", "--words", "looked"}, want: `review "gr_1" "looked"`},
	} {
		d, o := newOffice(t)
		out, errs, code := d.ask(strings.NewReader(c.in), c.args...)
		if code != 0 || len(o.asked) != 1 || o.asked[0] != c.want {
			t.Errorf("%q: exit %d, asked %q, %s", c.args, code, o.asked, errs)
		}
		if strings.ContainsFunc(out+errs, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) || !strings.Contains(out, c.says) {
			t.Errorf("%q printed %q %q", c.args, out, errs)
		}
		d, o = newOffice(t)
		out, _, code = d.ask(strings.NewReader(c.in), append([]string{"--json"}, c.args...)...)
		if code != 0 || !json.Valid([]byte(out)) || o.asked[0] != c.want {
			t.Errorf("%q in JSON: exit %d, %q", c.args, code, out)
		}
		d, o = newOffice(t)
		o.err = &ForbiddenError{Reason: "no " + evil}
		if out, errs, code = d.ask(strings.NewReader(c.in), c.args...); code != 1 || out != "" || strings.Contains(errs, "\x1b") {
			t.Errorf("%q refused: exit %d, %q %q", c.args, code, out, errs)
		}
		d.cfg.Access = nil
		if _, errs, code = d.ask(strings.NewReader(c.in), c.args...); code != 75 || !strings.Contains(errs, "not available here") {
			t.Errorf("%q without a decider: exit %d, %q", c.args, code, errs)
		}
	}
}

// What is not understood asks nobody.
func TestAccessVerbsRefuseWhatTheyDoNotUnderstand(t *testing.T) {
	d, o := newOffice(t)
	for _, c := range []struct {
		args string
		in   string
	}{
		{args: "request"}, {args: "request --reason x"}, {args: "request --from dn_1"}, {args: "request --from dn_1 --role r --reason x"}, {args: "request --from dn_1 --reason \x1b"}, {args: "request --role r --reason x --uses -1"},
		{args: "request --role r --reason x --for -1m"}, {args: "request --role r --reason x --wait=soon"}, {args: "request --role r --reason x --wait=-1s"}, {args: "requests list --state odd"}, {args: "requests show"},
		{args: "approve"}, {args: "approve ar_1 --challenge chl_1"}, {args: "approve ar_1 --signature -"}, {args: "approve ar_1 --challenge chl_1 --signature /etc/passwd"}, {args: "approve ar_1 --challenge chl_1 --signature -", in: "no signature"},
		{args: "approve ar_1 --challenge chl_1 --signature -", in: armored + strings.Repeat("x", maxSignature)}, {args: "approve ar_1 --text --challenge chl_1 --signature -", in: armored},
		{args: "requests list --who bot"}, {args: "grants list --who bot"}, {args: "decline ar_1"}, {args: "grants end gr_1"}, {args: "heartbeat --every 1ms"}, {args: "heartbeat --every 2h"}, {args: "lock everything"}, {args: "lock --reason x"}, {args: "lock bot --reason x"}, {args: "lock agent: --reason x"},
		{args: "lock agent:\x1b --reason x"}, {args: "lock everything --reason x --until yesterday"}, {args: "unlock lck_1"}, {args: "away"}, {args: "away ben"}, {args: "away --until 1h"}, {args: "away ben --end"}, {args: "away ben --until -1h"},
		{args: "break-glass r"}, {args: "review gr_1"},
	} {
		out, errs, code := d.ask(strings.NewReader(c.in), strings.Split(c.args, " ")...)
		if code != 2 || out != "" || errs == "" || strings.Contains(errs, "\x1b") {
			t.Errorf("%q: exit %d %q %q", c.args, code, out, errs)
		}
	}
	if len(o.asked) != 0 {
		t.Errorf("asked all the same: %q", o.asked)
	}
}

// A request that is waited for says each state once, and its last one by the exit status.
func TestRequestThatIsWaitedFor(t *testing.T) {
	for last, want := range map[access.State]struct {
		code int
		text string
	}{
		access.Approved: {0, ""}, access.Declined: {1, "approval_declined"}, access.Expired: {1, "approval_expired"}, access.Withdrawn: {1, "withdrawn"}, access.Void: {1, "void"},
	} {
		d, o := newOffice(t)
		changed := make(chan struct{}, 2)
		stopped := false
		d.cfg.WatchRequest = func(string) (<-chan struct{}, func()) { return changed, func() { stopped = true } }
		o.states = []access.State{access.Pending, access.Pending, access.Pending, last, last}
		changed <- struct{}{}
		changed <- struct{}{}
		out, errs, code := d.ask(nil, "--json", "request", "--role", "r", "--reason", "x", "--wait=1m")
		if code != want.code || !strings.Contains(errs, want.text) || strings.Count(out, "\n") != 2 || !stopped {
			t.Errorf("%s: exit %d %q %q", last, code, out, errs)
		}
		for _, l := range lines(out) {
			var r access.Request
			if err := json.Unmarshal([]byte(l), &r); err != nil {
				t.Errorf("%q: %v", l, err)
			}
		}
	}
	d, _ := newOffice(t)
	if out, errs, code := d.ask(nil, "request", "--role", "r", "--reason", "x", "--wait=1ms"); code != 1 || !strings.Contains(errs, "approval_pending") || !strings.HasPrefix(out, "ar_1") {
		t.Errorf("exit %d %q %q", code, out, errs)
	}
}

// The text that is signed comes as it is, byte for byte: the signature is over it.
func TestTextIsSignedAsItIs(t *testing.T) {
	d, _ := newOffice(t)
	out, errs, code := d.ask(nil, "approve", "ar_1", "--text")
	if code != 0 || out != "line 1\nline 2\n" || errs != fmt.Sprintf("challenge chl_1, good until %s\n", Stamp(d.now.Add(time.Minute))) {
		t.Errorf("exit %d %q %q", code, out, errs)
	}
}
