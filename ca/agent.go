package ca

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"strings"
	"time"

	"gatehouse/policy"

	"golang.org/x/crypto/ssh"
)

// The longest lives of certificates that open the door.
const (
	MaxAgentTTL  = time.Hour
	MaxPersonTTL = 8 * time.Hour
)

// maxSources bounds the prefixes in a source-address option.
const maxSources = 16

// AgentCA signs and checks the certificates of agents and people. They open the door and nothing else. Safe for
// concurrent use.
type AgentCA struct{ authority }

// NewAgentCA returns the CA of agents and people.
func NewAgentCA(cfg Config) (*AgentCA, error) {
	a, err := newAuthority(cfg, MaxPersonTTL)
	if err != nil {
		return nil, fmt.Errorf("agent CA: %w", err)
	}
	return &AgentCA{a}, nil
}

// AgentRequest asks for a certificate of an agent or a person.
type AgentRequest struct {
	Kind      policy.Kind
	Name      string
	Owner     string // agents only, "person:NAME" or "group:NAME"; for the logs: whose an agent is, policy says
	Task      string // printable ASCII without ; and =
	PublicKey ssh.PublicKey
	TTL       time.Duration  // at most MaxAgentTTL or MaxPersonTTL
	Sources   []netip.Prefix // where it may be used from; none means anywhere

	Delegation string // agents only: who handed the work on, joined by ">"
	Grant      Grant  // what it stems from; the certificate must end before the grant does
	PolicyHash string // of the policy that allows it
	Trace      string // a traceparent
}

// Issue signs a user certificate with one principal, agent:NAME or person:NAME, and no permit-* extension.
func (ca *AgentCA) Issue(r AgentRequest) (*ssh.Certificate, error) {
	id := policy.Identity{Kind: r.Kind, Name: r.Name, Owner: r.Owner, Task: r.Task, Delegation: r.Delegation}
	if err := cmp.Or(checkIdentity(id), r.Grant.check(), checkPolicyHash(r.PolicyHash), checkTrace(r.Trace)); err != nil {
		return nil, fmt.Errorf("issue: %w", err)
	}
	if end := ca.now().Add(r.TTL); r.Grant.ID != "" && end.After(r.Grant.Until) {
		return nil, fmt.Errorf("issue for %s: a certificate until %s would outlive its grant, which ends %s", id.Principal(),
			end.UTC().Format(time.RFC3339), r.Grant.Until.Format(time.RFC3339))
	}
	options, err := sourceOption(r.Sources)
	if err != nil {
		return nil, fmt.Errorf("issue: %w", err)
	}
	extensions := map[string]string{ownerExtension: r.Owner, taskExtension: r.Task, delegationExtension: r.Delegation,
		grantExtension: r.Grant.String(), policyExtension: r.PolicyHash, traceExtension: r.Trace}
	if r.Kind == policy.Agent {
		extensions[agentExtension] = r.Name
	}
	maps.DeleteFunc(extensions, func(_, value string) bool { return value == "" })
	cert, err := ca.issue(&ssh.Certificate{
		Key:             r.PublicKey,
		CertType:        ssh.UserCert,
		KeyId:           keyID(id, "", ""),
		ValidPrincipals: []string{id.Principal()},
		Permissions:     ssh.Permissions{CriticalOptions: options, Extensions: extensions},
	}, r.TTL, maxTTL(r.Kind))
	if err != nil {
		return nil, fmt.Errorf("issue for %s: %w", id.Principal(), err)
	}
	return cert, nil
}

// maxTTL is the longest life of a certificate of that kind.
func maxTTL(k policy.Kind) time.Duration {
	if k == policy.Person {
		return MaxPersonTTL
	}
	return MaxAgentTTL
}

// sourceOption writes the critical options for a list of prefixes, which may be empty.
func sourceOption(sources []netip.Prefix) (map[string]string, error) {
	if len(sources) == 0 {
		return nil, nil
	}
	if len(sources) > maxSources {
		return nil, fmt.Errorf("%d source prefixes: want at most %d", len(sources), maxSources)
	}
	for _, p := range sources {
		if !p.IsValid() || p != p.Masked() || p.Addr().Is4In6() {
			return nil, fmt.Errorf("source prefix %q: want a network such as 192.0.2.0/24", p)
		}
	}
	return map[string]string{sourceAddress: joinSources(sources)}, nil
}

func joinSources(sources []netip.Prefix) string {
	var texts []string
	for _, p := range sources {
		texts = append(texts, p.String())
	}
	return strings.Join(texts, ",")
}

// parseSources reads a source-address option back. It is as strict as sshd: a network with host bits set is refused.
func parseSources(option string) ([]netip.Prefix, error) {
	texts := strings.Split(option, ",")
	if len(texts) > maxSources {
		return nil, errors.New("too many prefixes")
	}
	var sources []netip.Prefix
	for _, text := range texts {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			addr, err := netip.ParseAddr(text)
			if err != nil || addr.Zone() != "" {
				return nil, fmt.Errorf("%q is neither a network nor an address", text)
			}
			p = netip.PrefixFrom(addr, addr.BitLen())
		}
		if p != p.Masked() {
			return nil, fmt.Errorf("%q has host bits set", text)
		}
		sources = append(sources, p)
	}
	return sources, nil
}
