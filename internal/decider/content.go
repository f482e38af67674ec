package decider

import (
	"context"

	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
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

// preview lets the door look at what a command names that waits for people, and at nothing for any other.
func (d *Decider) preview(ctx context.Context, r *ruling) (protocol.Decided, error) {
	if !id.Valid(id.Access, r.in.Preview) {
		return protocol.Decided{}, invalid("%q is no request's id", r.in.Preview)
	}
	if r.out.Decision.Verdict != policy.Ask {
		return protocol.Decided{}, refuse("nobody is asked about this command, so there is nothing to look at for %s", r.in.Preview)
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
