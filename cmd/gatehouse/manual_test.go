package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/testgate"
	"gatehouse/internal/testhost"
	"gatehouse/internal/testoidc"
)

// block is a piece of a manual that is meant to be run: its words after ```, and its text.
var block = regexp.MustCompile("(?ms)^```(sh|yaml)( [a-z]+)?\n(.*?)^```$")

// TestTheIdentityManualIsTrue runs the commands of docs/identity.md as they are printed, against a Gatehouse with the policy that is
// printed there. Only the issuers' addresses are others.
func TestTheIdentityManualIsTrue(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "identity.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := map[string][]string{}
	for _, m := range block.FindAllStringSubmatch(string(text), -1) {
		name := m[1] + m[2]
		blocks[name] = append(blocks[name], m[3])
	}
	for name, n := range map[string]int{"yaml": 1, "sh setup": 1, "sh github": 2, "sh kubernetes": 1, "sh laptop": 2, "sh join": 1} {
		if len(blocks[name]) != n {
			t.Fatalf("%d blocks of %q, want %d", len(blocks[name]), name, n)
		}
	}
	m := newManual(t, blocks["yaml"][0])
	setup := blocks["sh setup"][0]
	m.run("github", setup+blocks["sh github"][0])
	m.run("github-stock", setup+blocks["sh github"][1])
	m.run("kubernetes", setup+strings.ReplaceAll(blocks["sh kubernetes"][0], "/var/run/secrets/gatehouse/token", m.pod))
	m.run("laptop", setup+blocks["sh laptop"][0]+blocks["sh laptop"][1]+blocks["sh laptop"][0][strings.Index(blocks["sh laptop"][0], "ssh -F ssh_config deploy"):])
	m.run("join", setup+blocks["sh join"][0])
}

// manual is the world that the manual speaks of.
type manual struct {
	t    *testing.T
	dir  string
	env  []string
	pod  string // the projected token
	gate *testgate.Gate
}

func newManual(t *testing.T, policy string) *manual {
	m := &manual{t: t, dir: openFolder(t)}
	github, cluster := testoidc.New(t), testoidc.New(t)
	for from, to := range map[string]*testoidc.Issuer{"https://token.actions.githubusercontent.com": github, "https://oidc.cluster.example.com": cluster} {
		policy = strings.Replace(policy, fmt.Sprintf("url: %q", from), fmt.Sprintf("url: %q, roots: %q", to.URL, to.RootPEM), 1)
	}
	github.Handle("/token", func(w http.ResponseWriter, r *http.Request) {
		claims := github.GitHub(r.URL.Query().Get("audience"), "acme/app", "refs/heads/main", time.Now())
		claims["sub"] = "repo:acme/app:environment:production"
		_ = json.NewEncoder(w).Encode(map[string]any{"count": 1, "value": github.Sign(claims)})
	})
	binary := build(t, m.dir)
	var err error
	m.gate, err = testgate.Start(t.Context(), testgate.Config{Dir: mkdir(t, m.dir, "gate"), Binary: binary, Policy: policy,
		Hosts: []testhost.Config{{Name: "web-1", Accounts: []testhost.Account{{Name: "deploy", UID: firstUID}}, Recorders: []string{"uptime"}}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.gate.Close(); err != nil {
			t.Error(err)
		}
	})
	root := filepath.Join(m.dir, "root.pem")
	m.pod = filepath.Join(m.dir, "token")
	for path, text := range map[string][]byte{root: github.RootPEM,
		m.pod: []byte(cluster.Sign(cluster.Kubernetes("https://gatehouse.example.com", "prod", "podbot", time.Now())))} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	host, port, _ := strings.Cut(m.gate.SSHAddr, ":")
	m.env = []string{"PATH=" + filepath.Dir(binary) + ":" + os.Getenv("PATH"), "HOME=/no-home", "GATEHOUSE_SERVER=" + m.gate.WebURL, "GATEHOUSE_CONFIG=" + m.gate.Path,
		"DOOR_HOST=" + host, "DOOR_PORT=" + port, "GITHUB_RUN_ID=7", "SSL_CERT_FILE=" + root, "CURL_CA_BUNDLE=" + root,
		githubURL + "=" + github.URL + "/token?v=1", githubBearer + "=x"}
	return m
}

// run runs a script in a folder of its own; its command must have reached the target.
func (m *manual) run(name, script string) {
	m.t.Helper()
	before, err := m.gate.Hosts["web-1"].Calls()
	if err != nil {
		m.t.Fatal(err)
	}
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", script)
	cmd.Dir, cmd.Env = mkdir(m.t, m.dir, name), m.env
	if out, err := cmd.CombinedOutput(); err != nil {
		m.t.Errorf("%s: %v\n%s\n%s", name, err, script, out)
	}
	after, err := m.gate.Hosts["web-1"].Calls()
	if err != nil {
		m.t.Fatal(err)
	}
	if len(after) == len(before) {
		m.t.Errorf("%s: nothing arrived on the target", name)
	}
}
