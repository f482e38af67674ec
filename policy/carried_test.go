package policy_test

import (
	"slices"
	"strings"
	"testing"

	"gatehouse/bastion/shell"
	"gatehouse/policy"
)

const carriedPolicy = `version: 1
people: {ann: {}}
agents: {bot: {owner: person:ann, roles: [mover, limited, sftp, maybe]}}
roles:
  mover:
    targets: [web-1]
    logins: [deploy]
    limits: {session: 30m, bytes_in: 2MiB}
    env: [LANG, "LC_*", APP]
    files:
      read: ["/srv/app/**", "/srv/flat/*", "/srv/git/*", "~/repo.git", "~/in/**"]
      write: [/srv/app/site, "/srv/app/site/**", "/srv/below/**", /srv/one, "/srv/flat/*", /srv/git/app.git]
      deny: ["/srv/app/site/keys/**", "/srv/app/shut"]
      by: [rsync, git]
    allow: [uptime, "find <path:/srv/app/**> -exec rsync --version"]
    deny: ["rsync --server --sender <text> . <path:/srv/app/ruled>"]
  limited: {targets: [web-1], logins: [deploy], limits: {session: 10m}, files: {read: ["/srv/app/logs/**"], by: [rsync]}}
  sftp: {targets: [web-1], logins: [deploy], files: {read: ["/srv/sftp/**"]}}
  maybe: {targets: [web-1], logins: [deploy], when: 'target.labels["none"] == "x"', files: {read: ["/etc/**"], by: [rsync, git]}}
`

// carriedWorld has a folder tree with links and repositories.
var carriedWorld = func() world {
	w := world{home: "/home/deploy", programs: map[string]policy.ProgramFact{}, paths: map[string]string{
		"/srv/app/out": "/etc", "/srv/app/out/": "/etc", "/srv/app/in": "/srv/app/logs", "/srv/app/site/up": "/srv/app", "/srv/app/../x": "/srv/x", "/srv/app/site/../site": "/srv/app/site",
		"/srv/app/linkfile": "/etc/passwd", "/srv/git/link.git": "/srv/secret.git", "/srv/git/linked.git/objects": "/srv/secret.git/objects",
		"/srv/app/": "/srv/app", "/srv/app/site/": "/srv/app/site", "/srv/below/": "/srv/below", "/srv/flat/d/": "/srv/flat/d", "/srv/app/logs/": "/srv/app/logs", "/srv/app/site/new/": "/srv/app/site/new",
		"/home/deploy/in/": "/home/deploy/in", "/home/deploy/.": "/home/deploy"},
		globs: map[string][]string{"/srv/app/*.txt": {"/srv/app/a.txt", "/srv/app/linkfile"}, "/srv/app/a*": {"/srv/app/a.txt"}},
		kinds: map[string]policy.PathKind{"/etc": policy.PathDir, "/srv/app/fifo": policy.PathOther, "/srv/secret.git": policy.PathDir}}
	for _, name := range []string{"rsync", "/usr/bin/rsync", "git-upload-pack", "git-receive-pack", "git-upload-archive", "git", "uptime", "find", "timeout"} {
		w.programs[name] = root("/usr/bin/" + name[strings.LastIndexByte(name, '/')+1:])
	}
	w.programs["/tmp/rsync"] = policy.ProgramFact{Path: "/tmp/rsync", Why: "/tmp is everybody's"}
	w.programs["/opt/rsync"] = root("/opt/rsync")
	for _, dir := range []string{"/srv/app", "/srv/app/logs", "/srv/app/site", "/srv/below", "/srv/flat", "/srv/flat/d", "/home/deploy/in", "/home/deploy"} {
		w.kinds[dir] = policy.PathDir
	}
	for _, repo := range []string{"/srv/git/app.git", "/srv/git/docs.git", "/srv/git/linked.git", "/srv/git/borrows.git", "/srv/git/tree", "/srv/git/work", "/home/deploy/repo.git", "/srv/secret.git"} {
		inside := repo
		if repo == "/srv/git/work" {
			inside += "/.git"
		}
		for _, dir := range []string{repo, inside, inside + "/objects", inside + "/refs"} {
			w.kinds[dir] = policy.PathDir
		}
		for _, none := range []string{"/commondir", "/objects/info/alternates"} {
			w.kinds[repo+none], w.kinds[inside+none] = policy.PathNone, policy.PathNone
		}
		for _, none := range []string{".git", ".git/.git", "/.git", "/objects", "/refs"} {
			if _, there := w.kinds[repo+none]; !there {
				w.kinds[repo+none] = policy.PathNone
			}
		}
	}
	w.kinds["/srv/git/tree/.git"] = policy.PathFile // a linked worktree
	w.kinds["/srv/git/borrows.git/objects/info/alternates"] = policy.PathFile
	for _, none := range []string{"/srv/git/app", "/srv/git/app/.git", "/srv/git/none", "/srv/git/none/.git", "/srv/git/none.git", "/srv/git/none.git/.git", "/srv/app/site/new", "/srv/one/.git"} {
		w.kinds[none] = policy.PathNone
	}
	return w
}()

// TestCarriedLines: what clients of rsync and git start is allowed by the files of a role alone, and by them only as far as all that they would
// read and write is listed, by its text and by where it leads.
func TestCarriedLines(t *testing.T) {
	p := parsed(t, carriedPolicy)
	const bits, push = "rsync --server --sender -logDtpre.iLsfxCIvu ", "rsync --server -logDtpre.iLsfxCIvu "
	for _, c := range []struct {
		line string
		want policy.Code
	}{
		// A sender reads: folders with all below them, files, what is below the home.
		{bits + ". /srv/app/", policy.CodeDeniedByRule}, // the keys are below it
		{bits + ". /srv/app/logs", ""}, {bits + ". /srv/app/logs/", ""}, {bits + ". /srv/app/a.txt /srv/app/logs", ""}, {bits + ". /srv/flat/x", ""}, {bits + ". '/srv/app/a b'", ""},
		{bits + ". /srv/app/a*", ""}, {bits + ". in/", ""}, {bits + ". ~/in/", ""}, {bits + ". /srv/app/in", ""}, {bits + ". /srv/app/fifo", ""}, {bits + "--timeout=60 --bwlimit=9 . /srv/app/a.txt", ""},
		{"rsync --server --sender -nde.LsfxCIvu --list-only . /srv/app/logs/", ""}, {"rsync --server --sender -logDtpr . /srv/app/logs", ""}, {"/usr/bin/rsync --server --sender -re.iLs . /srv/app/logs", ""},
		{bits + ". /srv/flat/d", policy.CodeFileNotAllowed}, {bits + ". /srv/flat/d/", policy.CodeFileNotAllowed}, {bits + ". /srv/flat", policy.CodeFileNotAllowed}, {bits + ". /srv", policy.CodeFileNotAllowed}, {bits + ". /", policy.CodeFileNotAllowed},
		{bits + ". /srv/app/*.txt", policy.CodeFileNotAllowed}, {bits + ". /srv/app/out/", policy.CodeFileNotAllowed}, {bits + ". /srv/app/out", policy.CodeFileNotAllowed}, {bits + ". /srv/app/linkfile", policy.CodeFileNotAllowed},
		{bits + ". /srv/app/../x", policy.CodeFileNotAllowed}, {bits + ". /etc/passwd", policy.CodeFileNotAllowed}, {bits + ". .", policy.CodeFileNotAllowed}, {bits + ". '~root/x'", policy.CodeFileNotAllowed}, {bits + ". /srv/app/a.txt /etc/passwd", policy.CodeFileNotAllowed},
		{bits + ". /srv/app/shut", policy.CodeDeniedByRule}, {bits + ". /srv/app/ruled", policy.CodeDeniedByRule}, {bits + ". /srv/sftp/x", policy.CodeFileNotAllowed},
		{bits + ". /srv/app/site/keys/a", policy.CodeDeniedByRule}, {bits + ". /srv/app/site/keys", policy.CodeDeniedByRule}, {bits + ". /srv/app/site", policy.CodeDeniedByRule},
		// A receiver writes: the path itself and all below it.
		{push + ". /srv/app/site/new/", ""}, {push + ". /srv/app/site/new", ""}, {push + "--delete --partial --log-format=%i . /srv/app/site/new/", ""}, {"rsync --server -tpe.iLs . /srv/one", ""}, {"rsync --server -tpe.iLs . /srv/flat/x", ""},
		{push + ". /srv/app/site/", policy.CodeDeniedByRule}, {push + ". /srv/below/", policy.CodeFileNotAllowed}, {push + ". /srv/below/x", ""}, {push + ". /srv/one", policy.CodeFileNotAllowed}, {push + ". /srv/flat/x", policy.CodeFileNotAllowed},
		{"rsync --server -tpe.iLs . /srv/flat/d", policy.CodeFileNotAllowed}, {push + ". /srv/app/", policy.CodeFileNotAllowed}, {push + ". /srv/app/site/up", policy.CodeFileNotAllowed}, {push + ". /srv/app/logs/", policy.CodeFileNotAllowed},
		{push + ". /srv/app/site/new /srv/one", policy.CodeBadArgument}, {push + ". /srv/app/site/keys/x", policy.CodeDeniedByRule}, {push + ". /etc/cron.d/x", policy.CodeFileNotAllowed},
		// What is removed once it was sent must be listed to be written.
		{bits + "--remove-source-files . /srv/app/site/new", ""}, {bits + "--remove-source-files . /srv/app/logs", policy.CodeFileNotAllowed}, {bits + "--remove-sent-files . /srv/app/a.txt", policy.CodeFileNotAllowed},
		// Options that nobody has looked at, by hand and by the client.
		{"rsync --server --sender -logDtprLe.iLs . /srv/app/a.txt", policy.CodeBadArgument}, {"rsync --server --sender -ke.iLs . /srv/app/a.txt", policy.CodeBadArgument}, {"rsync --server -Ke.iLs . /srv/app/site/new", policy.CodeBadArgument},
		{"rsync --server --sender -Re.iLs . /srv/app/a.txt", policy.CodeBadArgument}, {"rsync --server --sender -slogDtpre.iLsfxCIvu", policy.CodeBadArgument}, {"rsync --server --sender -be.iLs . /srv/app/a.txt", policy.CodeBadArgument},
		{"rsync --server --sender -Ce.iLs . /srv/app/a.txt", policy.CodeBadArgument}, {bits + "-e/tmp/x . /srv/app/a.txt", policy.CodeBadArgument}, {bits + "-e /tmp/x . /srv/app/a.txt", policy.CodeBadArgument}, {bits + "-e./tmp/x . /srv/app/a.txt", policy.CodeBadArgument},
		{"rsync --server --sender -logDtpre.iLsfxCIvu/x . /srv/app/a.txt", policy.CodeBadArgument}, {bits + "--rsh=/tmp/x . /srv/app/a.txt", policy.CodeBadArgument}, {bits + "--copy-links . /srv/app/a.txt", policy.CodeBadArgument}, {bits + "--secluded-args . /srv/app/a.txt", policy.CodeBadArgument},
		{bits + "--protect-args . /srv/app/a.txt", policy.CodeBadArgument}, {bits + "--copy-unsafe-links . /srv/app/a.txt", policy.CodeBadArgument}, {bits + "--copy-devices . /srv/app/a.txt", policy.CodeBadArgument}, {bits + "--files-from=/etc/passwd . /srv/app/a.txt", policy.CodeBadArgument},
		{bits + "--files-from - . /srv/app/a.txt", policy.CodeBadArgument}, {bits + "--exclude-from=/etc/passwd . /srv/app/a.txt", policy.CodeBadArgument}, {bits + "--filter=x . /srv/app/a.txt", policy.CodeBadArgument}, {bits + "--iconv=utf8 . /srv/app/a.txt", policy.CodeBadArgument},
		{push + "--temp-dir=/tmp . /srv/app/site/new", policy.CodeBadArgument}, {push + "--temp-dir /tmp . /srv/app/site/new", policy.CodeBadArgument}, {push + "-T/tmp . /srv/app/site/new", policy.CodeBadArgument}, {push + "--partial-dir=/tmp . /srv/app/site/new", policy.CodeBadArgument},
		{push + "--backup-dir=/tmp . /srv/app/site/new", policy.CodeBadArgument}, {push + "--link-dest=/etc . /srv/app/site/new", policy.CodeBadArgument}, {push + "--copy-dest=/etc . /srv/app/site/new", policy.CodeBadArgument}, {push + "--compare-dest=/etc . /srv/app/site/new", policy.CodeBadArgument},
		{push + "--log-file=/tmp/x . /srv/app/site/new", policy.CodeBadArgument}, {push + "--log-format=/tmp . /srv/app/site/new", policy.CodeBadArgument}, {push + "--mkpath . /srv/app/site/new", policy.CodeBadArgument}, {push + "--write-devices . /srv/app/site/new", policy.CodeBadArgument},
		{push + "--fake-super . /srv/app/site/new", policy.CodeBadArgument}, {push + "--super . /srv/app/site/new", policy.CodeBadArgument}, {push + "'--usermap=*:root' . /srv/app/site/new", policy.CodeBadArgument}, {push + "--delete=x . /srv/app/site/new", policy.CodeBadArgument},
		{push + "--timeout . /srv/app/site/new", policy.CodeBadArgument}, {push + "--timeout=x . /srv/app/site/new", policy.CodeBadArgument}, {push + "-- . /srv/app/site/new", policy.CodeBadArgument}, {push + "- . /srv/app/site/new", policy.CodeBadArgument},
		{"rsync --server --daemon --config=/tmp/x .", policy.CodeBadArgument}, {"rsync --daemon", policy.CodeBadArgument}, {"rsync -a /srv/app/ host:/", policy.CodeBadArgument}, {"rsync", policy.CodeBadArgument}, {"rsync --server", policy.CodeBadArgument},
		{"rsync --server --sender", policy.CodeBadArgument}, {bits + ".", policy.CodeBadArgument}, {bits + ". -x", policy.CodeBadArgument}, {bits + ". --rsh=x", policy.CodeBadArgument}, {bits + ". ''", policy.CodeBadArgument}, {bits + "/srv/app/a.txt", policy.CodeBadArgument},
		{"rsync -re.iLs --server --sender . /srv/app/a.txt", policy.CodeBadArgument}, {"rsync --sender --server -re.iLs . /srv/app/a.txt", policy.CodeBadArgument},
		// Other programs, and more than the one command.
		{"/tmp/rsync --server --sender -re.iLs . /srv/app/logs", policy.CodeProgram}, {"/opt/rsync --server --sender -re.iLs . /srv/app/logs", policy.CodeProgram}, {"./rsync --server --sender -re.iLs . /srv/app/logs", policy.CodeProgram},
		{"uptime && " + bits + ". /srv/app/logs", policy.CodeNotAllowed}, {bits + ". /srv/app/logs; uptime", policy.CodeNotAllowed}, {"timeout 5 " + bits + ". /srv/app/logs", policy.CodeNotAllowed}, {"cd /etc && " + bits + ". /srv/app/logs", policy.CodeNotAllowed},
		{bits + ". /srv/app/logs > /srv/app/site/x", policy.CodeNotAllowed}, {"APP=1 " + bits + ". /srv/app/logs", policy.CodeNotAllowed}, {"umask 000 && " + bits + ". /srv/app/logs", policy.CodeNotAllowed}, {"! " + bits + ". /srv/app/logs", policy.CodeNotAllowed},
		// git: a repository by its path, whatever the name by which it is found.
		{"git-upload-pack '/srv/git/app.git'", ""}, {"git-upload-pack /srv/git/app", ""}, {"git-upload-pack '/srv/git/work'", ""}, {"git upload-pack /srv/git/docs.git/", ""}, {"git-upload-archive /srv/git/docs.git", ""}, {"git-upload-pack --strict --timeout=5 /srv/git/app.git", ""},
		{"git-receive-pack '/srv/git/app.git'", ""}, {"git receive-pack /srv/git/app.git", ""}, {"git-upload-pack repo.git", ""}, {"git-upload-pack ~/repo.git", ""}, {"git-upload-pack /srv/git/none", ""},
		{"git-receive-pack /srv/git/docs.git", policy.CodeFileNotAllowed}, {"git-upload-pack /srv/secret.git", policy.CodeFileNotAllowed}, {"git-upload-pack /srv/git/link.git", policy.CodeFileNotAllowed}, {"git-upload-pack /srv/git/../secret.git", policy.CodeFileNotAllowed},
		{"git-upload-pack /srv/git/tree", policy.CodeFileNotAllowed}, {"git-upload-pack /srv/git/linked.git", policy.CodeFileNotAllowed}, {"git-upload-pack /srv/git/borrows.git", policy.CodeFileNotAllowed}, {"git-upload-pack /srv/git", policy.CodeFileNotAllowed}, {"git-upload-pack /", policy.CodeFileNotAllowed},
		{"git-upload-pack '~/repo.git'", policy.CodeBadArgument}, {"git-upload-pack '~root/repo.git'", policy.CodeBadArgument}, {"git-upload-pack", policy.CodeBadArgument}, {"git-upload-pack ''", policy.CodeBadArgument}, {"git-upload-pack /srv/git/app.git /etc", policy.CodeBadArgument},
		{"git-upload-pack --stateless-rpc /srv/git/app.git", policy.CodeBadArgument}, {"git-upload-pack --advertise-refs /srv/git/app.git", policy.CodeBadArgument}, {"git-upload-pack --no-strict /srv/git/app.git", policy.CodeBadArgument}, {"git-upload-pack -- /srv/git/app.git", policy.CodeBadArgument},
		{"git-receive-pack --strict /srv/git/app.git", policy.CodeBadArgument}, {"git-receive-pack --skip-connectivity-check /srv/git/app.git", policy.CodeBadArgument}, {"git-upload-archive --writer /srv/git/app.git", policy.CodeBadArgument}, {"git-upload-pack --timeout=x /srv/git/app.git", policy.CodeBadArgument},
		{"git -c uploadpack.packObjectsHook=/tmp/x upload-pack /srv/git/app.git", policy.CodeNotAllowed}, {"git --git-dir=/srv/secret.git upload-pack /srv/git/app.git", policy.CodeNotAllowed}, {"git -C /srv upload-pack git/app.git", policy.CodeNotAllowed}, {"git status", policy.CodeNotAllowed}, {"git upload-pack--writer /srv/git/app.git", policy.CodeNotAllowed},
		{"git-upload-pack /srv/git/app.git | uptime", policy.CodeNotAllowed}, {"git-shell -c x", policy.CodeNotAllowed}, {"git-http-backend", policy.CodeNotAllowed},
	} {
		plan, err := shell.Parse(c.line)
		if err != nil {
			t.Errorf("%s: %v", c.line, err)
			continue
		}
		d, asked := settle(t, p, asDeploy(plan), carriedWorld)
		if d.Code != c.want || c.want == "" && d.Verdict != policy.Allow {
			t.Errorf("%s: %s %s (%s), want %q", c.line, d.Verdict, d.Code, d.Reason, c.want)
		}
		if d.Verdict == policy.Allow && (d.Stdin != policy.StdinData || d.Mode != policy.Plain || !slices.Contains(d.Rules, "mover/files") && !slices.Contains(d.Rules, "limited/files")) {
			t.Errorf("%s: %+v", c.line, d)
		}
		if c.want == policy.CodeBadArgument && len(asked) > 0 {
			t.Errorf("%s: %v was looked up for words that nobody understands", c.line, asked)
		}
	}
}

// TestCarriedLimits: the limits of every role whose files take part hold, and of no other.
func TestCarriedLimits(t *testing.T) {
	p := parsed(t, carriedPolicy)
	for line, want := range map[string]policy.Obligations{
		"rsync --server --sender -re.iLs . /srv/app/logs/x": {MaxSeconds: 600, StdinMax: 2 << 20},
		"rsync --server --sender -re.iLs . /srv/app/a.txt":  {MaxSeconds: 1800, StdinMax: 2 << 20},
		"git-upload-pack /srv/git/app.git":                  {MaxSeconds: 1800, StdinMax: 2 << 20},
	} {
		plan, err := shell.Parse(line)
		if err != nil {
			t.Fatal(err)
		}
		if d, _ := settle(t, p, asDeploy(plan), carriedWorld); d.Verdict != policy.Allow || d.Obligations != want {
			t.Errorf("%s: %+v (%s)", line, d.Obligations, d.Reason)
		}
	}
}

// TestCarriedWithoutExtras: a terminal and variables that a role grants to commands are not for what carries files.
func TestCarriedWithoutExtras(t *testing.T) {
	p := parsed(t, carriedPolicy)
	r := asDeploy(run("rsync", "--server", "--sender", "-re.iLs", ".", "/srv/app/logs"))
	r.PTY = true
	if d, _ := settle(t, p, r, carriedWorld); d.Code != policy.CodePTYNotAllowed {
		t.Errorf("on a pty: %+v", d)
	}
	r.PTY = false
	for name, want := range map[string]policy.Verdict{"LANG": policy.Allow, "LC_ALL": policy.Allow, "APP": policy.Deny} {
		r.Env = []policy.EnvVar{{Name: name, Value: "x"}}
		if d, _ := settle(t, p, r, carriedWorld); d.Verdict != want {
			t.Errorf("%s: %+v", name, d)
		}
	}
	r = asDeploy(run("rsync", "--server", "--sender", "-re.iLs", ".", "/srv/app/a\nb"))
	if d, _ := settle(t, p, r, carriedWorld); d.Verdict != policy.Deny {
		t.Errorf("a line break in a path: %+v", d)
	}
}

// TestCarriedIsNotInherited: no rule for the program and no files for another protocol carry anything; and the rule comes first where there is one.
func TestCarriedIsNotInherited(t *testing.T) {
	text := func(by, rule string) string {
		return "version: 1\npeople: {ann: {}}\nagents: {bot: {owner: person:ann, roles: [r]}}\nroles:\n  r: {targets: [web-1], logins: [deploy], files: {read: [\"/srv/app/**\"], by: [" + by + "]}, allow: ['" + rule + "']}\n"
	}
	line := asDeploy(run("rsync", "--server", "--sender", "-re.iLs", ".", "/srv/app/logs"))
	for _, c := range []struct{ by, rule, id string }{
		{"sftp, scp", "uptime", ""}, {"git", "uptime", ""}, {"", "uptime", ""}, {"rsync", "uptime", "r/files"}, {"rsync", "rsync --server <text>...", "r/files"},
		{"rsync", "rsync --server --sender -re.iLs . <path:/srv/app/logs>", "r/allow[0]"}, {"git", "rsync --server --sender -re.iLs . <path:/srv/app/logs>", "r/allow[0]"},
	} {
		d, _ := settle(t, parsed(t, text(c.by, c.rule)), line, carriedWorld)
		if (d.Verdict == policy.Allow) != (c.id != "") || c.id != "" && !slices.Equal(d.Rules, []string{c.id}) {
			t.Errorf("by %q with %s: %s %q (%s)", c.by, c.rule, d.Verdict, d.Rules, d.Reason)
		}
	}
}
