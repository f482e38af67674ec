package decider

import (
	"context"
	"slices"
	"strings"

	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
	"gatehouse/policy/access"
	"gatehouse/recorder/audit"
)

// permits says whether rights are enough for a verb. A verb that is not here is refused to everybody.
func permits(verb string, rights []policy.Right) (need policy.Right, ok bool) {
	switch verb {
	case "whoami":
		return "", true
	case "sessions.list", "sessions.show", "sessions.play", "sessions.tail", "sessions.export", "sessions.search", verbAudit:
		need = policy.View
	case "kill", "pause", "resume", "lock", "unlock":
		need = policy.Operate
	case "alerts.test", "alerts.resend":
		need = policy.Administer
	case "locks", "alerts":
		return policy.View, slices.Contains(rights, policy.View) || slices.Contains(rights, policy.Operate)
	case verbUnmask:
		need = policy.Unmask
	case "revoke":
		return policy.Operate, slices.Contains(rights, policy.Operate) || slices.Contains(rights, policy.Administer)
	case "revoke.lift":
		need = policy.Administer
	case "revocations":
		return policy.View, slices.ContainsFunc(rights, func(r policy.Right) bool { return r == policy.View || r == policy.Operate || r == policy.Administer })
	case "sessions.hold", "sessions.unhold", "sessions.holds", "recording.shred":
		return permitsKeeping(verb, rights)
	case "web-login":
		return "any", len(rights) > 0
	default:
		return "unknown", false
	}
	return need, slices.Contains(rights, need)
}

// authorize decides a verb of the console or the browser. Reading is an action: the entry is durable before the answer,
// for refusals too (invariant 10).
func (d *Decider) authorize(ctx context.Context, in protocol.Authorize) (protocol.Actor, error) {
	stopping := slices.Contains(stoppingVerbs, in.Verb)
	find := d.actor
	if stopping {
		find = d.stopper
	}
	who, conn, err := find(in.Who)
	if err != nil {
		return protocol.Actor{}, err
	}
	if in.Verb == verbUnmask && strings.TrimSpace(in.Reason) == "" {
		return protocol.Actor{}, invalid("showing what is masked needs a reason")
	}
	in.Verb, in.Object, in.Reason = cut(in.Verb, maxID), cut(in.Object, maxText), cut(in.Reason, maxText)
	rights := d.currentPolicy().Rights(who)
	entry := audit.Entry{Type: audit.Read, Actor: who.Principal(), Owner: who.Owner, Conn: conn, Object: in.Object, Reason: in.Reason,
		Outcome: "allow", Policy: d.PolicyHash(), Data: data(map[string]any{"verb": in.Verb})}
	if slices.Contains([]string{"kill", "pause", "resume"}, in.Verb) {
		entry.Type = audit.Kill
	}
	need, allowed := permits(in.Verb, rights)
	refusal := d.refuseUnderAll(in.Verb)
	if !allowed {
		refusal = refuse("%q needs the right %q, which no role of %s has", in.Verb, need, who.Principal())
	}
	if refusal != nil {
		entry.Outcome = "deny"
	}
	if stopping {
		d.noteAlways(ctx, entry)
	} else if err := d.append(ctx, entry); err != nil {
		return protocol.Actor{}, err
	}
	if refusal != nil {
		return protocol.Actor{}, refusal
	}
	out := protocol.Actor{Principal: who.Principal()}
	if entry.Type == audit.Kill {
		if out.Meant, err = d.stop(ctx, in, who.Principal()); err != nil {
			return protocol.Actor{}, err
		}
	}
	for _, r := range rights {
		out.Rights = append(out.Rights, string(r))
	}
	return out, nil
}

// actor resolves a credential: a connection that this process authenticated, or a sign-in that it handed out.
func (d *Decider) actor(c protocol.Credential) (policy.Identity, string, error) {
	switch {
	case c.Connection != "" && c.SignIn == "":
		conn, who, err := d.connected(c.Connection)
		return who, conn.id, err
	case c.SignIn != "" && c.Connection == "":
		_, who, err := d.signedIn(c)
		return who, "", err
	}
	return policy.Identity{}, "", invalid("a credential is a connection or a sign-in")
}

// stop does what a kill, a pause or a resume is about at the decider, and returns the sessions and connections that it means.
func (d *Decider) stop(ctx context.Context, in protocol.Authorize, by string) (meant []string, err error) {
	what := scopeOf(in.Object)
	sessions, connections := d.meant(what)
	switch in.Verb {
	case "pause":
		err = d.pause(what, by, in.Reason)
	case "resume":
		d.resume(what)
	default:
		end := d.ender(what, by, access.CauseKilled, "ended with what was killed by "+by+": "+cut(in.Reason, maxRevokeReason))
		d.endConnections(what, by, "this connection was ended by "+by)
		d.endPrivileges(context.WithoutCancel(ctx), killTime, end)
	}
	meant = append(connections, sessions...) // sorted, as the prefixes are
	return meant[:min(len(meant), maxMeant)], err
}
