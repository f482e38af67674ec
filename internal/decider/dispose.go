package decider

import (
	"context"
	"encoding/hex"
	"slices"

	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
	"gatehouse/recorder/retain"
)

// permitsKeeping says whether rights are enough for a verb about what becomes of recordings. What cannot be undone needs two.
func permitsKeeping(verb string, rights []policy.Right) (need policy.Right, ok bool) {
	has := func(r policy.Right) bool { return slices.Contains(rights, r) }
	switch verb {
	case "sessions.holds":
		return policy.View, has(policy.View)
	case "sessions.hold":
		return policy.Review, has(policy.Review) || has(policy.Administer)
	case "recording.shred":
		return policy.Administer + " and " + policy.Review, has(policy.Administer) && has(policy.Review)
	}
	return policy.Administer, has(policy.Administer)
}

// outlived reports whether there is such a rule and it can have removed the recording: it bounds a size, or the session began
// longer ago than it keeps.
func (d *Decider) outlived(in protocol.Dispose) bool {
	began, _ := id.Time(in.Session) // which is valid
	return slices.ContainsFunc(d.cfg.Keep, func(r retain.Rule) bool {
		if r.String() != in.Why {
			return false
		}
		return r.MaxSize > 0 || r.Keep > 0 && d.cfg.Now().Sub(began) >= r.Keep
	})
}

// dispose notes that a recording or its key is about to be destroyed, before it is.
func (d *Decider) dispose(ctx context.Context, in protocol.Dispose) (protocol.Empty, error) {
	if sum, err := hex.DecodeString(in.SHA256); err != nil || len(sum) != 32 || !id.Valid(id.Session, in.Session) || in.Size <= 0 {
		return protocol.Empty{}, invalid("%q, %q, %d bytes name no recording", in.Session, in.SHA256, in.Size)
	}
	if d.running(in.Session) {
		return protocol.Empty{}, refuse("the session %s is live: its recording has not ended", in.Session)
	}
	entry := audit.Entry{Session: in.Session, Outcome: "ok", Policy: d.PolicyHash(), Data: data(audit.Disposed{SHA256: in.SHA256, Size: in.Size})}
	nobody := in.Who == protocol.Credential{}
	switch {
	case in.Kind == "deleted" && nobody:
		if !d.outlived(in) {
			return protocol.Empty{}, refuse("no rule of retention %q removes %s now", cut(in.Why, maxText), in.Session)
		}
		entry.Type, entry.Rule = audit.RecDelete, in.Why
		return protocol.Empty{}, d.append(ctx, entry)
	case in.Kind != "shredded" || nobody:
		return protocol.Empty{}, invalid("a rule deletes and a person shreds, and %q is neither", in.Kind)
	}
	who, conn, err := d.actor(in.Who)
	if err != nil {
		return protocol.Empty{}, err
	}
	entry.Type, entry.Actor, entry.Owner, entry.Conn, entry.Reason = audit.RecShred, who.Principal(), who.Owner, conn, cut(in.Why, maxText)
	need, allowed := permitsKeeping("recording.shred", d.currentPolicy().Rights(who))
	if !allowed {
		entry.Outcome = "deny"
	}
	if err := d.append(ctx, entry); err != nil {
		return protocol.Empty{}, err
	}
	if !allowed {
		return protocol.Empty{}, refuse("to shred a recording needs the rights %q, which no roles of %s have", need, who.Principal())
	}
	return protocol.Empty{}, nil
}
