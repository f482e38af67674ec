package decider

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"gatehouse/ca"
	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/internal/revoke"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

// Bounds of what is said about revocations.
const (
	maxRevokeReason = 500 // characters
	maxNamed        = 100 // sessions that an answer names
	maxListed       = 100 // revocations in one answer

	// A certificate's revocation is kept for as long as any certificate can live, and this much longer: clocks step.
	revokeMargin = 24 * time.Hour
)

// loadRevocations puts in force what the registry has. What a crash kept out of the log is noted now.
func (d *Decider) loadRevocations(ctx context.Context) error {
	all, unnoted, err := d.facts.Revocations(ctx)
	if err != nil {
		return err
	}
	for _, r := range all {
		d.revoked.Add(r)
		if !unnoted[r.ID] {
			continue
		}
		if err := d.append(ctx, revokeEntries(r, "", "", map[string]any{"noted": "at the start after a crash"})...); err != nil {
			return err
		}
		if err := d.facts.NoteRevocation(ctx, r.ID); err != nil {
			return err
		}
	}
	return nil
}

// revokeEntries are a revocation's entries, one for each handle.
func revokeEntries(r revoke.Revocation, conn, policyHash string, more map[string]any) []audit.Entry {
	details := map[string]any{"id": r.ID}
	if !r.Until.IsZero() {
		details["until"] = r.Until
	}
	for k, v := range more {
		details[k] = v
	}
	var list []audit.Entry
	for _, h := range r.Handles {
		list = append(list, audit.Entry{Type: audit.Revoke, Actor: r.By, Conn: conn, Object: h.String(), Outcome: "ok", Reason: r.Reason, Policy: policyHash, Data: data(details)})
	}
	return list
}

// revokeAsked makes a revocation at the word of a person with the right.
func (d *Decider) revokeAsked(ctx context.Context, in protocol.Revoke) (protocol.Revoked, error) {
	by, err := d.revoker(ctx, in.Who, in.By, "revoke", strings.Join(in.Handles, " "), in.Reason)
	if err != nil {
		return protocol.Revoked{}, err
	}
	return d.makeRevocation(ctx, by, in)
}

// revokeLocal makes one at the word of root on this machine.
func (d *Decider) revokeLocal(ctx context.Context, in protocol.Revoke) (protocol.Revoked, error) {
	by, err := localRevoker(in.Who, in.By)
	if err != nil {
		return protocol.Revoked{}, err
	}
	return d.makeRevocation(ctx, by, in)
}

// caller is who revokes, lifts or lists. Who is the zero Identity for root.
type caller struct {
	who  policy.Identity
	name string
	conn string
}

func localRevoker(who protocol.Credential, by string) (caller, error) {
	if by == "" || who != (protocol.Credential{}) {
		return caller{}, invalid("say who on this machine asks, and nobody else")
	}
	return caller{name: "local:" + cut(by, maxID)}, nil
}

// revoker authorises a person at the door. A refusal is in the log when it returns.
func (d *Decider) revoker(ctx context.Context, who protocol.Credential, by, verb, object, reason string) (caller, error) {
	if by != "" {
		return caller{}, invalid("the door does not speak for this machine's root")
	}
	person, conn, err := d.actor(who)
	if err != nil {
		return caller{}, err
	}
	c := caller{who: person, name: person.Principal(), conn: conn}
	need, allowed := permits(verb, d.currentPolicy().Rights(person))
	if allowed {
		return c, nil
	}
	return caller{}, d.refuseRevoker(ctx, c, object, reason, refuse("%q needs the right %q, which no role of %s has", verb, need, c.name))
}

// refuseRevoker notes a refusal and returns it.
func (d *Decider) refuseRevoker(ctx context.Context, c caller, object, reason string, why error) error {
	err := d.append(ctx, audit.Entry{Type: audit.Revoke, Actor: c.name, Conn: c.conn, Object: cut(object, maxText), Outcome: "deny", Reason: why.Error(), Policy: d.PolicyHash(),
		Data: data(map[string]any{"reason": cut(reason, maxText)})})
	if err != nil {
		return err
	}
	return why
}

// makeRevocation stores, notes and then enforces, in this order: after a crash in the middle what was stored stands.
func (d *Decider) makeRevocation(ctx context.Context, by caller, in protocol.Revoke) (protocol.Revoked, error) {
	ctx = context.WithoutCancel(ctx) // who asked may be ended by it
	r, err := d.readRevocation(by, in)
	if err != nil {
		return protocol.Revoked{}, err
	}
	if err := d.putInForce(ctx, by, r); err != nil {
		return protocol.Revoked{}, err
	}
	out := d.endUnfit() // a door that does not listen holds no other revocation up
	out.ID, out.SignIns = r.ID, d.endSignIns(r.Handles)
	d.recheckAccess(ctx)
	d.cfg.Log.Warn("revoked", "id", r.ID, "what", handleTexts(r.Handles), "by", r.By, "reason", r.Reason, "connections", out.Connections)
	return out, d.facts.NoteRevocation(ctx, r.ID)
}

// putInForce makes a revocation durable, then noted, then true.
func (d *Decider) putInForce(ctx context.Context, by caller, r revoke.Revocation) error {
	d.revoking.Lock()
	defer d.revoking.Unlock()
	if err := d.makeRoom(ctx, len(r.Handles)); err != nil {
		return err
	}
	if err := d.facts.AddRevocation(ctx, r); err != nil {
		return err
	}
	if err := d.append(ctx, revokeEntries(r, by.conn, d.PolicyHash(), nil)...); err != nil {
		return errors.Join(err, d.facts.RemoveRevocations(ctx, r.ID))
	}
	d.revoked.Add(r)
	return nil
}

// readRevocation checks everything about a request: whoever sent it.
func (d *Decider) readRevocation(by caller, in protocol.Revoke) (revoke.Revocation, error) {
	now := d.cfg.Now().UTC().Truncate(time.Second)
	r := revoke.Revocation{ID: id.New(id.Revocation, now), By: by.name, Reason: in.Reason, At: now}
	if len(in.Handles) == 0 || len(in.Handles) > revoke.MaxHandles {
		return r, invalid("%d handles: want 1 to %d", len(in.Handles), revoke.MaxHandles)
	}
	for _, text := range in.Handles {
		h, err := revoke.Parse(text)
		if err != nil {
			return r, invalid("%v", err)
		}
		if slices.Contains(r.Handles, h) {
			return r, invalid("%s is named twice", h)
		}
		r.Handles = append(r.Handles, h)
	}
	if err := checkReason(in.Reason); err != nil {
		return r, err
	}
	if !in.Until.IsZero() {
		if r.Until = in.Until.UTC().Truncate(time.Second); !r.Until.After(now) {
			return r, invalid("%s is over already", r.Until.Format(time.RFC3339))
		}
	}
	return r, nil
}

func checkReason(reason string) error {
	if strings.TrimSpace(reason) == "" || utf8.RuneCountInString(reason) > maxRevokeReason || console.Visible(reason) != reason {
		return invalid("a revocation needs a reason: one line of at most %d characters", maxRevokeReason)
	}
	return nil
}

// makeRoom forgets what is over when the bound is near, and refuses at the bound.
func (d *Decider) makeRoom(ctx context.Context, n int) error {
	if d.revoked.Room(n) == nil {
		return nil
	}
	var spent []string
	for _, r := range d.revoked.Spent(max(ca.MaxHostTTL, ca.MaxFaceTTL), revokeMargin) {
		spent = append(spent, r.ID)
	}
	if err := d.facts.RemoveRevocations(ctx, spent...); err != nil {
		return err
	}
	for _, id := range spent {
		d.revoked.Remove(id)
	}
	if err := d.revoked.Room(n); err != nil {
		return refuse("%v", err)
	}
	return nil
}

func handleTexts(handles []revoke.Handle) []string {
	list := []string{}
	for _, h := range handles {
		list = append(list, h.String())
	}
	return list
}

// listRevocations answers a page of what stands.
func (d *Decider) listRevocations(in protocol.ListRevocations) protocol.Revocations {
	out := protocol.Revocations{List: []protocol.Revocation{}}
	for _, r := range d.revoked.Standing() {
		if r.ID <= in.After {
			continue
		}
		if len(out.List) == maxListed {
			out.Next = out.List[maxListed-1].ID
			break
		}
		out.List = append(out.List, protocol.Revocation{ID: r.ID, Handles: handleTexts(r.Handles), By: r.By, Reason: r.Reason, At: r.At, Until: r.Until})
	}
	return out
}

// revocationsAsked lists for a person with a right; reading is an action.
func (d *Decider) revocationsAsked(ctx context.Context, in protocol.ListRevocations) (protocol.Revocations, error) {
	if in.By != "" {
		return protocol.Revocations{}, invalid("the door does not speak for this machine's root")
	}
	if _, err := d.authorize(ctx, protocol.Authorize{Who: in.Who, Verb: "revocations"}); err != nil {
		return protocol.Revocations{}, err
	}
	return d.listRevocations(in), nil
}

// revocationsLocal lists for root on this machine, who can read the registry itself.
func (d *Decider) revocationsLocal(_ context.Context, in protocol.ListRevocations) (protocol.Revocations, error) {
	if _, err := localRevoker(in.Who, in.By); err != nil {
		return protocol.Revocations{}, err
	}
	return d.listRevocations(in), nil
}
