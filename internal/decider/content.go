package decider

import (
	"context"

	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
	"gatehouse/policy/access"
)

// Why a target is looked at, in the log's entry about it; a look for a decision that needs no people says nothing.
const (
	lookApproval = "approval" // the files that a command names, of which an approval is bound to every byte
	lookPreview  = "preview"  // what whoever decides is shown
)

// contents turns the answer into the questions that must be answered before anybody is asked: what is in the files that the
// command names. It reports false once all are known. A door that lies about them is in docs/taken-over-door.md.
func (r *ruling) contents() bool {
	probes := r.out.Decision.ContentProbes(r.in.Facts)
	if len(probes) == 0 {
		return false
	}
	r.out.Decision = policy.Decision{Verdict: policy.Look, Probes: probes, PolicyHash: r.out.Decision.PolicyHash}
	return true
}

// files are what an approval of the command is bound to.
func (r *ruling) files() []access.FileState { return r.out.Decision.Files(r.in.Facts) }

// preview lets the door look at what a command names for which people are asked now, and at nothing for any other.
func (d *Decider) preview(ctx context.Context, r *ruling) (protocol.Decided, error) {
	req, err := d.access.Request(ctx, r.in.Preview)
	asked := err == nil && req.State == access.Pending && req.By == requester(r.who) && req.Scope.Targets[0] == r.in.Target && req.Scope.Login == policy.Login(r.in.Login)
	if !asked || r.out.Decision.Verdict != policy.Ask || req.Scope.Command == nil || !req.Scope.Command.Same(r.command()) {
		return protocol.Decided{}, refuse("nobody is asked about this command by %q, so there is nothing to look at", cut(r.in.Preview, maxID))
	}
	r.out.Decision = policy.Decision{Verdict: policy.Look, Probes: r.out.Decision.ContentProbes(policy.Facts{Home: r.in.Facts.Home}), PolicyHash: r.out.Decision.PolicyHash}
	return d.look(ctx, r)
}

// purpose is why a look is granted.
func (r *ruling) purpose() string {
	switch {
	case r.in.Preview != "":
		return lookPreview
	case len(r.out.Decision.Probes) > 0 && r.out.Decision.Probes[0].Kind == policy.ProbeContent:
		return lookApproval
	}
	return ""
}
