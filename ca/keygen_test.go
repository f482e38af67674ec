package ca_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"gatehouse/ca"
	"gatehouse/policy"

	"golang.org/x/crypto/ssh"
)

// at is a moment in whole seconds, as ssh-keygen prints it.
var at = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// listing is what ssh-keygen -L must print for a certificate, field by field.
func listing(kind string, key, signer ssh.PublicKey, id string, serial uint64, ttl time.Duration, principals, options, extensions []string) string {
	const stamp = "2006-01-02T15:04:05"
	list := func(title string, values []string) string {
		if len(values) == 0 {
			return title + ": (none)\n"
		}
		return title + ": \n" + strings.Join(values, "\n") + "\n"
	}
	return "Type: ssh-ed25519-cert-v01@openssh.com " + kind + " certificate\n" +
		"Public key: ED25519-CERT " + ssh.FingerprintSHA256(key) + "\n" +
		"Signing CA: ED25519 " + ssh.FingerprintSHA256(signer) + " (using ssh-ed25519)\n" +
		fmt.Sprintf("Key ID: %q\nSerial: %d\n", id, serial) +
		"Valid: from " + at.Add(-30*time.Second).Format(stamp) + " to " + at.Add(ttl).Format(stamp) + "\n" +
		list("Principals", principals) + list("Critical Options", options) + list("Extensions", extensions)
}

// unknown is how ssh-keygen prints an extension that it does not know: the value as a length-prefixed string in hex.
func unknown(name, value string) string {
	return fmt.Sprintf("%s UNKNOWN OPTION: %08x%x (len %d)", name, len(value), value, len(value)+4)
}

// TestKeygenReadsEveryCertificate compares every field of every kind of certificate with what ssh-keygen -L reads.
func TestKeygenReadsEveryCertificate(t *testing.T) {
	set, _ := newSet(t, at)
	key, _ := newKey(t)
	bot := policy.Identity{Kind: policy.Agent, Name: "release-bot", Owner: "person:ann", Task: "CHG-7"}
	cases := []struct {
		name  string
		issue func() (*ssh.Certificate, error)
		want  func(serial uint64) string
	}{
		{"agent", func() (*ssh.Certificate, error) {
			return set.Agent.Issue(ca.AgentRequest{Kind: policy.Agent, Name: "release-bot", Owner: "group:web", Task: "CHG-7", PublicKey: key,
				TTL: 5 * time.Minute, Sources: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")}})
		}, func(serial uint64) string {
			return listing("user", key, set.Agent.PublicKey(), "agt=release-bot;own=group:web;task=CHG-7", serial, 5*time.Minute,
				[]string{"agent:release-bot"}, []string{"source-address 192.0.2.0/24,2001:db8::/32"},
				[]string{unknown("agent@gatehouse.internal", "release-bot"), unknown("owner@gatehouse.internal", "group:web"), unknown("task@gatehouse.internal", "CHG-7")})
		}},
		{"person", func() (*ssh.Certificate, error) {
			return set.Agent.Issue(ca.AgentRequest{Kind: policy.Person, Name: "ann@example.com", PublicKey: key, TTL: 8 * time.Hour})
		}, func(serial uint64) string {
			return listing("user", key, set.Agent.PublicKey(), "per=ann@example.com", serial, 8*time.Hour, []string{"person:ann@example.com"}, nil, nil)
		}},
		{"target, plain", func() (*ssh.Certificate, error) {
			return set.Target.Issue(ca.TargetRequest{PublicKey: key, Target: "web-1", Login: "deploy", Identity: bot, Connection: "con_1", TTL: time.Minute, PTY: true})
		}, func(serial uint64) string {
			return listing("user", key, set.Target.PublicKey(), "agt=release-bot;own=person:ann;task=CHG-7;con=con_1", serial, time.Minute,
				[]string{"gh:web-1:deploy"}, nil, []string{"permit-pty"})
		}},
		{"target, pinned", func() (*ssh.Certificate, error) {
			return set.Target.Issue(ca.TargetRequest{PublicKey: key, Target: "web-1", Login: "deploy", Identity: bot, Request: "req_1", Connection: "con_1",
				TTL: 30 * time.Second, Source: netip.MustParseAddr("192.0.2.9"), ForceCommand: "/usr/bin/systemctl restart 'app api'"})
		}, func(serial uint64) string {
			return listing("user", key, set.Target.PublicKey(), "agt=release-bot;own=person:ann;task=CHG-7;req=req_1;con=con_1", serial, 30*time.Second,
				[]string{"gh:web-1:deploy"}, []string{"force-command /usr/bin/systemctl restart 'app api'", "source-address 192.0.2.9/32"}, nil)
		}},
		{"host", func() (*ssh.Certificate, error) {
			return set.Host.Issue(ca.HostRequest{PublicKey: key, Target: "web-1", TTL: 24 * time.Hour})
		}, func(serial uint64) string {
			return listing("host", key, set.Host.PublicKey(), "host=web-1", serial, 24*time.Hour, []string{"web-1"}, nil, nil)
		}},
		{"face", func() (*ssh.Certificate, error) {
			return set.Face.Issue(ca.FaceRequest{PublicKey: key, Principals: []string{"bastion.example.com", "192.0.2.1", "::1"}, TTL: time.Hour})
		}, func(serial uint64) string {
			return listing("host", key, set.Face.PublicKey(), "face=bastion.example.com", serial, time.Hour, []string{"bastion.example.com", "192.0.2.1", "::1"}, nil, nil)
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			cert, err := c.issue()
			if err != nil {
				t.Fatal(err)
			}
			if got, want := keygenList(t, cert), c.want(cert.Serial); got != want {
				t.Errorf("ssh-keygen -L reads\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// keygenList is the output of ssh-keygen -L without its first line and its indentation.
func keygenList(t *testing.T, cert *ssh.Certificate) string {
	t.Helper()
	_, out, _ := strings.Cut(keygen(t, "-L", "-f", writeCert(t, cert)), "\n")
	var b strings.Builder
	for line := range strings.Lines(out) {
		b.WriteString(strings.TrimLeft(line, " "))
	}
	return b.String()
}
