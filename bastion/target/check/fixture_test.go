package check

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/crypto/ssh"

	"gatehouse/internal/decider"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/internal/testhost"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const policyText = "version: 1\npeople: {ann: {}}\nagents: {bot: {owner: person:ann, roles: [r]}}\nroles: {r: {targets: [web-1], logins: [deploy], allow: [id]}}\n"

// desk is a real decider whose inventory has the target.
type desk struct {
	t      *testing.T
	dir    string
	d      *decider.Decider
	probes int
}

// newDesk opens a decider for the target web-1 at an address, and web-2 elsewhere.
func newDesk(t *testing.T, address string, hostKey ssh.PublicKey, logins ...string) *desk {
	t.Helper()
	dir := t.TempDir()
	how := "host_ca: true"
	if hostKey != nil {
		how = fmt.Sprintf("host_key: %q", strings.TrimSpace(string(ssh.MarshalAuthorizedKey(hostKey))))
	}
	targets := fmt.Sprintf("version: 1\ntargets:\n  web-1: {address: %q, logins: [%s], %s}\n  web-2: {address: \"127.0.0.1:2\", logins: [deploy], host_ca: true}\n", address, strings.Join(logins, ", "), how)
	for name, text := range map[string]string{"policy.yaml": policyText, "targets.yaml": targets} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d, err := decider.Open(t.Context(), decider.Config{Dir: filepath.Join(dir, "decider"), Node: "gatehouse", Names: []string{"gatehouse"},
		Policy: filepath.Join(dir, "policy.yaml"), Targets: filepath.Join(dir, "targets.yaml")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return &desk{t: t, dir: dir, d: d}
}

// ask is the administrators' way to the decider.
func (d *desk) ask(op protocol.Op, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	answer, err := d.d.HandleAdmin(context.Background(), op, body)
	if err != nil || out == nil {
		return err
	}
	text, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, out)
}

// config is that of a check as the command line makes it.
func (d *desk) config() Config {
	d.t.Helper()
	var list protocol.TargetList
	if err := d.ask(protocol.OpTargets, protocol.Targets{}, &list); err != nil {
		d.t.Fatal(err)
	}
	cfg := Config{ID: id.New(id.Check, time.Now()), Target: list.Targets[0], TargetCAs: list.TargetCAs, Others: []string{"web-2"}, By: "root",
		Probe: func(_ context.Context, p protocol.Probe) (a protocol.ProbeAnswer, err error) {
			d.probes++
			return a, d.ask(protocol.OpProbe, p, &a)
		}}
	for _, wire := range list.HostCAs {
		key, err := ssh.ParsePublicKey(wire)
		if err != nil {
			d.t.Fatal(err)
		}
		cfg.HostCAs = append(cfg.HostCAs, key)
	}
	return cfg
}

func (d *desk) targetCA() string {
	d.t.Helper()
	text, err := os.ReadFile(filepath.Join(d.dir, "decider", "ca", "target_ca.pub"))
	if err != nil {
		d.t.Fatal(err)
	}
	return string(text)
}

// run checks, and returns the findings by "login: what".
func run(t *testing.T, cfg Config) (Report, map[string]Finding) {
	t.Helper()
	r, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]Finding{}
	for _, f := range r.Findings {
		what := f.What
		if f.Login != "" {
			what = f.Login + ": " + strings.SplitN(what, " SHA256:", 2)[0]
		}
		if _, twice := found[what]; twice {
			t.Errorf("%q is said twice", what)
		}
		found[what] = f
	}
	return r, found
}

// want compares findings: what, level, a part of what is said.
func want(t *testing.T, found map[string]Finding, what string, level Level, says string) {
	t.Helper()
	f, ok := found[what]
	if !ok || f.Level != level || !strings.Contains(f.Says, says) {
		t.Errorf("%s: %+v; want %s, %q\nall: %v", what, f, level, says, found)
	}
	if ok && (level == Weak || level == Broken) && f.Do == "" {
		t.Errorf("%s: nothing says what to do: %+v", what, f)
	}
}

// startHost starts a target that trusts the desk's target CA: the address must be known first, so the decider comes after.
func startHost(t *testing.T, cfg testhost.Config) (*testhost.Host, *desk) {
	t.Helper()
	port, err := testhost.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	public, err := ssh.NewPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	var logins []string
	for _, a := range cfg.Accounts {
		logins = append(logins, a.Name)
	}
	d := newDesk(t, net.JoinHostPort("127.0.0.1", fmt.Sprint(port)), public, logins...)
	dir := t.TempDir()
	for at := dir; at != os.TempDir() && at != "/"; at = filepath.Dir(at) {
		if err := os.Chmod(at, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cfg.Dir, cfg.Name, cfg.TargetCA, cfg.Port, cfg.HostKey = dir, "web-1", d.targetCA(), port, key
	h, err := testhost.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h, d
}

// asRoot runs a script on the target's console.
func asRoot(t *testing.T, h *testhost.Host, script string) {
	t.Helper()
	r, err := h.Root(t.Context(), script)
	if err != nil || r.Status != 0 {
		t.Fatalf("%v, status %d: %s%s", err, r.Status, r.Stdout, r.Stderr)
	}
}
