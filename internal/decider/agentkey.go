package decider

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/ca"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/decider/registry"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

// renewTime is how long a connection by a registered key may last.
const renewTime = time.Minute

const onlyRenews = "a registered key only renews: ssh BASTION renew; connect with the certificate that it prints"

// authenticateKey lets a key that an administrator registered in, to renew and for nothing else. Every other key is refused as
// plain keys are; why a registered one is refused, only its holder hears.
func (d *Decider) authenticateKey(ctx context.Context, in protocol.Authenticate, source netip.Addr) (protocol.Authenticated, error) {
	if len(in.Certificate) > 0 {
		return protocol.Authenticated{}, invalid("authenticate takes a certificate or a key")
	}
	known, err := d.registered(ctx, in.Key)
	if err != nil || !in.Proven {
		if err != nil && in.Proven {
			return protocol.Authenticated{}, d.refuseConnection(ctx, in, err)
		}
		return protocol.Authenticated{NotAfter: d.cfg.Now().Add(renewTime).UTC(), RenewOnly: true}, err
	}
	pol := d.currentPolicy()
	who, _ := pol.Identity(policy.Agent, known.Agent, "")
	err = pol.Enrols(known.Agent, policy.Proof{Method: policy.ByKey})
	c := &connection{id: in.Connection, kind: policy.Agent, name: known.Agent, source: source, notAfter: d.cfg.Now().Add(renewTime).UTC(),
		grant: ca.Grant{By: string(policy.ByKey)}, key: known.Fingerprint, keyWire: in.Key, renewOnly: true}
	if why := d.objection(pol, c); err == nil && why != "" {
		err = refuse("%s", why)
	}
	if err == nil && (in.Target != "" || in.Outer != "") {
		err = refuse("%s", onlyRenews)
	}
	if err != nil {
		return protocol.Authenticated{}, d.refuseConnection(ctx, in, refusal(err))
	}
	return protocol.Authenticated{Identity: who, NotAfter: c.notAfter, RenewOnly: true}, d.register(ctx, in, c, who, "")
}

// registered looks a plain key up. An unknown one is refused in the words that every plain key is refused in.
func (d *Decider) registered(ctx context.Context, wire []byte) (registry.AgentKey, error) {
	key, err := ssh.ParsePublicKey(wire)
	if err != nil {
		return registry.AgentKey{}, refuse("%s", ca.ClientLine(ca.ErrMalformed))
	}
	known, err := d.facts.AgentKey(ctx, ssh.FingerprintSHA256(key))
	if errors.Is(err, registry.ErrNotFound) {
		return registry.AgentKey{}, refuse("%s", ca.ClientLine(ca.ErrNotCertificate))
	}
	return known, err
}

// addKey registers an agent's key at the word of root on this machine.
func (d *Decider) addKey(ctx context.Context, in protocol.KeyAdd) (protocol.AgentKey, error) {
	key, err := ca.ParseClientKey(in.PublicKey)
	if err != nil {
		return protocol.AgentKey{}, refuse("%s", err.Error())
	}
	if err := d.currentPolicy().Enrols(in.Agent, policy.Proof{Method: policy.ByKey}); err != nil {
		return protocol.AgentKey{}, refuse("%s (the agent needs enrol: [key])", err.Error())
	}
	if len(in.Comment) > maxID || strings.ContainsFunc(in.Comment, func(r rune) bool { return r < ' ' || r > '~' }) {
		return protocol.AgentKey{}, refuse("the comment is one line of at most %d printable ASCII characters", maxID)
	}
	k := registry.AgentKey{Fingerprint: ssh.FingerprintSHA256(key), Type: key.Type(), Agent: in.Agent, Comment: in.Comment, By: "local:" + cut(in.By, maxID),
		Made: d.cfg.Now().UTC().Truncate(time.Second)}
	entry := audit.Entry{Type: audit.Enrol, Actor: k.By, Object: "agent:" + k.Agent, Outcome: "ok", Policy: d.PolicyHash(),
		Data: data(map[string]any{"by": "key", "what": "registered", "key": k.Fingerprint, "comment": k.Comment})}
	return agentKey(k), d.change(ctx, entry, func(commit func() error) error { return keyRefusal(d.facts.AddAgentKey(ctx, k, commit), k) })
}

func keyRefusal(err error, k registry.AgentKey) error {
	switch {
	case errors.Is(err, registry.ErrTaken):
		return refuse("the key %s is registered already (gatehouse keys list); one key is one agent's", k.Fingerprint)
	case errors.Is(err, registry.ErrFull):
		return refuse("agent:%s, or the registry, has as many keys as it may; remove some (gatehouse keys list)", k.Agent)
	}
	return err
}

// change alters the registry with its entry in the log: the entry is durable before the alteration is. What is refused, and
// would have been logged as done otherwise, has no entry; if it fails after the entry, a second one says so.
func (d *Decider) change(ctx context.Context, entry audit.Entry, alter func(commit func() error) error) error {
	logged := false
	err := alter(func() error {
		err := d.append(ctx, entry)
		logged = err == nil
		return err
	})
	if err != nil && logged {
		entry.Outcome, entry.Reason = "failed", cut(err.Error(), maxText)
		return errors.Join(err, d.append(ctx, entry))
	}
	return err
}

func agentKey(k registry.AgentKey) protocol.AgentKey {
	return protocol.AgentKey{Fingerprint: k.Fingerprint, Type: k.Type, Agent: k.Agent, Comment: k.Comment, By: k.By, Made: k.Made}
}

func (d *Decider) listKeys(ctx context.Context, _ protocol.Empty) (protocol.KeyList, error) {
	list, err := d.facts.AgentKeys(ctx)
	out := protocol.KeyList{Keys: []protocol.AgentKey{}}
	for _, k := range list {
		out.Keys = append(out.Keys, agentKey(k))
	}
	return out, err
}

func (d *Decider) removeKey(ctx context.Context, in protocol.Remove) (protocol.Empty, error) {
	return d.remove(ctx, in, "key", d.facts.RemoveAgentKey)
}
