package policy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/bastion/shell"
	"gatehouse/policy"
)

// hostileRepository is a repository whose configuration starts a program that leaves the file PWN. Nothing in the commands that are run
// in it is odd.
func hostileRepository(t *testing.T, config ...string) string {
	t.Helper()
	dir := t.TempDir()
	git := func(args ...string) {
		cmd := exec.Command("git", append([]string{"-C", dir}, args...)...)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %q: %v: %s", args, err, out)
		}
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"p", "post-checkout"} {
		write(name, "#!/bin/sh\ntouch '"+dir+"/PWN'\nexit 1\n")
	}
	git("init", "-q")
	git("config", "user.email", "a@example.com")
	git("config", "user.name", "a")
	write("f", "one\n")
	git("add", "f")
	git("commit", "-qm", "one")
	write("f", "two\n")
	write(".gitattributes", "f diff=d filter=c\n")
	git("commit", "-qam", "two")
	write("f", "three\n")
	git("stash")
	write("f", "one\n")
	for i := 0; i < len(config); i += 2 {
		git("config", config[i], strings.ReplaceAll(config[i+1], "DIR", dir))
	}
	if err := os.RemoveAll(filepath.Join(dir, "PWN")); err != nil {
		t.Fatal(err)
	}
	return dir
}

const gitPolicy = `version: 1
people: {ann: {}}
agents: {bot: {owner: person:ann, roles: [web]}}
roles:
  web:
    targets: [web-1]
    logins: [deploy]
    allow: ["git -C <path:/**> <text>...", "git -C <path:/**> stash list -p"]
`

// row 104
//
// TestARepositorysConfiguration: what a repository's own configuration would start does not start, by the fixed additions that are part
// of the final plan. What starts all the same is what docs/threat-model.md has in row 104; if that changes, so must the page.
func TestARepositorysConfiguration(t *testing.T) {
	for _, c := range []struct {
		about   string
		config  []string
		command string
		starts  bool
	}{
		{"a file system monitor", []string{"core.fsmonitor", "DIR/p"}, "status", false},
		{"a pager", []string{"core.pager", "DIR/p"}, "log", false},
		{"a pager of the sub-command", []string{"pager.log", "DIR/p"}, "log", false},
		{"a text converter", []string{"diff.d.textconv", "DIR/p"}, "diff", false},
		{"a text converter in the log", []string{"diff.d.textconv", "DIR/p"}, "show", false},
		{"a text converter in blame", []string{"diff.d.textconv", "DIR/p"}, "blame f", false},
		{"a text converter in annotate", []string{"diff.d.textconv", "DIR/p"}, "annotate f", false},
		{"a text converter in the stash", []string{"diff.d.textconv", "DIR/p"}, "stash list -p", false},
		{"a diff program", []string{"diff.external", "DIR/p"}, "diff", false},
		{"a diff driver", []string{"diff.d.command", "DIR/p"}, "diff HEAD", false},
		{"hooks", []string{"core.hooksPath", "DIR"}, "checkout HEAD", false},
		{"an ssh command", []string{"core.sshCommand", "DIR/p", "remote.origin.url", "ssh://127.0.0.1:1/x"}, "ls-remote origin", false},
		{"a URL that is a command", []string{"protocol.allow", "always", "remote.origin.url", "ext::DIR/p"}, "ls-remote origin", false},
		{"an alias of a sub-command", []string{"alias.log", "!DIR/p"}, "log", false},
		{"a filter", []string{"filter.c.clean", "DIR/p"}, "diff", true},
		{"a remote's program", []string{"remote.origin.url", "DIR", "remote.origin.uploadpack", "DIR/p"}, "ls-remote origin", true},
		{"a proxy", []string{"core.gitProxy", "DIR/p", "remote.origin.url", "git://127.0.0.1:1/x"}, "ls-remote origin", true},
		{"an alias", []string{"alias.x", "!DIR/p"}, "x", true},
		{"a text converter in range-diff", []string{"diff.d.textconv", "DIR/p"}, "range-diff HEAD~1..HEAD HEAD~1..HEAD", true},
	} {
		dir := hostileRepository(t, c.config...)
		argv := append(policy.Argv{"git", "-C", dir}, strings.Fields(c.command)...)
		d, _ := settle(t, parsed(t, gitPolicy), asDeploy(run(argv...)), world{home: "/home/deploy", programs: map[string]policy.ProgramFact{"git": root("/usr/bin/git")}})
		if d.Verdict != policy.Allow {
			t.Fatalf("%s: %s", c.about, d.Reason)
		}
		cmd := exec.Command("script", "-qefc", d.Plan.Line(nil), "/dev/null") // on a terminal, where pagers start
		cmd.Env = []string{"PATH=/usr/bin:/bin", "HOME=" + dir}
		out, _ := cmd.CombinedOutput()
		if _, err := os.Stat(filepath.Join(dir, "PWN")); (err == nil) != c.starts {
			t.Errorf("%s: %s: started %t, and docs/threat-model.md says %t\n%s", c.about, d.Plan, err == nil, c.starts, out)
		}
	}
}

// TestNoRepositoryOfTheAgents: under the example policies git runs only where the agent cannot make a repository of its own, whose
// configuration would start what it likes (remote.origin.uploadpack, filters).
func TestNoRepositoryOfTheAgents(t *testing.T) {
	text, err := os.ReadFile("../docs/examples/web-operator.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p := parsed(t, string(text))
	ask := func(line string) policy.Decision {
		plan, err := shell.ParseFor(shell.Context{Login: "deploy"}, line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		id, _ := p.Identity(policy.Agent, "web-agent", "")
		return p.Decide(policy.Request{Identity: id, Target: "web-1", Login: "deploy", Plan: plan, Facts: policy.Facts{Assume: true}})
	}
	for _, line := range []string{"mkdir -p /srv/app/tmp/upload/objects /srv/app/tmp/upload/refs", "tee /srv/app/tmp/upload/config", "tee /srv/app/tmp/upload/HEAD",
		"cp /srv/app/tmp/upload/config /srv/app/tmp/x/.git/config", "cd /srv/app && git fetch origin", "git -C /srv/app status"} {
		if d := ask(line); d.Verdict != policy.Allow {
			t.Errorf("%s: %s", line, d.Reason)
		}
	}
	for _, command := range []string{"git fetch origin", "git status", "git diff", "git log -p", "git show", "git stash list", "git blame f", "git fetch --all", "git grep x", "git describe --dirty"} {
		for _, dir := range []string{"/srv/app/tmp/upload", "/srv/app/tmp", "/srv/app/tmp/x"} {
			if d := ask("cd " + dir + " && " + command); d.Verdict != policy.Deny {
				t.Errorf("cd %s && %s: %s", dir, command, d.Verdict)
			}
		}
	}
}
