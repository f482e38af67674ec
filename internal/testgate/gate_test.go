package testgate

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/internal/testhost"
)

const policyText = `version: 1
people: {ann: {roles: [oncall]}}
agents: {bot: {owner: person:ann, roles: [operator]}}
roles:
  oncall: {rights: [view, operate]}
  operator:
    targets: ["*"]
    logins: [deploy, ops]
    allow: ["uptime", "echo <text>...", "id"]
`

// The whole thing once: a certificate, an allowed and a denied command, the console, an orderly end.
func TestGate(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil { // the door's own user must reach its folder
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "gatehouse")
	if out, err := exec.Command("go", "build", "-o", binary, "gatehouse/cmd/gatehouse").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	g, err := Start(t.Context(), Config{Dir: dir, Binary: binary, Policy: policyText,
		Hosts: []testhost.Config{{Name: "web-1", Accounts: []testhost.Account{{Name: "deploy", UID: 2000}}}},
		Extra: "  bastion-host: {local: true, run_as: {ops: nobody}}\n"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(strings.Join(g.Log(), "\n"))
		}
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, who := range [][2]string{{"agent", "bot"}, {"person", "ann"}} {
		if _, err := g.Enrol(t.Context(), who[0], who[1]); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		who    string
		args   []string
		status int
		out    string
	}{
		{"bot", []string{"deploy@web-1@gatehouse", "echo", "hello"}, 0, "hello\n"},
		{"bot", []string{"-J", "gatehouse", "deploy@web-1", "echo inner && echo twice"}, 0, "inner\ntwice\n"},
		{"bot", []string{"ops@bastion-host@gatehouse", "echo here"}, 0, "here\n"},
		{"bot", []string{"deploy@web-1@gatehouse", "rm -rf /"}, 126, ""},
		{"ann", []string{"gatehouse", "sessions list"}, 0, "deploy@web-1"},
	} {
		r, err := g.SSH(t.Context(), c.who, nil, c.args...)
		if err != nil {
			t.Fatal(err)
		}
		if r.Status != c.status || !strings.Contains(r.Stdout, c.out) {
			t.Errorf("%q: status %d, out %q, err %q", c.args, r.Status, r.Stdout, r.Stderr)
		}
		t.Logf("%q: %d\n%s%s", c.args, r.Status, r.Stdout, r.Stderr)
	}
}
