package decider

import (
	"context"
	"net/netip"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/ca"
	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

// faceTTL is how long a face certificate lives; the door renews it at half of that.
const faceTTL = 24 * time.Hour

// hello is what the door needs to begin.
func (d *Decider) hello() (protocol.HelloAnswer, error) {
	return protocol.HelloAnswer{Node: d.cfg.Node, Trust: d.trust(), InputRecipient: d.input.Recipient().String(),
		PolicyHash: d.PolicyHash(), Targets: d.inventoryTargets(), At: d.cfg.Now().UTC()}, nil
}

// issue makes a certificate that opens the door, at the word of root on this machine. More than the policy grants is
// refused, never cut.
func (d *Decider) issue(ctx context.Context, in protocol.Issue) (protocol.Issued, error) {
	sources, err := prefixes(in.Sources)
	if err != nil {
		return protocol.Issued{}, err
	}
	want := policy.CertificateRequest{Kind: in.Kind, Name: in.Name, Task: in.Task, TTL: in.TTL, Sources: sources}
	return d.certify(ctx, want, in.PublicKey, proof{actor: "local:" + in.By, by: "local"})
}

// prefixes reads networks as requests write them.
func prefixes(texts []string) ([]netip.Prefix, error) {
	var list []netip.Prefix
	for _, s := range texts {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, invalid("source %q is not a prefix such as 10.0.0.0/8", s)
		}
		list = append(list, p)
	}
	return list, nil
}

// face certifies a key that the door shows to clients, for its own names or for one target of the inventory.
func (d *Decider) face(ctx context.Context, in protocol.Face) (protocol.FaceAnswer, error) {
	names := d.cfg.Names
	if in.Target != "" {
		t, known := d.target(in.Target)
		if !known || t.Gatehouse {
			return protocol.FaceAnswer{}, refuse("no target %q", in.Target)
		}
		names = append([]string{in.Target}, t.Aliases...)
	}
	key, err := ssh.ParsePublicKey(in.PublicKey)
	if err != nil {
		return protocol.FaceAnswer{}, invalid("public key: %v", err)
	}
	cert, err := d.cas.Face.Issue(ca.FaceRequest{PublicKey: key, Principals: names, TTL: faceTTL})
	if err := d.signed(ctx, "face", err, invalid); err != nil {
		return protocol.FaceAnswer{}, err
	}
	notAfter := time.Unix(int64(cert.ValidBefore), 0).UTC()
	entry := audit.Entry{Type: audit.CertIssue, Actor: "door", Target: in.Target, Object: cert.KeyId, Outcome: "ok", Serial: ca.Serial(cert.Serial).String(),
		Data: data(map[string]any{"ca": "face", "names": names, "not_after": notAfter, "key": ssh.FingerprintSHA256(key)})}
	if in.Target == "" { // without its own face nobody recognises the door, and nothing can be stopped through it
		d.noteAlways(ctx, entry)
	} else {
		err = d.append(ctx, entry)
	}
	return protocol.FaceAnswer{Certificate: cert.Marshal(), NotAfter: notAfter}, err
}

// sweep certifies the one line that ends what is left of a session's processes on its target.
func (d *Decider) sweep(ctx context.Context, in protocol.Sweep) (protocol.SweepAnswer, error) {
	t, known := d.target(in.Target)
	if !known || t.Local || !t.HasLogin(in.Login) {
		return protocol.SweepAnswer{}, refuse("no target %q with login %q", in.Target, in.Login)
	}
	line, err := d.sweepLine(in)
	if err != nil {
		return protocol.SweepAnswer{}, err
	}
	key, err := ssh.ParsePublicKey(in.PublicKey)
	if err != nil {
		return protocol.SweepAnswer{}, invalid("public key: %v", err)
	}
	who := policy.Identity{Kind: policy.Agent, Name: "gatehouse-sweep"}
	cert, err := d.cas.Target.Issue(ca.TargetRequest{PublicKey: key, Target: in.Target, Login: policy.Login(in.Login), Identity: who,
		Request: in.Session, Connection: in.Session, TTL: ca.MaxPinnedTTL, ForceCommand: line})
	if err := d.signed(ctx, "target", err, invalid); err != nil {
		return protocol.SweepAnswer{}, err
	}
	swept := audit.Entry{Type: audit.Sweep, Actor: "door", Session: in.Session, Target: in.Target, Login: in.Login, Outcome: "ok", Reason: cut(in.Reason, maxText)}
	if in.Do != "" {
		swept.Data = data(map[string]any{"do": in.Do})
	}
	if err := d.append(ctx, swept, d.certEntry(cert, who, in.Session, in.Target, in.Login, true)); err != nil {
		return protocol.SweepAnswer{}, err
	}
	return protocol.SweepAnswer{Certificate: cert.Marshal(), Line: line}, nil
}

// signHost certifies a target's host key, at the word of root on this machine.
func (d *Decider) signHost(ctx context.Context, in protocol.SignHost) (protocol.Issued, error) {
	if t, known := d.target(in.Target); !known || t.Local || t.Gatehouse {
		return protocol.Issued{}, refuse("the inventory has no remote target %q", in.Target)
	}
	key, err := ssh.ParsePublicKey(in.PublicKey)
	if err != nil {
		return protocol.Issued{}, invalid("public key: %v", err)
	}
	cert, err := d.cas.Host.Issue(ca.HostRequest{PublicKey: key, Target: in.Target, TTL: in.TTL})
	if err := d.signed(ctx, "host", err, refuse); err != nil {
		return protocol.Issued{}, err
	}
	notAfter := time.Unix(int64(cert.ValidBefore), 0).UTC()
	err = d.append(ctx, audit.Entry{Type: audit.CertIssue, Actor: "local:" + in.By, Target: in.Target, Object: cert.KeyId, Outcome: "ok",
		Serial: ca.Serial(cert.Serial).String(), Data: data(map[string]any{"ca": "host", "not_after": notAfter, "key": ssh.FingerprintSHA256(key)})})
	return protocol.Issued{Certificate: cert.Marshal(), KeyID: cert.KeyId, Serial: cert.Serial, NotAfter: notAfter}, err
}
