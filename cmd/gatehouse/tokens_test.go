package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/decider"
	"gatehouse/internal/supervisor"
	"gatehouse/internal/testgate"
	"gatehouse/internal/testhost"
	"gatehouse/internal/testoidc"
	"gatehouse/recorder/audit"
	"gatehouse/web"
)

const tokenAudience = "https://gatehouse.example"

const tokenPolicy = `version: 1
issuers:
  ci: {url: %q, audience: %q, roots: %q}
  other: {url: %q, audience: %q, roots: %q}
people: {ann: {oidc: {issuer: ci, subject: "user-ann"}}, bob: {oidc: {issuer: ci, subject: "user-bob"}}}
agents:
  deployer: {owner: person:ann, roles: [r], enrol: [{oidc: ci, subject: "repo:acme/app:ref:refs/heads/main", claims: {environment: production, event_name: push}}]}
  podbot: {owner: person:ann, roles: [r], enrol: [{oidc: ci, subject: "system:serviceaccount:prod:podbot", claims: {/kubernetes.io/namespace: prod}}]}
  worker: {owner: person:ann, roles: [r], enrol: [{oidc: ci, subject: "user-*", actors: ["agent:planner", "agent:worker"]}]}
  joiner: {owner: person:ann, roles: [r], enrol: [join], max_ttl: 10m}
roles:
  r: {targets: ["*"], logins: [deploy], allow: [show]}
`

// tokenHouse is a running Gatehouse whose policy believes a real issuer.
type tokenHouse struct {
	*testgate.Gate
	t      *testing.T
	dir    string
	issuer *testoidc.Issuer
	other  *testoidc.Issuer
	key    string // a public key line
}

func newTokenHouse(t *testing.T) *tokenHouse {
	dir := openFolder(t)
	h := &tokenHouse{t: t, dir: dir, issuer: testoidc.New(t), other: testoidc.New(t)}
	policy := fmt.Sprintf(tokenPolicy, h.issuer.URL, tokenAudience, h.issuer.RootPEM, h.other.URL, tokenAudience, h.other.RootPEM)
	g, err := testgate.Start(t.Context(), testgate.Config{Dir: mkdir(t, dir, "gate"), Binary: build(t, dir), Policy: policy,
		Hosts: []testhost.Config{{Name: "web-1", Accounts: []testhost.Account{{Name: "deploy", UID: firstUID}}, Recorders: []string{"show"}}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	})
	h.Gate = g
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(dir, "id")).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	text, err := os.ReadFile(filepath.Join(dir, "id.pub"))
	if err != nil {
		t.Fatal(err)
	}
	h.key = strings.TrimSpace(string(text))
	return h
}

// ask is POST /v1/certificates.
func (h *tokenHouse) ask(in web.CertificateRequest) (int, web.Certificate, web.APIError) {
	h.t.Helper()
	if in.PublicKey == "" {
		in.PublicKey = h.key
	}
	body, err := json.Marshal(in)
	if err != nil {
		h.t.Fatal(err)
	}
	answer, err := http.Post(h.WebURL+"/v1/certificates", "application/json", bytes.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	defer answer.Body.Close()
	var cert web.Certificate
	var refused web.APIError
	var out any = &cert
	if answer.StatusCode != http.StatusOK {
		out = &refused
	}
	if err := json.NewDecoder(answer.Body).Decode(out); err != nil {
		h.t.Fatal(err)
	}
	return answer.StatusCode, cert, refused
}

// issues are the entries of the audit log now that are about certificates.
func (h *tokenHouse) issues() []audit.Entry {
	h.t.Helper()
	text, err := os.ReadFile(filepath.Join(decider.LogDir(supervisor.DeciderDir(h.Data)), "entries"))
	if err != nil {
		h.t.Fatal(err)
	}
	var out []audit.Entry
	for line := range bytes.Lines(text) {
		e, err := audit.Parse(bytes.TrimSuffix(line, []byte("\n")))
		if err != nil {
			h.t.Fatal(err)
		}
		if e.Type == audit.Issue {
			out = append(out, e)
		}
	}
	return out
}

// client runs the program as a client does: nothing of this test's environment but what is given.
func (h *tokenHouse) client(env []string, args ...string) (string, error) {
	cmd := exec.Command(filepath.Join(h.dir, "bin", "gatehouse"), args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=/no-home", "GATEHOUSE_SERVER=" + h.WebURL}, env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestTokensGetCertificates goes the whole way for each kind of token: the stock shapes, the client, the certificate as
// ssh-keygen reads it, a session with it, and what the target and the evidence say of it.
func TestTokensGetCertificates(t *testing.T) {
	h := newTokenHouse(t)
	now := time.Now()
	t.Run("GitHub Actions", func(t *testing.T) {
		h.issuer.Handle("/token", func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer job-secret" {
				http.Error(w, "no", http.StatusForbidden)
				return
			}
			token := h.issuer.Sign(h.issuer.GitHub(r.URL.Query().Get("audience"), "acme/app", "refs/heads/main", now))
			_ = json.NewEncoder(w).Encode(map[string]string{"value": token})
		})
		root := filepath.Join(h.dir, "root.pem")
		if err := os.WriteFile(root, h.issuer.RootPEM, 0o600); err != nil {
			t.Fatal(err)
		}
		key := filepath.Join(mkdir(t, h.dir, "github"), "id")
		out, err := h.client([]string{"SSL_CERT_FILE=" + root, githubURL + "=" + h.issuer.URL + "/token?api=1", githubBearer + "=job-secret"},
			"login", "--as", "deployer", "--audience", tokenAudience, "--key", key, "--ttl", "5m", "--task", "run-7", "--known-hosts", key+"-known_hosts")
		if err != nil {
			t.Fatalf("%v %s", err, out)
		}
		h.works(t, key, "agent:deployer", "oidc:ci", "")
	})
	t.Run("Kubernetes", func(t *testing.T) {
		folder := mkdir(t, h.dir, "kubernetes")
		key, token := filepath.Join(folder, "id"), filepath.Join(folder, "token")
		if err := os.WriteFile(token, []byte(h.issuer.Sign(h.issuer.Kubernetes(tokenAudience, "prod", "podbot", now))+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := h.client(nil, "login", "--as", "podbot", "--token-file", token, "--key", key, "--known-hosts", key+"-known_hosts")
		if err != nil {
			t.Fatalf("%v %s", err, out)
		}
		h.works(t, key, "agent:podbot", "oidc:ci", "")
	})
	t.Run("delegated", func(t *testing.T) {
		claims := h.issuer.Claims(tokenAudience, "user-ann", now)
		claims["act"] = map[string]any{"sub": "agent:worker", "act": map[string]any{"sub": "agent:planner"}}
		key := filepath.Join(mkdir(t, h.dir, "delegated"), "id")
		out, err := h.client([]string{"GATEHOUSE_TOKEN=" + h.issuer.Sign(claims)}, "login", "--as", "worker", "--key", key, "--known-hosts", key+"-known_hosts")
		if err != nil {
			t.Fatalf("%v %s", err, out)
		}
		h.works(t, key, "agent:worker", "oidc:ci", "person:ann>agent:planner")
	})
	t.Run("join token", func(t *testing.T) {
		made, err := h.Run(t.Context(), "join-token", "create", "--config", h.Path, "--agent", "joiner")
		if err != nil || made.Status != 0 {
			t.Fatalf("%v %s", err, made.Stderr)
		}
		folder := mkdir(t, h.dir, "join")
		key, secret := filepath.Join(folder, "id"), filepath.Join(folder, "secret")
		if err := os.WriteFile(secret, []byte(made.Stdout), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := h.client(nil, "login", "--as", "joiner", "--join-token-file", secret, "--key", key, "--known-hosts", key+"-known_hosts"); err != nil {
			t.Fatalf("%v %s", err, out)
		}
		h.works(t, key, "agent:joiner", "join", "")
		if out, err := h.client(nil, "login", "--as", "joiner", "--join-token-file", secret, "--key", key); err == nil || !strings.Contains(out, "replayed") {
			t.Errorf("a second use: %v %s", err, out)
		}
	})
}

// works runs a command with a certificate that login wrote, and looks for whom it names everywhere.
func (h *tokenHouse) works(t *testing.T, key, principal, by, delegation string) {
	t.Helper()
	shown, err := exec.Command("ssh-keygen", "-L", "-f", key+"-cert.pub").CombinedOutput()
	if err != nil || !strings.Contains(string(shown), principal) || !strings.Contains(string(shown), "own=person:ann") || !strings.Contains(string(shown), "via="+delegation) && delegation != "" {
		t.Errorf("ssh-keygen -L: %v\n%s", err, shown)
	}
	config := filepath.Join(filepath.Dir(key), "ssh_config")
	if err := testhost.WriteSSHConfig(config, testhost.ClientHost{Alias: "gatehouse", Addr: h.SSHAddr, User: "deploy@web-1", Identity: key, KnownHosts: key + "-known_hosts",
		Options: []string{"HostKeyAlias gatehouse"}}); err != nil {
		t.Fatal(err)
	}
	r, err := testhost.SSH(t.Context(), config, nil, "-o", "BatchMode=yes", "gatehouse", "show")
	if err != nil || r.Status != 0 {
		t.Fatalf("%v %d %s", err, r.Status, r.Stderr)
	}
	name, _ := strings.CutPrefix(principal, "agent:")
	if log := h.Hosts["web-1"].AuthLog(); !strings.Contains(log, "agt="+name+";own=person:ann") || delegation != "" && !strings.Contains(log, ";via="+delegation) {
		t.Errorf("the target's own log does not name %s: %s", principal, log)
	}
	i := slices.IndexFunc(h.issues(), func(e audit.Entry) bool {
		return e.Object == principal && e.Outcome == "ok" && strings.Contains(string(e.Data), fmt.Sprintf("%q:%q", "by", by))
	})
	if i < 0 {
		t.Errorf("no entry for %s by %s", principal, by)
		return
	}
	var data struct{ Delegation string }
	if err := json.Unmarshal(h.issues()[i].Data, &data); err != nil || data.Delegation != delegation {
		t.Errorf("entry's delegation %q, %v", data.Delegation, err)
	}
}

// TestLoginIntoAgent has neither key nor certificate in a file: both are in the running ssh-agent, until the certificate ends.
func TestLoginIntoAgent(t *testing.T) {
	h := newTokenHouse(t)
	socket := filepath.Join(h.dir, "agent")
	agent := exec.Command("ssh-agent", "-D", "-a", socket)
	if err := agent.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = agent.Process.Kill()
		_ = agent.Wait()
	})
	eventually(t, func() bool {
		_, err := os.Stat(socket)
		return err == nil
	})
	env := []string{"SSH_AUTH_SOCK=" + socket}
	token := h.issuer.Sign(h.issuer.GitHub(tokenAudience, "acme/app", "refs/heads/main", time.Now()))
	known := filepath.Join(h.dir, "known_hosts")
	if out, err := h.client([]string{"GATEHOUSE_TOKEN=" + token}, "login", "--as", "deployer"); err == nil || !strings.Contains(out, "ssh-agent") {
		t.Errorf("without an agent: %v %s", err, out)
	}
	// What went wrong before anything was sent used nothing up.
	if out, err := h.client(append(env, "GATEHOUSE_TOKEN="+token), "login", "--as", "deployer", "--known-hosts", known); err != nil || !strings.Contains(out, "ssh-agent: agt=deployer") {
		t.Fatalf("%v %s", err, out)
	}
	host, port, _ := strings.Cut(h.SSHAddr, ":")
	cmd := exec.Command("ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "UserKnownHostsFile="+known, "-o", "HostKeyAlias=gatehouse", "-p", port, "-l", "deploy@web-1", host, "show")
	cmd.Env = append(env, "PATH="+os.Getenv("PATH"), "HOME=/no-home")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("ssh with the agent: %v %s", err, out)
	}
}
