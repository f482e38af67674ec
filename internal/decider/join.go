package decider

import (
	"context"
	"errors"
	"time"

	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/decider/registry"
	"gatehouse/internal/id"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

// joinPrefix says what a secret is to whoever finds it, and to programs that look for leaked ones.
const joinPrefix = "ghjoin_"

// maxJoinTTL is the longest life of a join token.
const maxJoinTTL = 24 * time.Hour

// proveJoin looks a join token up. It is used up with the certificate: a crash in between burns it.
func (d *Decider) proveJoin(ctx context.Context, in protocol.Enrol, p *proof) error {
	p.by = string(policy.ByJoin)
	t, err := d.facts.JoinToken(ctx, in.JoinToken)
	if errors.Is(err, registry.ErrNotFound) {
		return refuseFor(reasonJoinToken, "this is no join token, or it has expired or was removed; ask for a new one")
	}
	if err != nil {
		return err
	}
	p.detail["join_token"] = t.ID
	switch {
	case t.Agent != in.Agent:
		return refuseFor(reasonJoinToken, "this join token is for another agent")
	case !t.Used.IsZero():
		return joinSpent(registry.ErrUsed)
	case !d.cfg.Now().Before(t.Expires):
		return refuseFor(reasonJoinToken, "this join token has expired; ask for a new one")
	}
	if err := d.currentPolicy().Enrols(in.Agent, policy.Proof{Method: policy.ByJoin}); err != nil {
		return refuseFor(reasonNotAllowed, "%s", err.Error())
	}
	p.shown = &policy.Proof{Method: policy.ByJoin}
	p.spend = func(ctx context.Context) error {
		return joinSpent(d.facts.UseJoinToken(ctx, in.JoinToken, in.Agent, d.cfg.Now()))
	}
	return nil
}

func joinSpent(err error) error {
	switch {
	case errors.Is(err, registry.ErrUsed):
		return refuseFor(reasonReplayed, "this join token has been used; if that was not you, somebody else has a certificate: tell an administrator")
	case errors.Is(err, registry.ErrNotFound):
		return refuseFor(reasonJoinToken, "this join token has expired or was removed; ask for a new one")
	}
	return err
}

// createJoin makes a join token at the word of root on this machine.
func (d *Decider) createJoin(ctx context.Context, in protocol.JoinCreate) (protocol.JoinCreated, error) {
	now := d.cfg.Now().UTC().Truncate(time.Second)
	t := registry.JoinToken{ID: id.New(id.JoinToken, now), Agent: in.Agent, By: "local:" + cut(in.By, maxID), Made: now, Expires: now.Add(in.TTL)}
	err := d.currentPolicy().Enrols(in.Agent, policy.Proof{Method: policy.ByJoin})
	switch {
	case err != nil:
		return protocol.JoinCreated{}, refuse("%s (the agent needs enrol: [join])", err.Error())
	case in.TTL < time.Second || in.TTL > maxJoinTTL:
		return protocol.JoinCreated{}, refuse("a join token may live from 1s to %s, not %s", maxJoinTTL, in.TTL)
	}
	secret := joinPrefix + newSecret()
	entry := audit.Entry{Type: audit.Enrol, Actor: t.By, Object: "agent:" + t.Agent, Outcome: "ok", Policy: d.PolicyHash(),
		Data: data(map[string]any{"by": "join", "what": "created", "join_token": t.ID, "expires": t.Expires})}
	err = d.change(ctx, entry, func(commit func() error) error {
		err := d.facts.AddJoinToken(ctx, secret, t, now, commit)
		if errors.Is(err, registry.ErrFull) {
			return refuse("too many join tokens are open; remove some (gatehouse join-token list)")
		}
		return err
	})
	if err != nil {
		return protocol.JoinCreated{}, err
	}
	return protocol.JoinCreated{Secret: secret, Token: joinToken(t)}, nil
}

func joinToken(t registry.JoinToken) protocol.JoinToken {
	return protocol.JoinToken{ID: t.ID, Agent: t.Agent, By: t.By, Made: t.Made, Expires: t.Expires, Used: t.Used}
}

func (d *Decider) listJoin(ctx context.Context, _ protocol.Empty) (protocol.JoinList, error) {
	list, err := d.facts.JoinTokens(ctx, d.cfg.Now())
	out := protocol.JoinList{Tokens: []protocol.JoinToken{}}
	for _, t := range list {
		out.Tokens = append(out.Tokens, joinToken(t))
	}
	return out, err
}

func (d *Decider) removeJoin(ctx context.Context, in protocol.Remove) (protocol.Empty, error) {
	return d.remove(ctx, in, "join", d.facts.RemoveJoinToken)
}

// remove takes something out of the registry.
func (d *Decider) remove(ctx context.Context, in protocol.Remove, by string, from func(context.Context, string, func() error) error) (protocol.Empty, error) {
	entry := audit.Entry{Type: audit.Enrol, Actor: "local:" + cut(in.By, maxID), Object: cut(in.Name, maxID), Outcome: "ok",
		Data: data(map[string]any{"by": by, "what": "removed"})}
	return protocol.Empty{}, d.change(ctx, entry, func(commit func() error) error {
		err := from(ctx, in.Name, commit)
		if errors.Is(err, registry.ErrNotFound) {
			return refuse("there is no %q", cut(in.Name, maxID))
		}
		return err
	})
}
