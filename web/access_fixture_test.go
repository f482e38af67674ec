package web

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"gatehouse/internal/console"
	"gatehouse/policy"
	"gatehouse/policy/access"
)

// privileges stand for the decider's side of requests, grants and locks in these tests: what the pages show and what they hand on.
// The flows themselves are tested against the real one (cmd/gatehouse).
type privileges struct {
	*decider
	mu       sync.Mutex
	requests []access.Request // newest first
	views    map[string]console.AccessView
	grants   []access.Grant
	locks    []access.Lock
	orders   []console.AccessOrder
	answers  []console.AccessAnswer
	locked   []console.LockOrder
	calls    []string // what changed something
	wait     chan struct{}
	refuse   error // of every answer
}

func newPrivileges(d *decider) *privileges {
	return &privileges{decider: d, views: map[string]console.AccessView{}}
}

var _ console.Access = (*privileges)(nil)

// enter resolves the sign-in, after the decider was slow if it is to be.
func (p *privileges) enter(ctx context.Context, who console.Credential, call string) (string, error) {
	if p.wait != nil {
		select {
		case <-p.wait:
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
	person, err := p.person(who)
	if err == nil && call != "" {
		p.mu.Lock()
		p.calls = append(p.calls, call)
		p.mu.Unlock()
	}
	return person, err
}

// happened returns what changed something since the last call.
func (p *privileges) happened() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := p.calls
	p.calls = nil
	return out
}

func (p *privileges) Ask(ctx context.Context, who console.Credential, order console.AccessOrder) (access.Request, error) {
	if _, err := p.enter(ctx, who, "ask "+order.Role+order.From); err != nil {
		return access.Request{}, err
	}
	p.orders = append(p.orders, order)
	return access.Request{ID: askID(9)}, p.refuse
}

func (p *privileges) Requests(ctx context.Context, who console.Credential, f console.AccessFilter) ([]access.Request, string, error) {
	person, err := p.enter(ctx, who, "")
	if err != nil {
		return nil, "", err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []access.Request
	for _, q := range p.requests {
		mayAnswer := q.State == access.Pending && p.views[q.ID].Answer && person == "ann"
		if f.Answer && !mayAnswer || f.State != "" && q.State != f.State || f.Who != "" && q.By.Principal != f.Who {
			continue
		}
		out = append(out, q)
	}
	return out, "", nil
}

func (p *privileges) Request(ctx context.Context, who console.Credential, id string) (console.AccessView, error) {
	person, err := p.enter(ctx, who, "")
	if err != nil {
		return console.AccessView{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	v, ok := p.views[id]
	if !ok {
		return v, console.NewUsageError("there is no request " + id)
	}
	if person != "ann" {
		v.Answer, v.Ways, v.Hinders = false, nil, "you own the agent that asks"
	}
	return v, nil
}

func (p *privileges) Wait(ctx context.Context, who console.Credential, id string) (access.Request, error) {
	v, err := p.Request(ctx, who, id)
	return v.Request, err
}

func (p *privileges) Withdraw(ctx context.Context, who console.Credential, id, words string) (access.Request, error) {
	_, err := p.enter(ctx, who, "withdraw "+id+" "+words)
	return access.Request{ID: id}, err
}

func (p *privileges) Challenge(ctx context.Context, who console.Credential, request string, order *console.AccessOrder, by string) (console.AccessChallenge, error) {
	_, err := p.enter(ctx, who, "challenge "+request+" "+by)
	return console.AccessChallenge{ID: "chl_1", Request: request, Hash: p.views[request].Hash, Options: json.RawMessage(`{"publicKey":{}}`)}, err
}

func (p *privileges) Answer(ctx context.Context, who console.Credential, a console.AccessAnswer) (access.Request, error) {
	if _, err := p.enter(ctx, who, "answer "+a.Request); err != nil {
		return access.Request{}, err
	}
	p.answers = append(p.answers, a)
	return access.Request{ID: a.Request}, p.refuse
}

func (p *privileges) Grants(ctx context.Context, who console.Credential, f console.AccessFilter) ([]access.Grant, string, error) {
	_, err := p.enter(ctx, who, "")
	list := slices.DeleteFunc(slices.Clone(p.grants), func(g access.Grant) bool { return f.Live && !g.Ended.IsZero() })
	return list, "", err
}

func (p *privileges) EndGrants(ctx context.Context, who console.Credential, id, words string) ([]access.Grant, error) {
	_, err := p.enter(ctx, who, "end "+id+" "+words)
	return nil, err
}

func (p *privileges) Beat(ctx context.Context, who console.Credential, id string) ([]access.Grant, error) {
	_, err := p.enter(ctx, who, "beat "+id)
	return nil, err
}

func (p *privileges) Review(ctx context.Context, who console.Credential, grant, words string) (access.Grant, error) {
	_, err := p.enter(ctx, who, "review "+grant+" "+words)
	return access.Grant{}, err
}

func (p *privileges) Lock(ctx context.Context, who console.Credential, order console.LockOrder) (console.LockReport, error) {
	if _, err := p.enter(ctx, who, "lock "+string(order.What.Kind)+" "+order.What.Value); err != nil {
		return console.LockReport{}, err
	}
	p.locked = append(p.locked, order)
	return console.LockReport{Lock: access.Lock{ID: lockID(1), What: order.What, Reason: order.Reason}, Connections: 3, SessionsAll: 2, Noted: p.refuse == nil}, nil
}

func (p *privileges) Unlock(ctx context.Context, who console.Credential, id, reason string) (access.Lock, error) {
	_, err := p.enter(ctx, who, "lift "+id+" "+reason)
	return access.Lock{ID: id}, err
}

func (p *privileges) Locks(ctx context.Context, who console.Credential) ([]access.Lock, error) {
	_, err := p.enter(ctx, who, "")
	return p.locks, err
}

func (p *privileges) Away(ctx context.Context, who console.Credential, to string, until time.Time) ([]access.Away, error) {
	_, err := p.enter(ctx, who, "away "+to)
	return nil, err
}

func askID(n int) string   { return "ar_01K0000000000000000000000" + string(rune('0'+n)) }
func grantID(n int) string { return "gr_01K0000000000000000000000" + string(rune('0'+n)) }
func lockID(n int) string  { return "lck_01K0000000000000000000000" + string(rune('0'+n)) }

// asking adds a request that ann can answer. Every foreign text in it is foreign.
func (p *privileges) asking(n int, foreign string) access.Request {
	now := time.Now().UTC()
	plan := policy.Plan{Op: policy.OpAnd, Parts: []policy.Plan{
		{Op: policy.OpRun, Argv: policy.Argv{"/usr/bin/install", "-m", "0644", foreign, "/etc/app/app.conf"}, Dir: "/srv/app", Env: []policy.EnvVar{{Name: "A", Value: foreign}}},
		{Op: policy.OpPipe, Parts: []policy.Plan{{Op: policy.OpRun, Argv: policy.Argv{"/usr/bin/systemctl", "restart", "app-api"}, Redirs: []policy.Redir{{FD: 1, Op: policy.RedirOut, Path: foreign}}},
			{Op: policy.OpRun, Argv: policy.Argv{"/usr/bin/grep", "", foreign}, Wrap: []policy.Argv{{"timeout", "5"}}}}}}}
	q := access.Request{ID: askID(n), By: access.Requester{Principal: "agent:release-bot", Owner: "group:web", Task: foreign, Delegation: foreign}, Reason: foreign, Ticket: foreign,
		Scope: access.Scope{Kind: access.CommandScope, Targets: []string{"web-1"}, Login: "deploy", Seconds: 600, Uses: 1, Command: &access.Command{Plan: plan, Mode: policy.Pinned, PTY: true,
			Env: []policy.EnvVar{{Name: "LANG", Value: foreign}}, Files: []access.FileState{{Path: foreign, SHA256: "9f2c", Size: 4096}, {Path: "/gone", Missing: true}}}},
		Need: []policy.Approval{{Approvals: 2, From: []string{"sre"}}}, Rules: []string{"web/ask[0]"}, Made: now.Add(-time.Minute), Expires: now.Add(14 * time.Minute), State: access.Pending,
		Session: "ses_01K00000000000000000000000", Votes: []access.Vote{{By: "bob", Yes: true, Words: foreign, At: now, Proof: access.Proof{Kind: access.PasskeyProof}}}}
	p.requests = append([]access.Request{q}, p.requests...)
	p.views[q.ID] = console.AccessView{Request: q, Hash: "sha256:4d8f", Text: "Approve\n" + foreign, Answer: true, Ways: []string{"passkey", "ssh"}, Missing: "1 of sre",
		Rules:   []console.AccessRule{{ID: "web/ask[0]", Pattern: foreign, File: "policy.yaml", Line: 12}},
		Denials: []console.AccessDenial{{ID: "dn_1", At: now, Target: foreign, What: foreign, Code: "not_allowed"}},
		Similar: []access.Request{{ID: askID(8), By: q.By, Scope: q.Scope, State: access.Declined, Why: foreign, Made: now}},
		Preview: &access.Preview{At: now, Notes: []string{foreign}, Screen: []string{foreign, "$ "}, Globs: []access.GlobPreview{{Pattern: "/var/log/*.log", Matches: []string{foreign, "/var/log/a.log"}, More: 3}},
			Files: []access.FilePreview{{Path: "/etc/app/app.conf", Kind: "file", Size: 120, Mode: "-rw-r--r--", SHA256: "77aa", Changed: now, Diff: "--- a\n+++ b\n@@ -1 +1 @@\n-port 80\n+port 81 " + foreign + "\n"}}}}
	return q
}
