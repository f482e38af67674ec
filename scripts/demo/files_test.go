package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"gatehouse/bastion/shell"
	"gatehouse/internal/config"
	"gatehouse/policy"
)

const someHostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8rYvRyIXjGrVnC7Nvd7sE2mGvYVkW1YjKq0vTzWnT4"

// TestFilesAreRight lets the product's own readers judge the three files, the policy's inline tests included.
func TestFilesAreRight(t *testing.T) {
	w := &world{dir: t.TempDir()}
	err := w.render(addresses{
		Door: "127.0.0.1:2222", Web: "127.0.0.1:8080", URL: "http://localhost:8080", Target: "127.0.0.1:22", HostKey: someHostKey, Approves: someHostKey,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := config.Load(filepath.Join(w.dir, "gatehouse.yaml")); err != nil {
		t.Error(err)
	}
	inventory, err := config.LoadInventory(filepath.Join(w.dir, "targets.yaml"))
	if err != nil || !inventory.Targets["web-1"].HasLogin("deploy") || !inventory.Targets["bastion-host"].HasLogin("demo") {
		t.Errorf("inventory %v, %v", inventory, err)
	}
	text, err := os.ReadFile(filepath.Join(w.dir, "policy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := policy.Parse([]policy.File{{Name: "policy.yaml", Data: text}})
	if err != nil {
		t.Fatal(err)
	}
	results := p.RunTests(shell.Parse)
	if len(results) == 0 {
		t.Error("the policy has no tests")
	}
	for _, r := range results {
		if r.Problem != "" {
			t.Errorf("%+v: %s", r.Test, r.Problem)
		}
	}
}

// TestPolicyGivesTheCodesThatTheDemoExpects decides the demo's denials without running anything.
func TestPolicyGivesTheCodesThatTheDemoExpects(t *testing.T) {
	text, err := files.ReadFile("files/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.ReplaceAll(text, []byte("{{.Approves}}"), []byte(someHostKey))
	p, err := policy.Parse([]policy.File{{Name: "policy.yaml", Data: text}})
	if err != nil {
		t.Fatal(err)
	}
	bot, ok := p.Identity(policy.Agent, "demo-bot", "")
	if !ok || bot.Owner != "person:ann" {
		t.Fatalf("demo-bot is %v, %v", bot, ok)
	}
	for line, want := range map[string]policy.Code{
		"uptime": "",
		"tail -n 100 /var/log/app/api.log | grep -c ERROR":          "",
		"tail -n 100 /var/log/app/api.log | grep nothing-like-this": "",
		"sleep 4711":                                 "",
		"systemctl restart nginx":                    policy.CodeNotAllowed,
		"uptime; cat /etc/shadow":                    policy.CodeNotAllowed,
		"tail -n 1 /var/log/app/../../../etc/shadow": policy.CodeBadArgument,
	} {
		plan, err := shell.Parse(line)
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		d := p.Decide(policy.Request{Identity: bot, Target: "web-1", Login: "deploy", Plan: plan, Facts: policy.Facts{Assume: true}})
		if d.Code != want {
			t.Errorf("%s: %q (%s), want %q", line, d.Code, d.Reason, want)
		}
	}
	for _, r := range []policy.Request{{Target: "web-1", Login: "deploy", PTY: true, Facts: policy.Facts{Assume: true}}, {Target: "bastion-host", Login: "demo", PTY: true, Facts: policy.Facts{Assume: true}}} {
		r.Identity = bot
		r.Plan = policy.Plan{Op: policy.OpRun, Argv: policy.Argv{map[string]string{"web-1": "top", "bastion-host": "id"}[r.Target]}}
		if d := p.Decide(r); d.Verdict != policy.Allow {
			t.Errorf("%v on a pty: %s (%s)", r.Plan, d.Code, d.Reason)
		}
	}
	for _, line := range []string{"tail -n 1 $(cp /etc/shadow /tmp/loot)", "uptime > /home/deploy/.profile"} {
		plan, err := shell.Parse(line)
		if err != nil {
			continue
		}
		if d := p.Decide(policy.Request{Identity: bot, Target: "web-1", Login: "deploy", Plan: plan}); d.Verdict != policy.Deny {
			t.Errorf("%s: %s", line, d.Verdict)
		}
	}
}
