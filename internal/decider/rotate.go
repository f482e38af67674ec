package decider

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"

	"gatehouse/ca"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/decider/registry"
	"gatehouse/recorder/audit"
)

// trust is what the door is to believe.
func (d *Decider) trust() protocol.Trust {
	return protocol.Trust{AgentCAs: wires(d.cas.Agent.PublicKeys()), HostCAs: wires(d.cas.Host.PublicKeys()), FaceCA: d.cas.Face.PublicKey().Marshal()}
}

func wires(keys []ssh.PublicKey) [][]byte {
	var out [][]byte
	for _, k := range keys {
		out = append(out, k.Marshal())
	}
	return out
}

// hostSeen notes by which key of the host CA a target's host certificate is. The door may lie: a rotation can then wait too long,
// or not long enough for that target, which is refused from then on.
func (d *Decider) hostSeen(ctx context.Context, in protocol.HostSeen) (protocol.Empty, error) {
	if t, known := d.target(in.Target); !known || !t.HostCA || !d.cas.Host.Trusts(in.Fingerprint) {
		return protocol.Empty{}, refuse("no target %q of the host CA shows a certificate by %q", in.Target, in.Fingerprint)
	}
	return protocol.Empty{}, d.facts.SawTrust(ctx, registry.TrustHost, in.Target, in.Fingerprint, d.cfg.Now())
}

// caStatus says where the four CAs are.
func (d *Decider) caStatus(ctx context.Context, _ protocol.Empty) (protocol.CAStatus, error) {
	var out protocol.CAStatus
	for _, name := range ca.Names() {
		c, err := d.caOne(ctx, name)
		if err != nil {
			return protocol.CAStatus{}, err
		}
		out.CAs = append(out.CAs, c)
	}
	return out, nil
}

func (d *Decider) caOne(ctx context.Context, name ca.Name) (protocol.CA, error) {
	m := d.cas.Manifest()
	step, err := m.NextStep(name, false)
	if err != nil {
		return protocol.CA{}, err
	}
	waiting, notes, err := d.waiting(ctx, m, name, step)
	out := protocol.CA{Name: string(name), Signer: d.cas.Describe(name), Phase: string(m.Phase(name)), Next: string(step), Waiting: waiting, Notes: notes}
	for _, k := range m.Keys(name) {
		key := protocol.CAKey{Generation: k.Generation, Name: k.Name, State: string(k.State), Since: k.Since, Fingerprint: k.Fingerprint, PublicKey: k.PublicKey}
		if k.LastEnd != nil {
			key.LastEnd = *k.LastEnd
		}
		out.Keys = append(out.Keys, key)
	}
	return out, err
}

// caRotate takes one step, at the word of root on this machine. What would shut somebody known out is refused unless it is
// forced. Refusals are in the log too.
func (d *Decider) caRotate(ctx context.Context, in protocol.CARotate) (protocol.CARotated, error) {
	d.rotation.Lock()
	defer d.rotation.Unlock()
	name := ca.Name(in.CA)
	if !slices.Contains(ca.Names(), name) {
		return protocol.CARotated{}, invalid("%q is no CA: agent, target, host and face are", cut(in.CA, maxID))
	}
	m := d.cas.Manifest()
	step, err := m.NextStep(name, in.Undo)
	if err != nil {
		return protocol.CARotated{}, d.rotationRefused(ctx, in, "undo", err)
	}
	waiting, _, err := d.waiting(ctx, m, name, step)
	if err != nil {
		return protocol.CARotated{}, err
	}
	if len(waiting) > 0 && !in.Force {
		return protocol.CARotated{}, d.rotationRefused(ctx, in, step, fmt.Errorf("%s of the %s CA would shut out, or waits for:\n  %s\ngo on with --force only if that may be", step, name, strings.Join(waiting, "\n  ")))
	}
	done, err := d.cas.Rotate(name, step, func(r ca.Rotated) error { return d.append(ctx, d.rotationEntry(in, r, waiting)) })
	if err != nil {
		return protocol.CARotated{}, d.rotationRefused(ctx, in, step, err)
	}
	d.cfg.Log.Warn("CA rotation", "ca", in.CA, "step", string(step), "change", done.Change, "signs", done.Signs.Fingerprint, "by", in.By)
	ended := d.believed(ctx, done)
	out := protocol.CARotated{Step: string(step), Change: done.Change, Ended: ended, Forced: waiting}
	out.CA, err = d.caOne(ctx, name)
	return out, err
}

// rotationRefused notes why a step was not taken, and answers so.
func (d *Decider) rotationRefused(ctx context.Context, in protocol.CARotate, step ca.Step, why error) error {
	var own *protocol.Error
	if errors.As(why, &own) {
		return own
	}
	entry := audit.Entry{Type: audit.Rotate, Actor: "local:" + cut(in.By, maxID), Object: in.CA, Outcome: "deny", Reason: cut(why.Error(), maxText),
		Data: data(map[string]any{"step": step})}
	if err := d.append(ctx, entry); err != nil {
		return err
	}
	return refuse("%s", why.Error())
}

func (d *Decider) rotationEntry(in protocol.CARotate, r ca.Rotated, waiting []string) audit.Entry {
	details := map[string]any{"step": r.Step, "change": r.Change, "signs": r.Signs.Fingerprint}
	if r.Other != nil {
		details["trusted"] = r.Other.Fingerprint
	}
	if r.Ends != nil {
		details["ends"] = r.Ends.Fingerprint
	}
	if len(waiting) > 0 {
		details["forced"] = waiting
	}
	return audit.Entry{Type: audit.Rotate, Actor: "local:" + cut(in.By, maxID), Object: string(r.CA), Outcome: "ok", Policy: d.PolicyHash(), Data: data(details)}
}

// believed tells the door what it is to believe now, and ends what stood on a key that is trusted no more.
func (d *Decider) believed(ctx context.Context, r ca.Rotated) (ended int) {
	d.mu.RLock()
	door := d.door
	d.mu.RUnlock()
	if door != nil {
		if err := door.Event(protocol.EventTrust, d.trust()); err != nil {
			d.cfg.Log.Error("tell the door of the CA keys", "error", err)
		}
	}
	if r.Ends == nil {
		return 0
	}
	if err := d.facts.ForgetTrust(ctx, r.Ends.Fingerprint); err != nil {
		d.cfg.Log.Warn("forget who trusted a retired CA key", "error", err)
	}
	if r.CA != ca.NameAgent {
		return 0
	}
	d.endStrangers()
	return d.endUnfit().Connections
}
