package testhost

import (
	"os"
	"path/filepath"
	"testing"
)

// desk is a throw-away CA and a client key, made by ssh-keygen.
type desk struct {
	t   *testing.T
	dir string
}

func newDesk(t *testing.T) *desk {
	d := &desk{t: t, dir: t.TempDir()}
	d.keygen("-t", "ed25519", "-N", "", "-C", "ca", "-f", d.path("ca"))
	d.keygen("-t", "ed25519", "-N", "", "-C", "client", "-f", d.path("id"))
	return d
}

func (d *desk) path(name string) string { return filepath.Join(d.dir, name) }

// certify writes a user certificate beside the client key.
func (d *desk) certify(keyID, principal string) {
	d.keygen("-s", d.path("ca"), "-I", keyID, "-n", principal, "-V", "+5m", "-z", "4711", d.path("id.pub"))
}

func (d *desk) keygen(args ...string) {
	d.t.Helper()
	r, err := Run(d.t.Context(), nil, "ssh-keygen", append([]string{"-q"}, args...)...)
	if err != nil || r.Status != 0 {
		d.t.Fatalf("ssh-keygen %q: %v, status %d, %s", args, err, r.Status, r.Stderr)
	}
}

func (d *desk) read(name string) string {
	d.t.Helper()
	text, err := os.ReadFile(d.path(name))
	if err != nil {
		d.t.Fatal(err)
	}
	return string(text)
}

// start starts a host that trusts the desk's CA and a client configuration with its logins as aliases.
func (d *desk) start(cfg Config) (*Host, string) {
	d.t.Helper()
	cfg.Dir, cfg.TargetCA = d.t.TempDir(), d.read("ca.pub")
	if cfg.Name == "" {
		cfg.Name = "web-1"
	}
	if cfg.Accounts == nil {
		cfg.Accounts = []Account{{Name: "deploy", UID: 2001}, {Name: "root"}}
	}
	h, err := Start(d.t.Context(), cfg)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { h.Close() })
	return h, d.configure(h.Addr(), h.KnownHosts())
}

func (d *desk) configure(addr, knownHosts string) string {
	d.t.Helper()
	dir := d.t.TempDir()
	known, config := filepath.Join(dir, "known_hosts"), filepath.Join(dir, "config")
	if err := writeFile(known, knownHosts, 0o600); err != nil {
		d.t.Fatal(err)
	}
	var hosts []ClientHost
	for _, login := range []string{"deploy", "root"} {
		hosts = append(hosts, ClientHost{Alias: login, Addr: addr, User: login, Identity: d.path("id"), KnownHosts: known})
	}
	if err := WriteSSHConfig(config, hosts...); err != nil {
		d.t.Fatal(err)
	}
	return config
}

func (d *desk) ssh(config string, args ...string) Result {
	d.t.Helper()
	r, err := SSH(d.t.Context(), config, nil, args...)
	if err != nil {
		d.t.Fatal(err)
	}
	return r
}
