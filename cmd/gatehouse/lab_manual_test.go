package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/bastion/shell"
	"gatehouse/internal/decider"
	"gatehouse/internal/supervisor"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

// example is commands of docs/lab.md and what they print.
var example = regexp.MustCompile("(?ms)^```sh (lab|log)\n(.*?)^```\n```text\n(.*?)^```$")

// varying is what is another each time.
var varying = regexp.MustCompile(`SHA256:\S+|20\d\d-\d\d-\d\dT\S+Z`)

// TestTheLabManualIsTrue runs the commands of docs/lab.md on the policy that is printed there, and compares what they print.
func TestTheLabManualIsTrue(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "lab.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	dir := openFolder(t)
	env := append(os.Environ(), "PATH="+filepath.Dir(build(t, dir))+":"+os.Getenv("PATH"))
	labScene(t, dir, string(text))
	n := 0
	updated := example.ReplaceAllFunc(text, func(block []byte) []byte {
		n++
		m := example.FindSubmatch(block)
		cmd := exec.Command("sh", "-c", string(m[2]))
		cmd.Dir, cmd.Env = dir, env
		got, err := cmd.Output()
		if _, exited := err.(*exec.ExitError); err != nil && !exited {
			t.Fatal(err)
		}
		shown := varying.ReplaceAllStringFunc(string(got), func(s string) string {
			return map[bool]string{true: "SHA256:…", false: "2026-11-28T12:00:00Z"}[strings.HasPrefix(s, "SHA256")]
		})
		if !*update && shown != string(m[3]) {
			t.Errorf("%s prints\n%s", m[2], shown)
		}
		return []byte("```sh " + string(m[1]) + "\n" + string(m[2]) + "```\n```text\n" + shown + "```")
	})
	if n < 8 {
		t.Fatalf("%d examples", n)
	}
	if *update {
		if err := os.WriteFile(path, updated, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// labScene lays out what the manual speaks of: policies, a test file, keys, and a data folder with a log.
func labScene(t *testing.T, dir, text string) {
	t.Helper()
	part := func(name string) string {
		t.Helper()
		_, rest, ok := strings.Cut(text, "\n```"+name+"\n")
		if !ok {
			t.Fatalf("no part %q", name)
		}
		body, _, _ := strings.Cut(rest, "```")
		return body
	}
	main := part("yaml policy")
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("policy.yaml", main)
	write("tests/logs.txtar", part("text logs.txtar"))
	write("open.yaml", strings.Replace(main, "      - uptime\n", part("yaml open"), 1))
	write("governed.yaml", strings.Replace(main, "    logins: [deploy]\n", "    logins: [deploy]\n    shell: governed\n", 1))
	write("proposed.yaml", strings.Replace(strings.Replace(main, "      - uptime\n", "", 1), "(status|is-active)", "(status|is-active|restart)", 1))
	allowed := ""
	for _, name := range []string{"ann", "ben"} {
		if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", filepath.Join(dir, name)).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		public, err := os.ReadFile(filepath.Join(dir, name+".pub"))
		if err != nil {
			t.Fatal(err)
		}
		allowed += "person:" + name + " " + string(public)
	}
	write("allowed_signers", allowed)
	p, err := policy.Parse([]policy.File{{Name: "policy.yaml", Data: []byte(main)}})
	if err != nil {
		t.Fatal(err)
	}
	labLog(t, filepath.Join(dir, "data"), p, "uptime", "uptime", "systemctl status app-api", "systemctl restart app-api", "tail -n 200 /var/log/app/api.log | grep -i error", "tail -n 50 /var/log/app/web.log")
}

// labLog writes the decisions on lines to the log of a data folder.
func labLog(t *testing.T, data string, p *policy.Policy, lines ...string) {
	t.Helper()
	dir := decider.LogDir(supervisor.DeciderDir(data))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	signer, verifier, err := audit.LoadOrCreateKey(dir, "test")
	if err != nil {
		t.Fatal(err)
	}
	log, err := audit.Open(audit.Config{Dir: dir, Signer: signer, VerifierKey: verifier, Origin: "test", Node: "test", Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	id, _ := p.Identity(policy.Agent, "release-bot", "")
	for _, line := range lines {
		plan, err := shell.Parse(line)
		if err != nil {
			t.Fatal(err)
		}
		d := p.Decide(policy.Request{Identity: id, Target: "web-1", Login: "deploy", Plan: plan, Facts: policy.Facts{Assume: true}})
		details, err := json.Marshal(map[string]any{"plan": plan, "rules": d.Rules, "code": d.Code})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := log.Append(t.Context(), audit.Entry{Type: audit.Decision, Actor: id.Principal(), Owner: id.Owner, Target: "web-1", Login: "deploy", Outcome: string(d.Verdict), Data: details}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTheCIExampleRuns: the policy repository of docs/examples/ci passes its own check, and a change that grants a shell does not.
func TestTheCIExampleRuns(t *testing.T) {
	dir := openFolder(t)
	env := append(os.Environ(), "PATH="+filepath.Dir(build(t, dir))+":"+os.Getenv("PATH"))
	repository := filepath.Join(dir, "repository")
	if err := os.CopyFS(repository, os.DirFS(filepath.Join("..", "..", "docs", "examples", "ci"))); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(dir, "base"), os.DirFS(filepath.Join(repository, "policy"))); err != nil {
		t.Fatal(err)
	}
	check := func() (string, error) {
		cmd := exec.Command("sh", filepath.Join(repository, "check.sh"), filepath.Join(dir, "base"))
		cmd.Env = env
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	out, err := check()
	if err != nil || !strings.Contains(out, "6 tests, 0 failed") || !strings.Contains(out, "0 errors, 0 warnings") || !strings.Contains(out, "0 newly allowed") {
		t.Fatalf("%v\n%s", err, out)
	}
	file := filepath.Join(repository, "policy", "policy.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), "    deny:\n", "      - bash <text>\n    deny:\n", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err = check()
	if err == nil || !strings.Contains(out, "bash can run any script") || !strings.Contains(out, "newly allowed by web-operator/allow[4]") {
		t.Errorf("%v\n%s", err, out)
	}
	for _, report := range []string{"tests.xml", "tests.sarif", "lint.sarif", "diff.txt"} {
		if info, err := os.Stat(filepath.Join(repository, "reports", report)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", report, err)
		}
	}
}
