package protocol

import (
	"encoding/json"
	"strings"
	"time"

	"gatehouse/internal/console"
	"gatehouse/policy"
	"gatehouse/policy/access"
)

const ar = "ar_01JDABCDEFGHJKMNPQRSTVWXYZ"

// wantedRequest is a request with every field set.
func wantedRequest() access.Request {
	need := policy.Approval{Approvals: 2, From: []string{"sre"}, Within: 900, By: "ssh", Decline: "one", Wait: 60, For: 600, Uses: 1, Beat: 30}
	command := access.Command{Plan: policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"/usr/bin/systemctl", "restart", "app"}}, Env: []policy.EnvVar{{Name: "LANG", Value: "C"}}, PTY: true, Stdin: policy.StdinNone,
		Mode: policy.Pinned, Files: []access.FileState{{Path: "/srv/a", SHA256: strings.Repeat("0", 64), Size: 7, Missing: true}}}
	return access.Request{ID: ar, By: wantedBy(), Scope: access.Scope{Kind: access.CommandScope, Targets: []string{"web-1"}, Login: "deploy", Role: "web", Pattern: "id", Command: &command, Uses: 1, Seconds: 600, Beat: 30, Glass: true},
		Reason: "r", Ticket: "T-1", Need: []policy.Approval{need}, Rules: []string{"web/ask[0]"}, Policy: "sha256:00", Made: at, Expires: at,
		Session: ses, Denial: "dn_01JDABCDEFGHJKMNPQRSTVWXYZ", State: access.Approved, Ended: at, Why: "w", Votes: []access.Vote{wantedVote()}, Grant: "gr_01JDABCDEFGHJKMNPQRSTVWXYZ"}
}

func wantedBy() access.Requester {
	return access.Requester{Principal: "agent:bot", Owner: "person:ann", Task: "t", Delegation: "person:ann>o"}
}

func wantedVote() access.Vote {
	return access.Vote{By: "vic", For: "ann", Yes: true, Words: "w", At: at, Proof: access.Proof{Kind: access.PasskeyProof, Nonce: []byte("nonce"), Key: []byte("key"), Credential: []byte("id"),
		AuthenticatorData: []byte("data"), ClientData: []byte("{}"), Signature: []byte("sig")}}
}

func wantedGrant() access.Grant {
	r := wantedRequest()
	return access.Grant{ID: r.Grant, Request: ar, By: r.By, Scope: r.Scope, Ticket: "T-1", People: []string{"vic"}, Made: at, Ends: at, Used: 1, Beat: at, Ended: at, Cause: access.CauseDone, Why: "w", Reviews: []access.Vote{wantedVote()}}
}

// accessBodies are the bodies of operations about privileges, as in bodies.
func accessBodies() map[Op][2]any {
	who := Credential{SignIn: "cookie"}
	order := console.AccessOrder{From: "dn_01JDABCDEFGHJKMNPQRSTVWXYZ", Role: "web", Pattern: "id", Targets: []string{"web-1"}, Login: "deploy", Reason: "r", Ticket: "T-1", For: time.Minute, Uses: 2, Beat: time.Minute, Glass: true}
	answer := console.AccessAnswer{Request: ar, Yes: true, Words: "w", Challenge: "chl_01JDABCDEFGHJKMNPQRSTVWXYZ", Assertion: json.RawMessage(`{"id":"x"}`), Signature: "-----BEGIN SSH SIGNATURE-----"}
	proven := order
	proven.Proof = &answer
	filter := console.AccessFilter{State: access.Pending, Live: true, Answer: true, Task: "t", Who: "agent:bot", Before: ar}
	preview := access.Preview{At: at, Globs: []access.GlobPreview{{Pattern: "/srv/*", Matches: []string{"/srv/a"}, More: 1}},
		Files: []access.FilePreview{{Path: "/srv/a", Kind: "file", Size: 7, Mode: "-rw-r--r--", Changed: at, SHA256: strings.Repeat("0", 64), Diff: "d"}}, Notes: []string{"n"}, Screen: []string{"$ id"}, Elapsed: time.Second}
	view := console.AccessView{Request: wantedRequest(), Hash: "sha256:00", Text: "t", Preview: &preview, Rules: []console.AccessRule{{ID: "web/ask[0]", Pattern: "id", File: "policy.yaml", Line: 7}},
		Denials: []console.AccessDenial{{ID: "dn_01JDABCDEFGHJKMNPQRSTVWXYZ", At: at, Target: "web-1", What: "id", Code: "not_allowed"}}, Similar: []access.Request{wantedRequest()},
		Answer: true, Ways: []string{"passkey"}, Hinders: "h", Missing: "m"}
	name := AccessName{Who: who, By: "root", ID: ar, Words: "w"}
	list := AccessList{Who: who, By: "root", Filter: filter}
	grants := AccessGrants{List: []access.Grant{wantedGrant()}, Next: "gr_01JDABCDEFGHJKMNPQRSTVWXYZ"}
	return map[Op][2]any{
		OpAccessAsk:      {AccessAsk{Who: who, By: "root", Order: proven}, wantedRequest()},
		OpAccessRequests: {list, AccessRequests{List: []access.Request{wantedRequest()}, Next: ar}},
		OpAccessShow:     {name, view},
		OpAccessWithdraw: {name, wantedRequest()},
		OpAccessChallenge: {AccessProve{Who: who, Request: ar, Order: &order, By: access.PasskeyProof},
			console.AccessChallenge{ID: "chl_01JDABCDEFGHJKMNPQRSTVWXYZ", Request: ar, Hash: "sha256:00", Options: json.RawMessage(`{"publicKey":{}}`), Text: "t", Space: "approval@gatehouse", Expires: at}},
		OpAccessAnswer:  {AccessAnswer{Who: who, Answer: answer}, wantedRequest()},
		OpAccessGrants:  {list, grants},
		OpAccessEnd:     {name, grants},
		OpAccessBeat:    {name, grants},
		OpAccessReview:  {name, wantedGrant()},
		OpAccessPreview: {AccessPreview{Request: ar, Preview: preview}, Empty{}},
		OpAccessAway:    {AccessAway{Who: who, To: "vic", Until: at}, AccessAways{List: []access.Away{{ID: "aw_01JDABCDEFGHJKMNPQRSTVWXYZ", Who: "ann", To: "vic", From: at, Until: at}}}},
		OpAccessTicket:  {AccessTicket{Body: []byte(`{"ticket":"T-1"}`), Signature: "v1,00", Time: "1800000000"}, grants},
		EventAccess:     {AccessEvent{Requests: []string{ar}}, nil},
	}
}

// accessOrder follows laterOrder.
var accessOrder = []Op{OpAccessAsk, OpAccessRequests, OpAccessShow, OpAccessWithdraw, OpAccessChallenge, OpAccessAnswer, OpAccessGrants, OpAccessEnd, OpAccessBeat, OpAccessReview,
	OpAccessPreview, OpAccessAway, OpAccessTicket, EventAccess}
