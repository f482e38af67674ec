package decider

import (
	"context"
	"slices"
	"strings"

	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

// permits says whether rights are enough for a verb. A verb that is not here is refused to everybody.
func permits(verb string, rights []policy.Right) (need policy.Right, ok bool) {
	switch verb {
	case "whoami":
		return "", true
	case "sessions.list", "sessions.show", "sessions.play", "sessions.tail", "sessions.export", "sessions.search", verbAudit:
		need = policy.View
	case "kill":
		need = policy.Operate
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
	who, conn, err := d.actor(in.Who)
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
	if in.Verb == "kill" {
		entry.Type = audit.Kill
	}
	need, allowed := permits(in.Verb, rights)
	if !allowed {
		entry.Outcome = "deny"
	}
	if err := d.append(ctx, entry); err != nil {
		return protocol.Actor{}, err
	}
	if !allowed {
		return protocol.Actor{}, refuse("%q needs the right %q, which no role of %s has", in.Verb, need, who.Principal())
	}
	if in.Verb == "kill" {
		d.endConnections(in.Object, who.Principal(), "this connection was ended by "+who.Principal())
		d.endKilled(ctx, in.Object, who.Principal())
	}
	out := protocol.Actor{Principal: who.Principal()}
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

// endConnections makes the connections that a kill means unable to ask for anything more, whatever the door does: those of
// the session, the identity or the target that object names, or all. The killer's own goes on.
func (d *Decider) endConnections(object, by, reason string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	dead := map[string]bool{}
	for name, s := range d.sessions {
		if name == object || object == "target:"+s.request.Target {
			dead[s.conn] = true
		}
	}
	for _, c := range d.conns {
		principal := string(c.kind) + ":" + c.name
		if dead[c.id] || object == principal || (object == "all" && principal != by) {
			c.ended = reason
		}
	}
}
