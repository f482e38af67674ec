// Package approval says whether what ran was approved, by whom, and by what key of theirs: from entries of the audit log whose place in
// it is proven, and from policies, with nothing else at hand.
//
// It believes no entry about what people said: an approval counts by its signature, made with a key of that person's own over exactly
// the request that was granted. It does trust the log for who registered which passkey, and the policy for which SSH keys are whose:
// whoever holds the log's key could have noted a passkey of their own. docs/spec/audit-bundle.md says how to do the same by hand.
package approval

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/policy/access"
	"gatehouse/recorder/audit"
)

// Finding is something that does not fit.
type Finding struct {
	Entry   int64  // its number in the log, or -1
	Request string // what it is about
	What    string
}

func (f Finding) String() string {
	at := ""
	if f.Entry >= 0 {
		at = fmt.Sprintf("entry %d: ", f.Entry)
	}
	return fmt.Sprintf("%s%q: %s", at, f.Request, f.What)
}

// Approver is somebody who said yes.
type Approver struct {
	Person string
	For    string // in whose place
	Kind   access.ProofKind
	Key    string
	Origin string
	At     time.Time
}

// Approved is a request that people approved, or that is not decided.
type Approved struct {
	Request   access.Request
	Hash      string
	Approvers []Approver
	Grant     string   // "" if there is none
	Ran       []string // the sessions that its grant let run
	Notes     []string // what could not be checked
}

// Check judges all requests that the entries tell of, and all decisions that grants let run. The entries are in the log's order, and
// proven. An empty list of findings means that what ran was approved.
func Check(entries []audit.Entry, policies [][]byte) ([]Approved, []Finding) {
	t := read(entries, policies)
	list := make([]Approved, 0, len(t.order))
	for _, id := range t.order {
		list = append(list, t.judge(t.requests[id]))
	}
	for _, d := range t.decisions {
		t.ran(d, list)
	}
	return list, t.findings
}

func (t *told) wrong(seq int64, request, format string, args ...any) {
	t.findings = append(t.findings, Finding{seq, request, fmt.Sprintf(format, args...)})
}

// judge checks one request with its votes, and its grant.
func (t *told) judge(a *asked) Approved {
	r := a.request
	out := Approved{Request: r, Hash: r.Hash()}
	name, g := t.grantOf(r.ID)
	granted := g != nil
	for _, v := range a.votes {
		if granted && v.seq > g.made {
			t.wrong(v.seq, r.ID, "person:%s answers after it was granted", v.vote.By)
		}
		if who, good := t.judgeVote(a, v); good {
			r.Votes = append(r.Votes, v.vote)
			if v.vote.Yes {
				out.Approvers = append(out.Approvers, who)
			}
		}
	}
	if granted {
		out.Grant = name
		t.judgeGrant(a, r, g, &out)
	} else if a.end == string(access.Approved) {
		t.wrong(a.seq, r.ID, "it is said to be approved, and the grant is not here")
	}
	return out
}

// grantOf is the grant that was made from a request.
func (t *told) grantOf(request string) (string, *granted) {
	for name, g := range t.grants {
		if g.made > 0 && g.grant.Request == request {
			return name, g
		}
	}
	return "", nil
}

// judgeVote checks one answer. A no needs no proof.
func (t *told) judgeVote(a *asked, v voted) (Approver, bool) {
	r, person := a.request, v.vote.By
	before := len(t.findings)
	switch {
	case v.actor != "person:"+person:
		t.wrong(v.seq, r.ID, "the vote of person:%s is noted as by %s", person, v.actor)
	case v.hash != r.Hash():
		t.wrong(v.seq, r.ID, "person:%s answered another request than this", person)
	case v.vote.At.Before(r.Made.Add(-time.Second)) || !v.vote.At.Before(r.Expires):
		t.wrong(v.seq, r.ID, "person:%s answered while it was not pending", person)
	case slices.Contains(r.Barred, person) || v.vote.For != "" && slices.Contains(r.Barred, v.vote.For):
		t.wrong(v.seq, r.ID, "it serves person:%s, who decided about it", person)
	case v.vote.For != "" && !t.stoodIn(v.vote.For, person, v.vote.At, v.seq):
		t.wrong(v.seq, r.ID, "person:%s answered in the place of person:%s, and nothing says that they might", person, v.vote.For)
	}
	who := Approver{Person: person, For: v.vote.For, Kind: v.vote.Proof.Kind, At: v.vote.At}
	if v.vote.Yes && len(t.findings) == before {
		s, err := prove(r, v.vote.Proof)
		if err != nil {
			t.wrong(v.seq, r.ID, "the approval of person:%s does not hold: %v", person, err)
		} else if why := t.notTheirs(first(v.policy, r.Policy), person, v.vote.Proof, v.seq); why != "" {
			t.wrong(v.seq, r.ID, "the approval of person:%s does not hold: %s", person, why)
		}
		who.Key, who.Origin = s.key, s.origin
	}
	return who, len(t.findings) == before
}

// notTheirs says why a key is not shown to be that person's, by that policy and the log before.
func (t *told) notTheirs(hash, person string, proof access.Proof, before int64) string {
	if proof.Kind == access.PasskeyProof {
		if t.ownPasskey(person, proof, before) {
			return ""
		}
		return "no entry registers this passkey for them"
	}
	p := t.policies[hash]
	switch {
	case p == nil:
		return "the policy that lists their keys is not here"
	case !slices.ContainsFunc(p.ApprovalKeys(person), func(k []byte) bool { return bytes.Equal(k, proof.Key) }):
		return "the policy does not list this key for them"
	}
	return ""
}

// judgeGrant checks that a request was met when it was granted, and that the grant is what was asked for. r has the votes that hold.
func (t *told) judgeGrant(a *asked, r access.Request, g *granted, out *Approved) {
	switch {
	case g.made < a.seq:
		t.wrong(g.made, r.ID, "its grant is older than it")
	case !g.grant.Scope.Same(r.Scope) || g.grant.By != r.By:
		t.wrong(g.made, r.ID, "its grant gives something else than was approved")
	case g.grant.Ends.Sub(g.grant.Made) > time.Duration(r.Scope.Seconds)*time.Second:
		t.wrong(g.made, r.ID, "its grant lives longer than was approved")
	}
	if r.Scope.Glass {
		t.judgeGlass(a, out)
		return
	}
	p := t.policies[first(g.policy, r.Policy)]
	if p == nil {
		t.wrong(g.made, r.ID, "the policy %s is not here, so that nobody can say whether enough people approved it", first(g.policy, r.Policy))
		return
	}
	for _, v := range r.Votes {
		if why := access.Conflict(p, r.By, v.By); why != "" {
			t.wrong(g.made, r.ID, "the approval of person:%s does not count: %s", v.By, why)
		}
	}
	if met, missing := access.Ready(p, r); !met {
		t.wrong(g.made, r.ID, "it was granted, and not enough people approved it: it needs %s", missing)
	}
}

// judgeGlass checks that whoever took a privilege in an emergency has proven that it was them.
func (t *told) judgeGlass(a *asked, out *Approved) {
	out.Notes = append(out.Notes, "taken in an emergency: nobody approved it before")
	person, isPerson := strings.CutPrefix(a.request.By.Principal, "person:")
	_, err := prove(a.request, a.proof)
	switch why := t.notTheirs(first(a.policy, a.request.Policy), person, a.proof, a.seq); {
	case !isPerson:
		t.wrong(a.seq, a.request.ID, "it was taken by %s, who is no person", a.request.By.Principal)
	case err != nil:
		t.wrong(a.seq, a.request.ID, "the proof of %s does not hold: %v", a.request.By.Principal, err)
	case why != "":
		t.wrong(a.seq, a.request.ID, "the proof of %s does not hold: %s", a.request.By.Principal, why)
	}
}

// ran checks that what a decision let run is what its grants give.
func (t *told) ran(d decided, list []Approved) {
	for _, name := range d.grants {
		g := t.grants[name]
		if g == nil || g.made == 0 {
			t.wrong(d.entry.Seq, name, "it ran by this grant, which is not here")
			continue
		}
		i := slices.IndexFunc(list, func(a Approved) bool { return a.Request.ID == g.grant.Request })
		if i < 0 {
			t.wrong(d.entry.Seq, name, "the request %q that it was made from is not here", g.grant.Request)
			continue
		}
		if why := differs(d, g); why != "" {
			t.wrong(d.entry.Seq, g.grant.Request, "what ran is not what was approved: %s", why)
		}
		list[i].Ran = append(list[i].Ran, d.entry.Session)
		if uses := g.grant.Scope.Uses; uses > 0 && int64(len(list[i].Ran)) > uses {
			t.wrong(d.entry.Seq, g.grant.Request, "it ran %d times, and %d were approved", len(list[i].Ran), uses)
		}
	}
}

// differs says in what a decision is not what a grant gives; empty if it is.
func differs(d decided, g *granted) string {
	s, e := g.grant.Scope, d.entry
	switch {
	case e.Seq < g.made || g.ended > 0 && e.Seq > g.ended || !e.Time.Before(g.grant.Ends.Add(time.Second)):
		return "the grant did not live then"
	case e.Actor != g.grant.By.Principal || e.Task != g.grant.By.Task:
		return fmt.Sprintf("it ran for %s, task %q", e.Actor, e.Task)
	case !slices.Contains(s.Targets, e.Target):
		return fmt.Sprintf("it ran on %q", e.Target)
	case s.Login != "" && string(s.Login) != e.Login:
		return fmt.Sprintf("it ran as %q", e.Login)
	case s.Kind != access.CommandScope:
		return ""
	case d.data.Final == nil:
		return "no plan is noted"
	}
	ran := access.Command{Plan: *d.data.Final, Env: d.data.Env, PTY: d.data.PTY, Stdin: s.Command.Stdin, Mode: s.Command.Mode, Files: d.data.Files}
	files, alike := ran.Changed(*s.Command)
	if s.Role != "" && s.Command.Plan.ValidateFinal() != nil { // approved with the role that it runs under, as it was asked
		ran.Plan, ran.Files = d.data.Plan, s.Command.Files
		files, alike = ran.Changed(*s.Command)
	}
	switch {
	case !alike:
		return "another command: " + cut(d.data.Final.String())
	case len(files) > 0:
		return "these files had changed: " + cut(strings.Join(files, ", "))
	}
	return ""
}

// What says in a line what a request is for.
func What(r access.Request) string {
	switch {
	case r.Scope.Command != nil:
		return r.Scope.Command.Plan.String()
	case r.Scope.Pattern != "":
		return "whatever matches " + r.Scope.Pattern
	}
	return "the role " + r.Scope.Role
}

func cut(s string) string { return s[:min(len(s), 200)] }

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
