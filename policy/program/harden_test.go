package program_test

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/creack/pty"

	"gatehouse/policy/program"
)

// repository makes a folder with a git repository, in which one script, payload, writes its name next to it when it runs.
func repository(t *testing.T) (dir, payload string) {
	t.Helper()
	dir = t.TempDir()
	payload = filepath.Join(dir, "payload")
	write(t, payload, "#!/bin/sh\ntouch \"$0.ran\"\n", 0o755)
	repo := filepath.Join(dir, "repo")
	for _, args := range []string{"init -q repo", "-C repo config user.name x", "-C repo config user.email x@example.com"} {
		git(t, dir, nil, append([]string{"git"}, strings.Fields(args)...)...)
	}
	write(t, filepath.Join(repo, "f.dat"), "one\n", 0o644)
	write(t, filepath.Join(repo, ".gitattributes"), "*.dat diff=evil\n", 0o644)
	git(t, repo, nil, "git", "add", ".")
	git(t, repo, nil, "git", "commit", "-qm", "first")
	write(t, filepath.Join(repo, "f.dat"), "two\n", 0o644)
	return repo, payload
}

func write(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}

// git runs a command; what it prints and whether it succeeds is for the caller to judge.
func git(t *testing.T, dir string, env [][2]string, argv ...string) (string, error) {
	t.Helper()
	out, err := command(dir, env, argv).CombinedOutput()
	return string(out), err
}

// gitOnPTY is git with a terminal, where it uses a pager.
func gitOnPTY(t *testing.T, dir string, env [][2]string, argv ...string) (string, error) {
	t.Helper()
	cmd := command(dir, env, argv)
	terminal, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	out, _ := io.ReadAll(terminal) // ends with EIO when the last program is gone
	return string(out), cmd.Wait()
}

func command(dir string, env [][2]string, argv []string) *exec.Cmd {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "LC_ALL=C", "TERM=dumb"}
	for _, e := range env {
		cmd.Env = append(cmd.Env, e[0]+"="+e[1])
	}
	return cmd
}

// TestAHostileRepositoryRunsNothing has each way a repository's configuration starts a program, and shows that it does so
// without the additions and not with them.
func TestAHostileRepositoryRunsNothing(t *testing.T) {
	for _, c := range []struct {
		name   string
		config []string // keys; the value is the payload
		hook   string
		run    string
		pty    bool
	}{
		{name: "fsmonitor", config: []string{"core.fsmonitor"}, run: "git status"},
		{name: "fsmonitor after -C", config: []string{"core.fsmonitor"}, run: "git -C . status"},
		{name: "fsmonitor asked for", config: []string{"core.fsmonitor"}, run: "git -c core.fsmonitor=PAYLOAD status"},
		{name: "pager", config: []string{"core.pager"}, run: "git log", pty: true},
		{name: "pager of one command", config: []string{"pager.log"}, run: "git log", pty: true},
		{name: "textconv in diff", config: []string{"diff.evil.textconv"}, run: "git diff"},
		{name: "textconv in log", config: []string{"diff.evil.textconv"}, run: "git log -p"},
		{name: "textconv in show", config: []string{"diff.evil.textconv"}, run: "git show HEAD"},
		{name: "textconv in blame", config: []string{"diff.evil.textconv"}, run: "git blame f.dat"},
		{name: "textconv in reflog", config: []string{"diff.evil.textconv"}, run: "git reflog -p"},
		{name: "external diff", config: []string{"diff.external"}, run: "git diff"},
		{name: "external diff of one driver", config: []string{"diff.evil.command"}, run: "git diff HEAD"},
		{name: "hook", hook: "pre-commit", run: "git commit -qam x"},
		{name: "hooks folder", hook: "post-checkout", run: "git checkout -q HEAD"},
		{name: "editor", config: []string{"core.editor"}, run: "git commit -qa"},
		{name: "ssh command", config: []string{"core.sshCommand"}, run: "git ls-remote ssh://localhost:1/x"},
		{name: "ext transport", config: []string{"protocol.ext.allow"}, run: "git ls-remote ext::PAYLOAD"},
	} {
		t.Run(c.name, func(t *testing.T) {
			repo, payload := repository(t)
			for _, key := range c.config {
				value := payload
				if key == "protocol.ext.allow" {
					value = "always"
				}
				git(t, repo, nil, "git", "config", key, value)
			}
			if c.hook != "" {
				write(t, filepath.Join(repo, ".git/hooks", c.hook), "#!/bin/sh\nexec "+payload+" </dev/null\n", 0o755)
			}
			argv := strings.Fields(strings.ReplaceAll(c.run, "PAYLOAD", payload))
			hardened, env := program.Of("git").Harden(argv)
			start := git
			if c.pty {
				start = gitOnPTY
			}
			if out, _ := start(t, repo, env, hardened...); ran(payload) {
				t.Errorf("the payload ran in %q: %s", hardened, out)
			}
			if out, _ := start(t, repo, nil, argv...); !ran(payload) {
				t.Errorf("the payload did not run without the additions, so that this shows nothing: %s", out)
			}
		})
	}
}

func ran(payload string) bool {
	_, err := os.Stat(payload + ".ran")
	return err == nil
}

// TestAdditionsPrintTheSame has commands that must print the same with the additions.
func TestAdditionsPrintTheSame(t *testing.T) {
	repo, _ := repository(t)
	git(t, repo, nil, "git", "tag", "v1")
	for _, line := range []string{
		"git", "git --version", "git status", "git status --short", "git log", "git log --oneline -n 1 -p", "git log -- f.dat", "git -C .git log", "git diff", "git diff --stat", "git diff HEAD -- f.dat",
		"git show v1", "git show v1:f.dat", "git whatchanged", "git reflog", "git reflog show", "git reflog exists HEAD", "git blame f.dat", "git branch -a", "git tag", "git rev-parse HEAD", "git ls-files",
		"git diff-tree HEAD", "git diff-index HEAD", "git diff-files", "git format-patch --stdout --root", "git ls-remote .", "git remote -v", "git archive HEAD f.dat", "git grep one", "git stash list",
		"git describe --tags", "git cat-file -p HEAD", "git --no-pager log", "git --git-dir=.git log", "git -P log", "git nosuch", "git --nosuch log", "git submodule status", "git upload-pack --advertise-refs .",
		"git shortlog HEAD", "git annotate f.dat",
	} {
		argv := strings.Fields(line)
		hardened, env := program.Of("git").Harden(argv)
		want, wantErr := git(t, repo, nil, argv...)
		got, gotErr := git(t, repo, env, hardened...)
		if got != want || (gotErr == nil) != (wantErr == nil) {
			t.Errorf("%q prints\n%s%q prints\n%s", argv, want, hardened, got)
		}
	}
}

func TestHarden(t *testing.T) {
	for _, line := range []string{"ls -la", "nosuch x", "less /x", "systemctl status x", "git upload-pack /x", "git receive-pack /x"} {
		argv := strings.Fields(line)
		if hardened, _ := program.Of(argv[0]).Harden(argv); !slices.Equal(hardened, argv) {
			t.Errorf("%q becomes %q", argv, hardened)
		}
	}
	argv := strings.Fields("/usr/bin/git -C /srv diff -- x")
	want := strings.Fields("/usr/bin/git -C /srv -c core.fsmonitor=false -c core.hooksPath=/dev/null -c core.pager=cat -c log.showSignature=false -c gpg.program=false -c gpg.ssh.program=false -c gpg.x509.program=false diff --no-ext-diff --no-textconv -- x")
	before := slices.Clone(argv)
	if hardened, _ := program.Of(argv[0]).Harden(argv); !slices.Equal(hardened, want) || !slices.Equal(argv, before) {
		t.Errorf("got %q", hardened)
	}
	for name, variable := range map[string]string{"less": "LESSSECURE=1", "man": "MANPAGER=cat", "systemctl": "SYSTEMD_PAGER=cat", "journalctl": "SYSTEMD_LESS=", "psql": "PAGER=cat", "git": "GIT_CONFIG_NOSYSTEM=1"} {
		_, env := program.Of(name).Harden([]string{name})
		if !slices.ContainsFunc(env, func(e [2]string) bool { return e[0]+"="+e[1] == variable }) {
			t.Errorf("%s has no %s: %q", name, variable, env)
		}
	}
	if hardened, env := program.Of("git").Harden(nil); hardened != nil || env != nil {
		t.Error("an empty command has additions")
	}
	if program.Of("nosuch").Known() || !program.Of("/usr/bin/grep").Filter || program.Of("rm").Filter || program.Of("awk").Filter {
		t.Error("the table is mistaken")
	}
}

// TestTheTableIsWholeAndFree has a name that an agent can be expected to use.
func TestTheTableIsWhole(t *testing.T) {
	for _, name := range strings.Fields(`ls cat head tail grep egrep fgrep zgrep wc sort uniq cut tr tee sed awk find xargs stat file du df free uptime ps pgrep id whoami hostname
uname date echo printf test true false env which readlink realpath basename dirname md5sum sha256sum diff cmp cp mv rm mkdir rmdir touch ln chmod chown tar gzip gunzip zcat zip
unzip dd git rsync curl wget ss ip ping dig host systemctl journalctl loginctl timedatectl hostnamectl service apt apt-get apt-cache dpkg dpkg-query rpm dnf pip npm python3 node
docker kubectl crictl helm psql mysql redis-cli sqlite3 jq yq less more man top htop vim nano kill pkill nginx openssl`) {
		if p := program.Of(name); p.Name != name {
			t.Errorf("%s is not in the table", name)
		}
	}
}
