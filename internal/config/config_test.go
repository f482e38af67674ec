package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const good = `version: 1
data: data
ssh: {listen: "127.0.0.1:2222", names: [gatehouse]}
web: {listen: "127.0.0.1:8080", url: "http://localhost:8080"}
policy: policy.yaml
targets: /etc/targets.yaml
storage: {min_free: 64MiB}
`

func load(t *testing.T, text string) (Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gatehouse.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path)
	if err == nil && c.Data != filepath.Join(filepath.Dir(path), "data") {
		t.Errorf("data is %q", c.Data)
	}
	return c, err
}

// TestLoad: what a file leaves out has its default, relative paths are the file's.
func TestLoad(t *testing.T) {
	c, err := load(t, good)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := load(t, good+"shadow_policy: next.yaml\nrequire_signed_bundles: {allowed_signers: signers, reviewers: 2}\n"); err != nil || !filepath.IsAbs(c.ShadowPolicy) || !filepath.IsAbs(c.Bundles.AllowedSigners) || c.Bundles.Reviewers != 2 {
		t.Errorf("%+v, %v", c, err)
	}
	if c.Users.Decider == 0 || c.Users.Door == 0 || c.Users.Decider == c.Users.Door || c.Node != "gatehouse" || c.Storage.MinFree != 64<<20 || c.Targets != "/etc/targets.yaml" {
		t.Errorf("%+v", c)
	}
}

// TestLoadRefuses: every fault is said with file, line and column.
func TestLoadRefuses(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"an unknown field", "policy:", "polcy:", ":5:1: "}, {"a field twice", "version: 1", "version: 1\nversion: 1", ":2:1: "}, {"another version", "version: 1", "version: 2", ":1:10: version is 2"},
		{"no data", "data: data\n", "", "data is missing"}, {"no port", "127.0.0.1:2222", "127.0.0.1", ":3:15: "}, {"a port that is none", "127.0.0.1:2222", "127.0.0.1:99999", ":3:15: "},
		{"no names", ", names: [gatehouse]", "", "names is missing"}, {"http elsewhere", "http://localhost:8080", "http://example.com", "must be https"},
		{"localhost's double", "http://localhost:8080", "http://localhost.example.com", "must be https"}, {"a path", "http://localhost:8080", "https://x/y", "not an origin"},
		{"credentials", "http://localhost:8080", "https://u@x", "not an origin"}, {"no url", `, url: "http://localhost:8080"`, "", "url is missing"}, {"a size", "64MiB", "64MB", "not a size"},
		{"a negative size", "64MiB", "-1", "not a size"}, {"one user for both", "storage:", "users: {decider: 5, door: 5}\nstorage:", "two different users"},
		{"root", "storage:", "users: {decider: 0, door: 5}\nstorage:", "neither root"}, {"a reviewer of nothing", "storage:", "require_signed_bundles: {reviewers: 1}\nstorage:", "needs allowed_signers"}, {"no reviewers", "storage:", "require_signed_bundles: {allowed_signers: s}\nstorage:", "from 1 to 16"}, {"two documents", "version: 1", "version: 1\n---\nversion: 1", "more than one document"},
	} {
		text := strings.Replace(good, c.old, c.new, 1)
		if text == good {
			t.Fatalf("%s: nothing changed", c.name)
		}
		if _, err := load(t, text); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "gatehouse.yaml:") {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	if _, err := load(t, ""); err == nil {
		t.Error("an empty file")
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh"

// TestInventory: a target is known by a pinned key or the host CA, never by first use; a local login is a named user, never root.
func TestInventory(t *testing.T) {
	entry := func(body string) string { return "version: 1\ntargets:\n  t-1: {" + body + "}\n" }
	inv, err := ParseInventory("targets.yaml", []byte(entry(`address: "10.0.0.1:22", logins: [deploy], host_key: "`+key+`"`)))
	if err != nil || !inv.Targets["t-1"].HasLogin("deploy") || inv.Targets["t-1"].HasLogin("root") || inv.Targets["t-1"].HasLogin("") {
		t.Fatalf("%+v, %v", inv, err)
	}
	inv, err = ParseInventory("targets.yaml", []byte(entry(`address: "h:22", logins: [a], host_ca: true, path: [/opt/app/bin, /usr/bin]`)))
	if err != nil || !slices.Equal(inv.Targets["t-1"].Path, []string{"/opt/app/bin", "/usr/bin"}) {
		t.Errorf("path: %+v, %v", inv, err)
	}
	for name, body := range map[string]string{
		"no key": `address: "h:22", logins: [a]`, "key and CA": `address: "h:22", logins: [a], host_ca: true, host_key: "` + key + `"`, "a key that is none": `address: "h:22", logins: [a], host_key: x`,
		"no address": `logins: [a], host_ca: true`, "no port": `address: h, logins: [a], host_ca: true`, "no logins": `address: "h:22", host_ca: true`,
		"a login with a colon": `address: "h:22", logins: ["a:b"], host_ca: true`, "run_as for a remote": `address: "h:22", logins: [a], host_ca: true, run_as: {a: b}`,
		"local as root": `local: true, run_as: {ops: root}`, "local as 0": `local: true, run_as: {ops: "0"}`, "local as a number": `local: true, run_as: {ops: "1000"}`, "local as nobody named": `local: true, run_as: {ops: ""}`,
		"local without logins": `local: true`, "local with an address": `local: true, address: "h:22", run_as: {a: b}`, "an unknown field": `address: "h:22", logins: [a], host_ca: true, trust: true`,
		"a relative path": `local: true, run_as: {a: b}, path: [bin]`, "a path with ..": `address: "h:22", logins: [a], host_ca: true, path: [/usr/../bin]`, "a path of /": `local: true, run_as: {a: b}, path: [/]`,
		"a path with a slash at the end": `local: true, run_as: {a: b}, path: [/bin/]`, "a path with a colon": `local: true, run_as: {a: b}, path: ["/a:/b"]`, "a path twice": `local: true, run_as: {a: b}, path: [/bin, /bin]`,
		"a path that is empty": `local: true, run_as: {a: b}, path: [""]`, "33 paths": `local: true, run_as: {a: b}, path: [/b` + strings.Repeat(", /b", 32) + `]`,
	} {
		if _, err := ParseInventory("targets.yaml", []byte(entry(body))); err == nil || !strings.Contains(err.Error(), "targets.yaml:") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"A", "a b", "a:b", "-a", "'", strings.Repeat("a", 64)} {
		if _, err := ParseInventory("targets.yaml", []byte(strings.Replace(entry(`address: "h:22", logins: [a], host_ca: true`), "t-1", `"`+name+`"`, 1))); err == nil {
			t.Errorf("a target called %q", name)
		}
	}
}

// FuzzInventory: no text makes the reader panic, and what it accepts keeps the rules.
func FuzzInventory(f *testing.F) {
	f.Add("version: 1\ntargets:\n  a: {local: true, run_as: {ops: nobody}}\n")
	f.Add("version: 1\ntargets: {}\n")
	f.Fuzz(func(t *testing.T, text string) {
		inv, err := ParseInventory("t", []byte(text))
		if err != nil {
			return
		}
		for name, target := range inv.Targets {
			if !nameForm.MatchString(name) || !target.Local && (target.HostKey == "") == !target.HostCA {
				t.Fatalf("%q: %+v", name, target)
			}
			for _, user := range target.RunAs {
				if user == "root" || user == "0" {
					t.Fatalf("%q runs as %q", name, user)
				}
			}
		}
	})
}
