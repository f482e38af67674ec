package decider

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/crypto/ssh"

	"gatehouse/ca"
	"gatehouse/internal/config"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/decider/registry"
	"gatehouse/recorder/audit"
)

// targetPage is how many targets one answer holds: with 64 logins of 63 characters each they fit into a frame.
const targetPage = 100

// targets is a page of the inventory in force.
func (d *Decider) targets(ctx context.Context, in protocol.Targets) (protocol.TargetList, error) {
	all := d.inventoryTargets()
	start := 0
	for start < len(all) && in.After != "" && all[start].Name <= in.After {
		start++
	}
	page := all[start:min(len(all), start+targetPage)]
	out := protocol.TargetList{Targets: page, More: start+len(page) < len(all), HostCAs: wires(d.cas.Host.PublicKeys())}
	for _, k := range d.cas.Manifest().Keys(ca.NameTarget) {
		if !k.State.Trusted() {
			continue
		}
		key, err := k.Public()
		if err != nil {
			return protocol.TargetList{}, err
		}
		out.TargetCAs = append(out.TargetCAs, protocol.TargetCA{PublicKey: key.Marshal(), State: string(k.State)})
	}
	seen, err := d.facts.Trust(ctx, registry.TrustTarget)
	if err != nil {
		return protocol.TargetList{}, err
	}
	for _, s := range seen {
		if slices.ContainsFunc(page, func(t protocol.Target) bool { return t.Name == s.Name }) {
			out.Seen = append(out.Seen, protocol.TrustSeen{Target: s.Name, Fingerprint: s.Fingerprint, At: s.At})
		}
	}
	return out, nil
}

// remoteTarget is a target of the inventory that is not this machine.
func (d *Decider) remoteTarget(name string) (config.Target, error) {
	t, known := d.target(name)
	if !known || t.Local || t.Gatehouse {
		return config.Target{}, refuse("the inventory has no remote target %q", name)
	}
	return t, nil
}

// enrolTarget says what a target is to trust, for the script that makes a host that target.
func (d *Decider) enrolTarget(ctx context.Context, in protocol.EnrolTarget) (protocol.TargetTrust, error) {
	t, err := d.remoteTarget(in.Target)
	if err != nil {
		return protocol.TargetTrust{}, err
	}
	details := map[string]any{"undo": in.Undo, "logins": t.Logins}
	if len(in.HostKey) > 0 {
		key, err := ssh.ParsePublicKey(in.HostKey)
		if err != nil {
			return protocol.TargetTrust{}, invalid("host key: %v", err)
		}
		if err := fitsPin(t, key); err != nil {
			return protocol.TargetTrust{}, refuse("%v", err)
		}
		details["host_key"] = ssh.FingerprintSHA256(key)
	}
	var prints []string
	for _, key := range d.cas.Target.PublicKeys() {
		prints = append(prints, ssh.FingerprintSHA256(key))
	}
	details["target_cas"] = prints
	if err := d.append(ctx, audit.Entry{Type: audit.TargetEnrol, Actor: "local:" + cut(in.By, maxID), Target: in.Target, Outcome: "ok", Data: data(details)}); err != nil {
		return protocol.TargetTrust{}, err
	}
	return protocol.TargetTrust{Target: protocol.Target{Name: in.Target, Address: t.Address, Logins: t.Logins}, TargetCAs: wires(d.cas.Target.PublicKeys())}, nil
}

// fitsPin says whether a key may be certified for a target: where the inventory pins one, it is that one.
func fitsPin(t config.Target, key ssh.PublicKey) error {
	if t.HostKey == "" {
		return nil
	}
	pinned, _, _, _, err := ssh.ParseAuthorizedKey([]byte(t.HostKey))
	if err != nil {
		return fmt.Errorf("pinned host key: %w", err)
	}
	if string(pinned.Marshal()) != string(key.Marshal()) {
		return fmt.Errorf("the inventory pins host key %s, and this one is %s: one of them is another host's", ssh.FingerprintSHA256(pinned), ssh.FingerprintSHA256(key))
	}
	return nil
}
