package decider

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/ca"
	"gatehouse/ca/krl"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/revoke"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

// Bounds of an exported list. A name revokes whatever was issued to it, but OpenSSH's lists know no names: the certificates that
// still live are looked up in the audit log's tail, which has every one, durable before it left. That costs issuing nothing and
// keeps nothing in memory; what bounds it is how long a certificate can live and how much of the log may be read.
const (
	maxTail = 2 << 30   // bytes of the log
	maxKRL  = 700 << 10 // bytes of the list, so that it fits a frame
)

// exportKRL writes what is revoked as OpenSSH reads it.
func (d *Decider) exportKRL(ctx context.Context, in protocol.ExportKRL) (protocol.KRL, error) {
	if in.By == "" {
		return protocol.KRL{}, invalid("say who on this machine asks")
	}
	keys, err := d.caKeys(in.CA)
	if err != nil {
		return protocol.KRL{}, err
	}
	contents, err := d.krlContents(in.CA, keys)
	if err != nil {
		return protocol.KRL{}, err
	}
	if contents.Version, err = d.facts.NextKRLVersion(ctx, d.cfg.Now()); err != nil {
		return protocol.KRL{}, err
	}
	list, err := krl.New(contents)
	if err != nil {
		return protocol.KRL{}, refuse("%v", err)
	}
	out := protocol.KRL{KRL: list.Marshal(), Version: contents.Version, Keys: len(contents.SHA256)}
	if of := list.Contents().Certificates; len(of) > 0 { // each trusted key of the CA has the same
		for _, r := range of[0].Serials {
			out.Serials += int(r.Last - r.First + 1)
		}
	}
	if len(out.KRL) > maxKRL {
		return protocol.KRL{}, refuse("the list has %d bytes, %d at most: revoke the CA's key instead, or lift what is over", len(out.KRL), maxKRL)
	}
	err = d.append(ctx, audit.Entry{Type: audit.Read, Actor: "local:" + cut(in.By, maxID), Outcome: "ok", Policy: d.PolicyHash(),
		Data: data(map[string]any{"verb": "krl", "ca": in.CA, "version": out.Version, "serials": out.Serials, "keys": out.Keys})})
	return out, err
}

// caKeys are the keys of a CA that others are told to trust: two during a rotation.
func (d *Decider) caKeys(name string) ([]ssh.PublicKey, error) {
	switch name {
	case "agent":
		return d.cas.Agent.PublicKeys(), nil
	case "target":
		return d.cas.Target.PublicKeys(), nil
	case "host":
		return d.cas.Host.PublicKeys(), nil
	case "face":
		return d.cas.Face.PublicKeys(), nil
	}
	return nil, invalid("%q is none of the CAs agent, target, host and face", cut(name, maxID))
}

// krlContents is what stands, in a list's terms: serials of the CA's certificates, fingerprints of keys and CA keys.
func (d *Decider) krlContents(caName string, keys []ssh.PublicKey) (krl.Contents, error) {
	now := d.cfg.Now()
	c := krl.Contents{Generated: now.UTC().Truncate(time.Second), Comment: "gatehouse " + d.cfg.Node + " " + caName + " CA"}
	var serials []krl.Range
	named := false
	for _, r := range d.revoked.Standing() {
		for _, h := range r.Handles {
			if sum, ok := h.Digest(); ok {
				c.SHA256 = append(c.SHA256, sum)
			} else if n := h.Serial(); n != 0 {
				serials = append(serials, krl.Range{First: n, Last: n})
			} else {
				named = true
			}
		}
	}
	if named && caName == "agent" {
		more, err := d.revokedSerials(now)
		if err != nil {
			return krl.Contents{}, err
		}
		serials = append(serials, more...)
	}
	for _, key := range keys { // a serial is one certificate's, whichever key signed it
		c.Certificates = append(c.Certificates, krl.Certificates{CA: key, Serials: serials})
	}
	return c, nil
}

// issuedData is what an entry of type issue says besides.
type issuedData struct {
	NotAfter   time.Time `json:"not_after"`
	Key        string    `json:"key"`
	Delegation string    `json:"delegation"`
}

// revokedSerials are the certificates of agents and people that still live and something stands against.
func (d *Decider) revokedSerials(now time.Time) ([]krl.Range, error) {
	var out []krl.Range
	pol := d.currentPolicy()
	since := now.Add(-ca.MaxPersonTTL - time.Minute)
	err := audit.Tail(LogDir(d.cfg.Dir), since, []byte(`"type":"`+string(audit.Issue)+`"`), maxTail, func(e audit.Entry) error {
		serial, revoked, err := d.issuedRevoked(pol, e, now)
		if err != nil {
			return fmt.Errorf("audit entry %d: %w", e.Seq, err)
		}
		if revoked {
			out = append(out, krl.Range{First: serial, Last: serial})
		}
		return nil
	})
	if err != nil {
		return nil, refuse("which certificates are still good cannot be told: %v; revoke the CA's key instead", err)
	}
	return out, nil
}

// issuedRevoked reads an entry of type issue. The owner of an agent is both the one that it had and the one that it has.
func (d *Decider) issuedRevoked(pol *policy.Policy, e audit.Entry, now time.Time) (serial uint64, revoked bool, err error) {
	if e.Type != audit.Issue || e.Serial == "" {
		return 0, false, nil
	}
	var more issuedData
	if err := json.Unmarshal(e.Data, &more); err != nil {
		return 0, false, err
	}
	if !now.Before(more.NotAfter) {
		return 0, false, nil
	}
	h, err := revoke.Parse("certificate:" + e.Serial)
	if err != nil {
		return 0, false, err
	}
	who, err := revoke.Parse(e.Object)
	if err != nil {
		return 0, false, err
	}
	s := revoke.Subject{Kind: policy.Kind(who.Kind), Name: who.Value, Owner: e.Owner, Task: e.Task, Delegation: more.Delegation, Key: more.Key}
	if d.revokedLine(s) != "" {
		return h.Serial(), true, nil
	}
	if id, known := pol.Identity(s.Kind, s.Name, ""); known {
		s.Owner = id.Owner
	}
	return h.Serial(), d.revokedLine(s) != "", nil
}
