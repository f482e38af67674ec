package decider

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
	"gatehouse/policy/access"
	"gatehouse/recorder/audit"
)

// Bounds of what people write about privileges.
const (
	maxAccessWords  = 500 // characters of a reason, or of an answer's words
	maxAccessTicket = 100 // characters
	maxAccessPage   = 100 // requests or grants in one answer
)

// handleAccess is what the door asks about privileges.
func (d *Decider) handleAccess(ctx context.Context, op protocol.Op, body json.RawMessage) (any, error) {
	switch op {
	case protocol.OpAccessAsk:
		return call(ctx, body, d.accessAsk)
	case protocol.OpAccessRequests:
		return call(ctx, body, d.accessRequests)
	case protocol.OpAccessShow:
		return call(ctx, body, d.accessShow)
	case protocol.OpAccessWithdraw:
		return call(ctx, body, d.accessWithdraw)
	case protocol.OpAccessChallenge:
		return call(ctx, body, d.accessChallenge)
	case protocol.OpAccessAnswer:
		return call(ctx, body, d.accessAnswer)
	case protocol.OpAccessGrants:
		return call(ctx, body, d.accessGrants)
	case protocol.OpAccessEnd:
		return call(ctx, body, d.accessEnd)
	case protocol.OpAccessBeat:
		return call(ctx, body, d.accessBeat)
	case protocol.OpAccessReview:
		return call(ctx, body, d.accessReview)
	case protocol.OpAccessPreview:
		return call(ctx, body, d.accessPreview)
	case protocol.OpAccessAway:
		return call(ctx, body, d.accessAway)
	case protocol.OpAccessTicket:
		return call(ctx, body, d.accessTicket)
	}
	return d.handleAlerts(ctx, op, body)
}

// handleAccessAdmin is what root on this machine asks about them: to see, and to end. Root neither asks nor approves: those are people
// of the policy, each with a proof of their own.
func (d *Decider) handleAccessAdmin(ctx context.Context, op protocol.Op, body json.RawMessage) (any, error) {
	switch op {
	case protocol.OpAccessRequests:
		return call(ctx, body, d.accessRequestsLocal)
	case protocol.OpAccessShow:
		return call(ctx, body, d.accessShowLocal)
	case protocol.OpAccessGrants:
		return call(ctx, body, d.accessGrantsLocal)
	case protocol.OpAccessEnd:
		return call(ctx, body, d.accessEndLocal)
	}
	return d.handleAlertsAdmin(ctx, op, body)
}

// asker is who asks about privileges.
type asker struct {
	who    policy.Identity // zero: root on this machine
	name   string          // principal, or "local:NAME"
	conn   string
	signIn *signIn // of a browser; nil
	rights []policy.Right
}

func (a asker) root() bool { return a.who.Kind == "" }

// person is a person's name; "" for an agent and for root.
func (a asker) person() string {
	if a.who.Kind != policy.Person {
		return ""
	}
	return a.who.Name
}

func (a asker) has(r policy.Right) bool { return slices.Contains(a.rights, r) }

// requester is an identity as privileges know it.
func requester(who policy.Identity) access.Requester {
	return access.Requester{Principal: who.Principal(), Owner: who.Owner, Task: who.Task, Delegation: who.Delegation}
}

// accessAsker resolves whoever asks at the door.
func (d *Decider) accessAsker(c protocol.Credential, by string) (asker, error) {
	if by != "" {
		return asker{}, invalid("the door does not speak for this machine's root")
	}
	if c.SignIn != "" && c.Connection == "" {
		in, who, err := d.signedIn(c)
		return asker{who: who, name: who.Principal(), signIn: &in, rights: d.currentPolicy().Rights(who)}, err
	}
	who, conn, err := d.actor(c)
	return asker{who: who, name: who.Principal(), conn: conn, rights: d.currentPolicy().Rights(who)}, err
}

// localAsker is root on this machine.
func localAsker(c protocol.Credential, by string) (asker, error) {
	if by == "" || c != (protocol.Credential{}) {
		return asker{}, invalid("say who on this machine asks, and nobody else")
	}
	return asker{name: "local:" + cut(by, maxID)}, nil
}

// owns reports whether whoever asks is that requester, or one of its owners: a person answers for the agents that they own, alone or
// as one of a group.
func (d *Decider) owns(a asker, by access.Requester) bool {
	if a.root() {
		return false
	}
	if by.Principal == a.name {
		return true
	}
	agent, isAgent := strings.CutPrefix(by.Principal, "agent:")
	return isAgent && a.person() != "" && slices.Contains(d.currentPolicy().Owners(agent), a.person())
}

// words checks what a person wrote: one line, bounded, nothing hidden in it. Empty is allowed.
func words(text, what string, most int) (string, error) {
	text = strings.TrimSpace(text)
	if utf8.RuneCountInString(text) > most || console.Visible(text) != text {
		return "", invalid("%s is one line of at most %d characters", what, most)
	}
	return text, nil
}

// refuseAccess notes a refusal about privileges and returns it.
func (d *Decider) refuseAccess(ctx context.Context, a asker, kind audit.Type, object string, why error) error {
	err := d.append(ctx, audit.Entry{Type: kind, Actor: a.name, Owner: a.who.Owner, Task: a.who.Task, Conn: a.conn, Object: cut(object, maxID), Outcome: "deny", Reason: cut(why.Error(), maxText), Policy: d.PolicyHash()})
	if err != nil {
		return err
	}
	return refusal(why)
}
