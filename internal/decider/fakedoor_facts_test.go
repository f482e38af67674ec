package decider

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/internal/permit"
	"gatehouse/internal/readonly"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

const lookPolicy = `version: 1
people: {ann: {}}
agents: {bot: {owner: person:ann, roles: [operator]}, other: {owner: person:ann, roles: [elsewhere]}}
roles:
  operator:
    targets: [web-1, bastion-host, gone-1]
    logins: [deploy, ops]
    dirs: [/srv/app]
    files: {write: ["~/out/*"]}
    allow:
      - {run: "tail [-f] <path:/var/log/app/**>...", mode: pinned}
      - {run: "cat <path:~/notes/**>", mode: pinned}
      - {run: "git status", sha256: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}
      - {run: "ls [-l]", mode: pinned}
      - {run: "find <path:/var/log/app> -exec ls -l ';'", mode: pinned}
    deny: ["tail <path:/var/log/app/secret>"]
  elsewhere: {targets: [web-2], logins: [deploy], allow: [id]}
`

// newLookBench is a bench whose policy wants to know things of targets.
func newLookBench(t *testing.T) *bench {
	b := newBench(t)
	b.write("policy.yaml", lookPolicy)
	if r, err := admin[protocol.Reloaded](b, protocol.OpReload, protocol.Empty{}); err != nil || r.Problem != "" {
		t.Fatalf("%+v, %v", r, err)
	}
	return b
}

// facts are what an honest door would have found, spoilt.
func facts(spoil func(*policy.Facts)) policy.Facts {
	f := policy.Facts{Home: "/home/deploy", Programs: foundPrograms("tail", "cat", "git", "ls", "find", "timeout"), Paths: map[string]policy.PathFact{
		"/var/log/app/a": {Real: "/var/log/app/a", Kind: policy.PathFile}, "/var/log/app": {Real: "/var/log/app", Kind: policy.PathDir},
		"/srv/app": {Real: "/srv/app", Kind: policy.PathDir}}}
	git := f.Programs["git"]
	git.SHA256 = strings.Repeat("a", 64)
	f.Programs["git"] = git
	spoil(&f)
	return f
}

// TestFakeDoorFactsThatCannotBe: a fact that can be no answer to its question allows nothing, whatever it says.
func TestFakeDoorFactsThatCannotBe(t *testing.T) {
	b := newLookBench(t)
	conn := b.connect(policy.Agent, "bot")
	tail := run("tail", "/var/log/app/a")
	program := func(name string, fact policy.ProgramFact) func(*policy.Facts) {
		return func(f *policy.Facts) { f.Programs[name] = fact }
	}
	inDir := func(dir string, p policy.Plan) policy.Plan { p.Dir = dir; return p }
	glob := func(pattern string) policy.Plan {
		return policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"tail", pattern}, Globs: []int{1}}
	}
	found := func(paths ...string) func(*policy.Facts) {
		return func(f *policy.Facts) {
			f.Globs = map[string][]string{"/var/log/app/*": paths}
			for _, path := range append(paths, "/var/log/app/*") {
				f.Paths[path] = policy.PathFact{Real: path}
			}
		}
	}
	for name, c := range map[string]struct {
		plan  policy.Plan
		spoil func(*policy.Facts)
		want  policy.Verdict
	}{
		"an honest one, to compare":        {tail, func(*policy.Facts) {}, policy.Allow},
		"another program's name":           {tail, program("tail", policy.ProgramFact{Path: "/bin/sh", Real: "/bin/sh"}), policy.Deny},
		"a relative program":               {tail, program("tail", policy.ProgramFact{Path: "tail", Real: "/usr/bin/tail"}), policy.Deny},
		"a program without a path":         {tail, program("tail", policy.ProgramFact{Real: "/usr/bin/tail"}), policy.Deny},
		"a program that leads nowhere":     {tail, program("tail", policy.ProgramFact{Path: "/usr/bin/tail"}), policy.Deny},
		"a path that is not the asked one": {run("/usr/bin/tail", "/var/log/app/a"), program("/usr/bin/tail", policy.ProgramFact{Path: "/tmp/tail", Real: "/usr/bin/tail"}), policy.Deny},
		"words in a program's path":        {tail, program("tail", policy.ProgramFact{Path: "/bin/sh -c /tail x", Real: "/usr/bin/tail"}), policy.Deny},
		"a line in a program's path":       {tail, program("tail", policy.ProgramFact{Path: "/tmp\x00/tail", Real: "/usr/bin/tail"}), policy.Deny},
		"another launcher":                 {policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"ls"}, Wrap: []policy.Argv{{"timeout", "5"}}}, program("timeout", policy.ProgramFact{Path: "/bin/sh", Real: "/bin/sh"}), policy.Deny},
		"a launcher's relative path":       {policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"ls"}, Wrap: []policy.Argv{{"./timeout", "5"}}}, program("./timeout", policy.ProgramFact{Path: "/tmp/timeout", Real: "/tmp/timeout"}), policy.Deny},
		"another program's hash":           {run("git", "status"), program("git", policy.ProgramFact{Path: "/usr/bin/git", Real: "/usr/bin/git", SHA256: strings.Repeat("b", 64)}), policy.Deny},
		"a path outside":                   {tail, func(f *policy.Facts) { f.Paths["/var/log/app/a"] = policy.PathFact{Real: "/etc/shadow"} }, policy.Deny},
		"a path that leads nowhere":        {tail, func(f *policy.Facts) { f.Paths["/var/log/app/a"] = policy.PathFact{} }, policy.Deny},
		"a relative path":                  {tail, func(f *policy.Facts) { f.Paths["/var/log/app/a"] = policy.PathFact{Real: "var/log/app/a"} }, policy.Deny},
		"a path with .. in it": {tail, func(f *policy.Facts) {
			f.Paths["/var/log/app/a"] = policy.PathFact{Real: "/var/log/app/../../../etc/shadow"}
		}, policy.Deny},
		"a denied path":            {tail, func(f *policy.Facts) { f.Paths["/var/log/app/a"] = policy.PathFact{Real: "/var/log/app/secret"} }, policy.Deny},
		"a relative home":          {inDir("~", run("ls")), func(f *policy.Facts) { f.Home = "home" }, policy.Deny},
		"words in a home":          {inDir("~", run("ls")), func(f *policy.Facts) { f.Home = "x; touch PWN" }, policy.Deny},
		"NUL in a home":            {inDir("~", run("ls")), func(f *policy.Facts) { f.Home = "/home\x00" }, policy.Deny},
		"matches elsewhere":        {glob("/var/log/app/*"), found("/etc/shadow"), policy.Deny},
		"matches that are options": {glob("/var/log/app/*"), found("--follow=name", "-F"), policy.Deny},
		"matches with NUL":         {glob("/var/log/app/*"), found("/var/log/app/a\x00b"), policy.Deny},
		"matches with a newline":   {glob("/var/log/app/*"), found("/var/log/app/a\n/etc/shadow"), policy.Deny},
		"an empty match":           {glob("/var/log/app/*"), found(""), policy.Deny},
		"the unknown as a match":   {glob("/var/log/app/*"), found("/var/log/app/" + policy.Unknown), policy.Deny},
		"more matches than words":  {glob("/var/log/app/*"), found(many(5000)...), policy.Deny},
		"facts of another target's paths": {tail, func(f *policy.Facts) {
			delete(f.Paths, "/var/log/app/a")
			f.Paths["/etc/shadow"] = policy.PathFact{Real: "/var/log/app/a"}
		}, policy.Look},
		"a program that may not run": {tail, program("tail", policy.ProgramFact{Path: "/usr/bin/tail", Real: "/usr/bin/tail", Why: "x"}), policy.Deny},
	} {
		q := b.question(conn)
		q.Plan, q.Facts = c.plan, facts(c.spoil)
		got, err := b.door.Decide(t.Context(), q)
		if err != nil || got.Decision.Verdict != c.want {
			t.Errorf("%s: %s %q (%v), want %s", name, got.Decision.Verdict, got.Decision.Reason, err, c.want)
		}
		if (c.want == policy.Allow) != (len(got.Certificate) > 0) || c.want != policy.Allow && (got.Line != "" || got.Permit != nil) {
			t.Errorf("%s: certificate %t, line %q", name, len(got.Certificate) > 0, got.Line)
		}
	}
}

func many(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("/var/log/app/%d", i)
	}
	return list
}

// TestFakeDoorFactsThatLie: what a door gains by lying about a target, exactly. The program is another of the same name, the paths lead
// elsewhere; the words, the rule and the certificate's line stay.
func TestFakeDoorFactsThatLie(t *testing.T) {
	b := newLookBench(t)
	conn := b.connect(policy.Agent, "bot")
	for name, c := range map[string]struct {
		plan  policy.Plan
		spoil func(*policy.Facts)
		line  string // in the certificate
	}{
		"a planted program of the same name": {run("tail", "/var/log/app/a"), func(f *policy.Facts) { f.Programs["tail"] = policy.ProgramFact{Path: "/tmp/tail", Real: "/tmp/tail"} }, "exec '/tmp/tail' '/var/log/app/a'"},
		"a link that is said to lead inside": {run("tail", "/var/log/app/link"), func(f *policy.Facts) { f.Paths["/var/log/app/link"] = policy.PathFact{Real: "/var/log/app/x"} }, "exec '/usr/bin/tail' '/var/log/app/link'"},
		"another home": {policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"cat", "~/notes/x"}, Tildes: []int{1}}, func(f *policy.Facts) {
			f.Home, f.Paths["/root/notes/x"] = "/root", policy.PathFact{Real: "/root/notes/x"}
		}, "exec '/usr/bin/cat' '/root/notes/x'"},
		"files that are not there": {policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"tail", "/var/log/app/*"}, Globs: []int{1}}, func(f *policy.Facts) {
			f.Globs = map[string][]string{"/var/log/app/*": {"/var/log/app/b"}}
			f.Paths["/var/log/app/b"], f.Paths["/var/log/app/*"] = policy.PathFact{Real: "/var/log/app/b"}, policy.PathFact{Real: "/var/log/app/*"}
		}, "exec '/usr/bin/tail' '/var/log/app/b'"},
		"what find starts, elsewhere": {policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"find", "/var/log/app", "-exec", "ls", "-l", ";"}, Starts: []policy.Argv{{"ls", "-l"}}}, func(f *policy.Facts) {
			f.Programs["ls"] = policy.ProgramFact{Path: "/tmp/ls", Real: "/tmp/ls"}
		}, "export PATH=/tmp; exec /usr/bin/find"},
	} {
		q := b.question(conn)
		q.Plan, q.Facts = c.plan, facts(c.spoil)
		got, err := b.door.Decide(t.Context(), q)
		if err != nil || got.Decision.Verdict != policy.Allow {
			t.Errorf("%s: %s %q (%v)", name, got.Decision.Verdict, got.Decision.Reason, err)
			continue
		}
		if line := parseCert(t, got.Certificate).CriticalOptions["force-command"]; line != got.Line || !strings.Contains(line, c.line) {
			t.Errorf("%s: the certificate forces %q, want %q in it", name, line, c.line)
		}
		last := b.entries()
		if text := string(last[len(last)-2].Data) + string(last[len(last)-1].Data); !strings.Contains(text, `"facts"`) || !strings.Contains(text, `"final"`) {
			t.Errorf("%s: the log does not say on what facts: %s", name, text)
		}
	}
}

// TestFakeDoorLook: a look is given only where a rule matches the words on a target that policy reaches, and what it is given with is good
// for a read-only SFTP server.
func TestFakeDoorLook(t *testing.T) {
	b := newLookBench(t)
	conn, other := b.connect(policy.Agent, "bot"), b.connect(policy.Agent, "other")
	probeKey, _ := newKey(t)
	for name, c := range map[string]struct {
		spoil func(*protocol.Decide)
		want  policy.Verdict
		code  string
	}{
		"what needs a look, to compare": {func(*protocol.Decide) {}, policy.Look, ""},
		"the same key again":            {func(*protocol.Decide) {}, policy.Look, ""},
		"another program":               {func(q *protocol.Decide) { q.Plan = run("rm", "/var/log/app/a") }, policy.Deny, ""},
		"a path outside":                {func(q *protocol.Decide) { q.Plan = run("tail", "/etc/shadow") }, policy.Deny, ""},
		"one command of two": {func(q *protocol.Decide) {
			q.Plan = policy.Plan{Op: policy.OpSeq, Parts: []policy.Plan{q.Plan, run("rm")}}
		}, policy.Deny, ""},
		"another login":                     {func(q *protocol.Decide) { q.Login = "root" }, policy.Deny, ""},
		"another target":                    {func(q *protocol.Decide) { q.Target = "web-2" }, policy.Deny, ""},
		"another identity":                  {func(q *protocol.Decide) { q.Connection = other }, policy.Deny, ""},
		"a target that is not there":        {func(q *protocol.Decide) { q.Target = "gone-1" }, policy.Allow, ""}, // a fault, see below
		"without a connection":              {func(q *protocol.Decide) { q.Connection = b.id(id.Connection) }, "", protocol.CodeRefused},
		"a key that is a certificate":       {func(q *protocol.Decide) { q.ProbeKey = b.issued(policy.Agent, "bot", time.Minute) }, "", protocol.CodeInvalid},
		"a key that is none":                {func(q *protocol.Decide) { q.ProbeKey = []byte("x") }, "", protocol.CodeInvalid},
		"a key for a look at what is known": {func(q *protocol.Decide) { q.Facts = facts(func(*policy.Facts) {}) }, policy.Allow, ""},
		"a deny rule's path":                {func(q *protocol.Decide) { q.Plan = run("tail", "/var/log/app/secret") }, policy.Deny, ""},
	} {
		q := b.question(conn)
		q.Plan, q.Facts, q.PublicKey, q.ProbeKey = run("tail", "/var/log/app/a"), policy.Facts{}, nil, probeKey.Marshal()
		c.spoil(&q)
		got, err := b.door.Decide(t.Context(), q)
		if code(err) != c.code || got.Decision.Verdict != c.want && !got.NeedsKey {
			t.Errorf("%s: %q %s (%v), want %q %s", name, code(err), got.Decision.Verdict, err, c.code, c.want)
		}
		if looks := len(got.ProbeCertificate) > 0 || got.ProbePermit != nil; looks != (c.want == policy.Look) || got.Certificate != nil || got.Permit != nil || got.Line != "" {
			t.Errorf("%s: a look %t, a certificate %t, line %q", name, looks, got.Certificate != nil, got.Line)
		}
	}
	b.clock.pass(time.Hour)
	q := b.question(conn)
	q.Plan, q.Facts, q.PublicKey, q.ProbeKey = run("tail", "/var/log/app/a"), policy.Facts{}, nil, probeKey.Marshal()
	if got, err := b.door.Decide(t.Context(), q); code(err) != protocol.CodeRefused || got.ProbeCertificate != nil {
		t.Errorf("a look after the identity's certificate has ended: %+v, %v", got, err)
	}
}

// TestFakeDoorLookCertificate: all that a look's certificate opens is the SFTP server that only looks; with a pinned hash it reads files too,
// any that the login can. Each is in the log with what was asked.
func TestFakeDoorLookCertificate(t *testing.T) {
	b := newLookBench(t)
	conn := b.connect(policy.Agent, "bot")
	for _, c := range []struct {
		argv []string
		hash bool
	}{{[]string{"tail", "/var/log/app/a"}, false}, {[]string{"git", "status"}, true}} {
		probeKey, _ := newKey(t)
		q := b.question(conn, c.argv...)
		q.Facts, q.ProbeKey, q.PTY = policy.Facts{}, probeKey.Marshal(), false
		got, err := b.door.Decide(t.Context(), q)
		if err != nil || len(got.ProbeCertificate) == 0 || got.Certificate != nil {
			t.Fatalf("%q: %+v, %v", c.argv, got, err)
		}
		cert := parseCert(t, got.ProbeCertificate)
		command := cert.CriticalOptions["force-command"]
		if command != readonly.Command(c.hash) || len(cert.Extensions) != 0 || len(cert.ValidPrincipals) != 1 || cert.ValidPrincipals[0] != "gh:web-1:deploy" {
			t.Errorf("%q: forces %q, extensions %q, principals %q", c.argv, command, cert.Extensions, cert.ValidPrincipals)
		}
		if reads := strings.Contains(command, "open,read"); reads != c.hash || strings.Contains(command, "write") {
			t.Errorf("%q: %q", c.argv, command)
		}
		if left := time.Unix(int64(cert.ValidBefore), 0).Sub(b.clock.now()); left > 30*time.Second {
			t.Errorf("%q: lives %s", c.argv, left)
		}
		entries := b.entries()
		if look, made := entries[len(entries)-2], entries[len(entries)-1]; look.Type != audit.TargetLook || !strings.Contains(string(look.Data), c.argv[0]) || made.Type != audit.CertIssue {
			t.Errorf("%q: the log has %+v, %+v", c.argv, look, made)
		}
	}
}

// TestFakeDoorLookPermit: on this machine a look is a permit for that SFTP server as the login's user, and for nothing else.
func TestFakeDoorLookPermit(t *testing.T) {
	b := newLookBench(t)
	q := b.question(b.connect(policy.Agent, "bot"), "tail", "/var/log/app/a")
	q.Target, q.Login, q.Facts, q.PublicKey = "bastion-host", "ops", policy.Facts{}, nil
	got, err := b.door.Decide(t.Context(), q)
	if err != nil || got.ProbePermit == nil || got.Permit != nil {
		t.Fatalf("%+v, %v", got, err)
	}
	p, err := permit.NewChecker(b.d.PermitKey(), b.clock.now).Check(got.ProbePermit)
	if err != nil || p.User != "nobody" || strings.Join(p.Argv, " ") != strings.Join(readonly.LocalArgv(false), " ") || len(p.Env) != 0 || p.PTY {
		t.Errorf("%+v, %v", p, err)
	}
}

// TestFakeDoorWithholdsLooks: without facts nothing is allowed, however often it is asked, and nothing of the session is used up.
func TestFakeDoorWithholdsLooks(t *testing.T) {
	b := newLookBench(t)
	q := b.question(b.connect(policy.Agent, "bot"), "tail", "/var/log/app/a")
	q.Facts = policy.Facts{}
	for range 20 {
		if got, err := b.door.Decide(t.Context(), q); err != nil || got.Decision.Verdict != policy.Look || got.Certificate != nil || got.Line != "" {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	q.Facts = facts(func(*policy.Facts) {})
	if got, err := b.door.Decide(t.Context(), q); err != nil || got.Decision.Verdict != policy.Allow {
		t.Errorf("with facts: %+v, %v", got, err)
	}
}
