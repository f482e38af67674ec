package ca

import (
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// The private extensions of an agent CA certificate. They grant nothing by themselves: the decider reads them back from
// certificates that it signed. The domain is in the reserved .internal, so nobody else's verifier gives them a meaning.
const (
	agentExtension      = "agent@gatehouse.internal"      // the name of the agent; agents only
	ownerExtension      = "owner@gatehouse.internal"      // whose the agent was when it was issued
	taskExtension       = "task@gatehouse.internal"       // what it is for
	delegationExtension = "delegation@gatehouse.internal" // who handed the work on, joined by ">"
	grantExtension      = "grant@gatehouse.internal"      // Grant.String
	policyExtension     = "policy@gatehouse.internal"     // hash of the policy under which it was issued
	traceExtension      = "trace@gatehouse.internal"      // a W3C traceparent
)

// Grant is what a certificate stems from: the proof that its first one was issued for, and how long renewals may go on.
type Grant struct {
	ID    string    // "enr_…", the audit log's name for it
	By    string    // how the identity was proven: "oidc:ISSUER", "join", "key", "passkey", "local"
	Until time.Time // UTC, whole seconds; no certificate that stems from it lives longer
}

// String is the extension's text, "enr_01J…;by=key;until=2026-11-23T10:00:00Z"; empty for the zero Grant.
func (g Grant) String() string {
	if g.ID == "" {
		return ""
	}
	return g.ID + ";by=" + g.By + ";until=" + g.Until.UTC().Format(time.RFC3339)
}

// ParseGrant reads what String writes, and nothing else. The empty text is the zero Grant.
func ParseGrant(s string) (Grant, error) {
	if s == "" {
		return Grant{}, nil
	}
	parts := strings.Split(s, ";")
	if len(parts) != 3 {
		return Grant{}, fmt.Errorf("grant %q: want ID;by=…;until=…", s)
	}
	until, err := time.Parse(time.RFC3339, strings.TrimPrefix(parts[2], "until="))
	if err != nil {
		return Grant{}, fmt.Errorf("grant %q: %w", s, err)
	}
	g := Grant{ID: parts[0], By: strings.TrimPrefix(parts[1], "by="), Until: until.UTC()}
	if err := g.check(); err != nil {
		return Grant{}, err
	}
	if g.String() != s {
		return Grant{}, fmt.Errorf("grant %q: not in its canonical form", s)
	}
	return g, nil
}

func (g Grant) check() error {
	if g == (Grant{}) {
		return nil
	}
	if err := checkID("grant", g.ID); err != nil {
		return err
	}
	if g.By == "" || len(g.By) > 64 || !consistsOf(g.By, ":._@+-") {
		return fmt.Errorf("grant by %q: want 1 to 64 letters, digits and : . _ @ + -", g.By)
	}
	if g.Until.IsZero() || g.Until.Nanosecond() != 0 {
		return fmt.Errorf("grant until %s: want a whole second", g.Until)
	}
	return nil
}

// checkTrace accepts a traceparent of version 00 (W3C Trace Context, section 3.2.2), or nothing.
func checkTrace(s string) error {
	if s == "" {
		return nil
	}
	parts := strings.Split(s, "-")
	if len(s) != 55 || len(parts) != 4 || parts[0] != "00" || len(parts[1]) != 32 || len(parts[2]) != 16 || s != strings.ToLower(s) {
		return fmt.Errorf("trace %q: want a traceparent, 00-<32 hex>-<16 hex>-<2 hex>", s)
	}
	for _, p := range parts {
		if _, err := hex.DecodeString(p); err != nil {
			return fmt.Errorf("trace %q: want a traceparent in lower-case hex", s)
		}
	}
	if strings.Trim(parts[1], "0") == "" || strings.Trim(parts[2], "0") == "" {
		return fmt.Errorf("trace %q: all zeros is not an id", s)
	}
	return nil
}

// checkPolicyHash accepts "sha256:" and 64 hex digits, or nothing.
func checkPolicyHash(s string) error {
	if s == "" {
		return nil
	}
	digits, ok := strings.CutPrefix(s, "sha256:")
	if b, err := hex.DecodeString(digits); !ok || err != nil || len(b) != 32 {
		return fmt.Errorf("policy hash %q: want sha256: and 64 hex digits", s)
	}
	return nil
}

// PrivateExtension is one of Gatehouse's own extensions on a certificate, for people to read.
type PrivateExtension struct {
	Name  string // without the domain: "owner"
	Value string
}

// PrivateExtensions lists Gatehouse's own extensions of a certificate, in the order in which they are documented. Nothing
// in them is verified here.
func PrivateExtensions(cert *ssh.Certificate) []PrivateExtension {
	var out []PrivateExtension
	for _, name := range []string{agentExtension, ownerExtension, taskExtension, delegationExtension, grantExtension, policyExtension, traceExtension} {
		if v, ok := cert.Extensions[name]; ok {
			short, _, _ := strings.Cut(name, "@")
			out = append(out, PrivateExtension{Name: short, Value: v})
		}
	}
	return out
}
