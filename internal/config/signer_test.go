package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/ca"
)

const signerText = `ca:
  all: {signer: pkcs11, module: /usr/lib/token.so, token: gatehouse, pin: {credential: pin}, timeout: 3s}
  host: {signer: file, passphrase: {file: word}}
  face: {signer: ssh-agent, socket: agent.sock}
  paths: [tokens]
  environment: {SOFTHSM2_CONF: /etc/softhsm2.conf}
`

// TestSigners: a CA that is named has its own signer, the others that of all, and relative paths are the file's.
func TestSigners(t *testing.T) {
	c, err := load(t, good+signerText)
	if err != nil {
		t.Fatal(err)
	}
	base := filepath.Dir(c.Data)
	s := c.CA.Signers(c.Users)
	token := ca.SignerConfig{Kind: ca.PKCS11Signer, Module: "/usr/lib/token.so", Token: "gatehouse", PIN: ca.SecretConfig{Credential: "pin"}, Timeout: 3 * time.Second, User: c.Users.Decider}
	if s.Agent != token || s.Target != token {
		t.Errorf("agent and target: %+v %+v", s.Agent, s.Target)
	}
	if s.Host.Kind != ca.FileSigner || s.Host.Passphrase.File != filepath.Join(base, "word") {
		t.Errorf("host: %+v", s.Host)
	}
	if s.Face.Kind != ca.AgentSigner || s.Face.Socket != filepath.Join(base, "agent.sock") || !c.CA.NeedsSocket() {
		t.Errorf("face: %+v", s.Face)
	}
	if c.CA.Paths[0] != filepath.Join(base, "tokens") || len(c.CA.Modules()) != 1 {
		t.Errorf("%+v", c.CA)
	}
	c, err = load(t, good)
	if err != nil || c.CA.Signers(c.Users) != (ca.Signers{}) || c.CA.NeedsSocket() || c.CA.Modules() != nil {
		t.Errorf("without the section: %+v, %v", c.CA, err)
	}
}

// TestSignersRefuse: every fault is said with its place.
func TestSignersRefuse(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"no kind", "ca: {agent: {}}", ":8:13: ca.agent: signer is missing"},
		{"another kind", "ca: {agent: {signer: tpm}}", `"tpm" is not a kind of signer`},
		{"an unknown CA", "ca: {other: {signer: file}}", `:8:6: unknown field "other"`},
		{"an unknown field", "ca: {agent: {signer: file, path: /x}}", `unknown field "path"`},
		{"a file with a socket", "ca: {agent: {signer: file, socket: /x}}", "belong to the others"},
		{"a file with a timeout", "ca: {agent: {signer: file, timeout: 1s}}", "needs no timeout"},
		{"an agent without a socket", "ca: {agent: {signer: ssh-agent}}", "socket is missing"},
		{"an agent with a PIN", "ca: {agent: {signer: ssh-agent, socket: /x, pin: {env: A}}}", "no module, token or pin"},
		{"a token without a PIN", "ca: {agent: {signer: pkcs11, module: /x, token: t}}", "needs module, token and pin"},
		{"a relative module", "ca: {agent: {signer: pkcs11, module: x, token: t, pin: {env: A}}}", "want an absolute path"},
		{"a secret without a source", "ca: {agent: {signer: file, passphrase: {}}}", "needs a source"},
		{"a secret with two", "ca: {agent: {signer: file, passphrase: {env: A, file: b}}}", "one source"},
		{"a secret in the file", "ca: {agent: {signer: file, passphrase: secret}}", ":8:40: "},
		{"a timeout of nothing", "ca: {all: {signer: ssh-agent, socket: /x, timeout: 1ms}}", ":8:52: ca.all: timeout 1ms: want 100ms to 30s"},
		{"a timeout of ever", "ca: {all: {signer: ssh-agent, socket: /x, timeout: 1h}}", "want 100ms to 30s"},
		{"a variable of the loader", "ca: {environment: {LD_PRELOAD: /x}}", `"LD_PRELOAD" is not a variable`},
		{"a variable of Go", "ca: {environment: {GODEBUG: x}}", `"GODEBUG" is not a variable`},
	} {
		_, err := load(t, good+c.text+"\n")
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// TestSignersOfTheDocs: what docs/ca.md shows is a configuration.
func TestSignersOfTheDocs(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "ca.md"))
	if err != nil {
		t.Fatal(err)
	}
	shown := 0
	for i, block := range strings.Split(string(text), "```") {
		if section, ok := strings.CutPrefix(block, "yaml\nca:"); ok && i%2 == 1 {
			shown++
			if _, err := load(t, good+"ca:"+section); err != nil {
				t.Errorf("%s\n%v", section, err)
			}
		}
	}
	if shown != 3 {
		t.Errorf("%d sections are shown", shown)
	}
}
