package decider

import (
	"context"
	"slices"
	"strings"

	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/revoke"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

// liftAsked lifts a revocation at the word of an administrator whom it does not concern.
func (d *Decider) liftAsked(ctx context.Context, in protocol.Lift) (protocol.Lifted, error) {
	by, err := d.revoker(ctx, in.Who, in.By, "revoke.lift", cut(in.ID, maxID), in.Reason)
	if err != nil {
		return protocol.Lifted{}, err
	}
	return d.lift(ctx, by, in)
}

// liftLocal lifts one at the word of root on this machine.
func (d *Decider) liftLocal(ctx context.Context, in protocol.Lift) (protocol.Lifted, error) {
	by, err := localRevoker(in.Who, in.By)
	if err != nil {
		return protocol.Lifted{}, err
	}
	return d.lift(ctx, by, in)
}

// lift notes, forgets and then lets go, in this order: after a crash in the middle what is revoked still stands.
func (d *Decider) lift(ctx context.Context, by caller, in protocol.Lift) (protocol.Lifted, error) {
	ctx = context.WithoutCancel(ctx)
	if err := checkReason(in.Reason); err != nil {
		return protocol.Lifted{}, err
	}
	d.revoking.Lock()
	defer d.revoking.Unlock()
	r, ok := d.revoked.Find(in.ID)
	if !ok {
		return protocol.Lifted{}, invalid("no revocation %q stands, or more than one begins so; gatehouse revocations lists them", cut(in.ID, maxID))
	}
	if by.who.Name != "" {
		if why := mayLift(d.currentPolicy(), by.who, r); why != "" {
			return protocol.Lifted{}, d.refuseRevoker(ctx, by, strings.Join(handleTexts(r.Handles), " "), in.Reason, refuse("%s", why))
		}
	}
	var entries []audit.Entry
	for _, e := range revokeEntries(r, by.conn, d.PolicyHash(), map[string]any{"lifted": true, "by": r.By, "was": r.Reason}) {
		e.Actor, e.Reason = by.name, in.Reason
		entries = append(entries, e)
	}
	if err := d.append(ctx, entries...); err != nil {
		return protocol.Lifted{}, err
	}
	if err := d.facts.RemoveRevocations(ctx, r.ID); err != nil {
		return protocol.Lifted{}, err
	}
	d.revoked.Remove(r.ID)
	d.cfg.Log.Warn("revocation lifted", "id", r.ID, "what", handleTexts(r.Handles), "by", by.name, "reason", in.Reason)
	return protocol.Lifted{ID: r.ID, Handles: handleTexts(r.Handles), Still: d.stillRevoked(r.Handles)}, nil
}

// stillRevoked are the ids of what stands for any of these.
func (d *Decider) stillRevoked(handles []revoke.Handle) []string {
	var still []string
	for _, r := range d.revoked.Standing() {
		if len(still) < maxNamed && slices.ContainsFunc(r.Handles, func(h revoke.Handle) bool { return slices.Contains(handles, h) }) {
			still = append(still, r.ID)
		}
	}
	return still
}

// mayLift says why a person may not lift a revocation; empty if they may. Nobody lifts what concerns themselves or an agent that
// they own, and where nobody can say whom it concerns, only root lifts it.
func mayLift(pol *policy.Policy, who policy.Identity, r revoke.Revocation) string {
	for _, h := range r.Handles {
		var concerns []string
		switch h.Kind {
		case revoke.Person:
			concerns = []string{h.Value}
		case revoke.Agent:
			concerns = pol.Owners(h.Value)
		case revoke.Owner:
			concerns = pol.OwnersOf(h.Value)
		}
		if len(concerns) == 0 {
			return "whom " + h.String() + " concerns is not known here; root lifts it on the machine: gatehouse revoke --lift " + r.ID
		}
		if slices.Contains(concerns, who.Name) {
			return h.String() + " concerns " + who.Principal() + ", and nobody lifts their own; ask another administrator"
		}
	}
	return ""
}
