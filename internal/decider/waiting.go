package decider

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gatehouse/ca"
	"gatehouse/internal/decider/registry"
)

// maxWaiting bounds the names in one answer.
const maxWaiting = 50

// waiting lists whom a step of a rotation would shut out, as far as is known here, and what is not known. An empty first list
// means that the step may be taken.
func (d *Decider) waiting(ctx context.Context, m ca.Manifest, name ca.Name, step ca.Step) (waiting, notes []string, err error) {
	switch {
	case name == ca.NameAgent && (step == ca.Retire || step == ca.UndoPrepare):
		waiting = d.liveUntil(m, name, step)
	case name == ca.NameTarget && step == ca.Switch:
		waiting, err = d.targetsWithout(ctx, m)
	case name == ca.NameHost && (step == ca.Retire || step == ca.UndoPrepare):
		waiting, err = d.targetsShowing(ctx, m, step)
	case name == ca.NameFace && step == ca.Switch:
		waiting, notes, err = d.clientsWithout(ctx, m)
	}
	if n := len(waiting) - maxWaiting; n > 0 {
		waiting = append(waiting[:maxWaiting:maxWaiting], fmt.Sprintf("and %d more", n))
	}
	return waiting, notes, err
}

// liveUntil says whether certificates by the key that goes may still be valid.
func (d *Decider) liveUntil(m ca.Manifest, name ca.Name, step ca.Step) []string {
	gone, ok := m.Removes(name, step)
	if !ok || gone.LastEnd == nil || !d.cfg.Now().Before(*gone.LastEnd) {
		return nil
	}
	return []string{fmt.Sprintf("certificates by %s may be valid until %s", gone.Fingerprint, gone.LastEnd.Format(time.RFC3339))}
}

// targetsWithout are the targets that were not seen to accept a certificate by the next key of the target CA.
func (d *Decider) targetsWithout(ctx context.Context, m ca.Manifest) ([]string, error) {
	next, _ := m.Key(ca.NameTarget, ca.Next)
	seen, err := d.facts.Trust(ctx, registry.TrustTarget)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, name := range d.remoteTargets(false) {
		if !slices.ContainsFunc(seen, func(s registry.Seen) bool { return s.Name == name && s.Fingerprint == next.Fingerprint }) {
			out = append(out, fmt.Sprintf("target %s was not seen to accept %s: run gatehouse targets enroll %s there, then gatehouse targets check %s", name, next.Fingerprint, name, name))
		}
	}
	return out, nil
}

// targetsShowing are the targets of the host CA that were last seen with a certificate by another key than the one that stays.
func (d *Decider) targetsShowing(ctx context.Context, m ca.Manifest, step ca.Step) ([]string, error) {
	stays, _ := m.Key(ca.NameHost, ca.Active)
	gone, _ := m.Removes(ca.NameHost, step)
	seen, err := d.facts.Trust(ctx, registry.TrustHost)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, name := range d.remoteTargets(true) {
		i := slices.IndexFunc(seen, func(s registry.Seen) bool { return s.Name == name }) // the latest first
		switch {
		case i < 0 && step == ca.Retire:
			out = append(out, fmt.Sprintf("target %s was not seen since: connect to it, or run gatehouse targets check %s", name, name))
		case i >= 0 && seen[i].Fingerprint == gone.Fingerprint:
			out = append(out, fmt.Sprintf("target %s shows a host certificate by %s: run gatehouse ca sign-host --target %s and install what it writes, to have it by %s", name, gone.Fingerprint, name, stays.Fingerprint))
		}
	}
	return out, nil
}

// clientsWithout are the identities that were given a known_hosts with the key of the face CA that signs now, and none since with
// the next. Whoever got theirs in another way is not known here.
func (d *Decider) clientsWithout(ctx context.Context, m ca.Manifest) (waiting, notes []string, err error) {
	now, _ := m.Key(ca.NameFace, ca.Active)
	next, _ := m.Key(ca.NameFace, ca.Next)
	seen, err := d.facts.Trust(ctx, registry.TrustFace)
	if err != nil {
		return nil, nil, err
	}
	has := map[string]bool{}
	for _, s := range seen {
		if s.Fingerprint == next.Fingerprint {
			has[s.Name] = true
		}
	}
	for _, s := range seen {
		if s.Fingerprint == now.Fingerprint && !has[s.Name] {
			waiting = append(waiting, fmt.Sprintf("%s has a known_hosts with %s alone, since %s", s.Name, now.Fingerprint, s.At.Format(time.RFC3339)))
		}
	}
	return waiting, []string{"clients whose known_hosts did not come from a renewal or a login are not known here: give them both lines of gatehouse ssh-config"}, nil
}

// remoteTargets are the targets of the inventory that are reached over the network, with those of the host CA only or all.
func (d *Decider) remoteTargets(hostCA bool) []string {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var out []string
	for name, t := range d.inventory.Targets {
		if !t.Local && !t.Gatehouse && (t.HostCA || !hostCA) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}
