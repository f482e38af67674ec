package policy_test

import (
	"slices"
	"strings"
	"testing"

	"gatehouse/policy"
)

// world is a target as probes see it: what is not listed is not there.
type world struct {
	home     string
	programs map[string]policy.ProgramFact
	paths    map[string]string // where a path leads
	globs    map[string][]string
	kinds    map[string]policy.PathKind // of where paths lead; the others are files
}

func (w world) answer(probes []policy.Probe, into *policy.Facts) {
	for _, p := range probes {
		switch p.Kind {
		case policy.ProbeHome:
			into.Home = w.home
		case policy.ProbeProgram:
			fact, ok := w.programs[p.Name]
			if !ok {
				fact = policy.ProgramFact{Why: "it is not there"}
			}
			if into.Programs == nil {
				into.Programs = map[string]policy.ProgramFact{}
			}
			into.Programs[p.Name] = fact
		case policy.ProbePath:
			real, ok := w.paths[p.Name]
			if !ok {
				real = p.Name
			}
			if into.Paths == nil {
				into.Paths = map[string]policy.PathFact{}
			}
			kind, ok := w.kinds[real]
			if !ok {
				kind = policy.PathFile
			}
			into.Paths[p.Name] = policy.PathFact{Real: real, Kind: kind}
		case policy.ProbeGlob:
			if into.Globs == nil {
				into.Globs = map[string][]string{}
			}
			into.Globs[p.Name] = w.globs[p.Name]
		}
	}
}

// settle asks until there is an outcome, as the door does.
func settle(t *testing.T, p *policy.Policy, r policy.Request, w world) (policy.Decision, []policy.Probe) {
	t.Helper()
	var asked []policy.Probe
	for range 5 {
		d := p.Decide(r)
		if d.Verdict != policy.Look {
			return d, asked
		}
		if len(d.Probes) == 0 {
			t.Fatalf("a look at nothing: %+v", d)
		}
		asked = append(asked, d.Probes...)
		w.answer(d.Probes, &r.Facts)
	}
	t.Fatalf("no outcome after five looks, the last at %v", asked)
	return policy.Decision{}, nil
}

func root(path string) policy.ProgramFact { return policy.ProgramFact{Path: path, Real: path} }

var usual = world{
	home: "/home/deploy",
	programs: map[string]policy.ProgramFact{"tail": root("/usr/bin/tail"), "/usr/bin/tail": root("/usr/bin/tail"), "ls": root("/usr/bin/ls"), "grep": root("/usr/bin/grep"),
		"/opt/tail": root("/opt/tail"), "planted": {Path: "/home/deploy/bin/planted", Why: "/home/deploy/bin belongs to somebody else than root"},
		"git": {Path: "/usr/bin/git", Real: "/usr/bin/git", SHA256: strings.Repeat("a", 64)}, "xargs": root("/usr/bin/xargs"), "find": root("/usr/bin/find"), "timeout": root("/usr/bin/timeout")},
	paths: map[string]string{"/var/log/app/link": "/etc/shadow", "/var/log/app/inner": "/var/log/app/x", "/srv/app/cur": "/srv/app/v1", "/srv/app/out": "/root"},
	globs: map[string][]string{"/var/log/app/*.log": {"/var/log/app/a.log", "/var/log/app/b.log"}, "/var/log/app/l*": {"/var/log/app/link"}, "/srv/app/*": {"/srv/app/-rf", "/srv/app/x"}, "/home/deploy/*": {"/home/deploy/a b"}},
}

const factPolicy = `version: 1
people: {ann: {}}
agents: {bot: {owner: person:ann, roles: [web]}}
roles:
  web:
    targets: [web-1]
    logins: [deploy]
    dirs: ["/srv/app/**", "/srv/app", "~/work"]
    files: {read: ["/var/log/app/**"], write: ["/srv/app/**", "~/out/*"]}
    allow:
      - tail [-n <int>] <path:/var/log/app/**>...
      - planted
      - find <path:/var/log/app/**> -exec grep <text> "{}" +
      - ls [-l] [<path:/srv/app/**,~/**>...]
      - grep <text> [<path:/var/log/app/**>...]
      - {run: "git status", sha256: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}
      - {run: "git log", sha256: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb}
    deny:
      - {run: "tail <path:/var/log/app/x>", reason: "not x"}
`

func run(argv ...string) policy.Plan { return policy.Plan{Op: policy.OpRun, Argv: argv} }

func asDeploy(plan policy.Plan) policy.Request {
	return policy.Request{Identity: policy.Identity{Kind: policy.Agent, Name: "bot", Owner: "person:ann"}, Target: "web-1", Login: "deploy", Plan: plan}
}

// TestWhatAPathLeadsToDecides has each way in which a path's text and what it leads to differ.
func TestWhatAPathLeadsToDecides(t *testing.T) {
	p := parsed(t, factPolicy)
	outside, _ := settle(t, p, asDeploy(run("tail", "/etc/shadow")), usual)
	for name, c := range map[string]struct {
		plan policy.Plan
		code policy.Code
	}{
		"inside":                      {run("tail", "-n", "5", "/var/log/app/a.log"), ""},
		"a link out":                  {run("tail", "/var/log/app/link"), policy.CodeBadArgument},
		"one of many leads out":       {run("tail", "/var/log/app/a.log", "/var/log/app/link"), policy.CodeBadArgument},
		"a link to what is denied":    {run("tail", "/var/log/app/inner"), policy.CodeDeniedByRule},
		"the denied path by its name": {run("tail", "/var/log/app/x"), policy.CodeDeniedByRule},
		"a glob that leads out":       {policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"tail", "/var/log/app/l*"}, Globs: []int{1}}, policy.CodeBadArgument},
		"a glob that finds an option": {policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"ls", "*"}, Globs: []int{1}, Dir: "/srv/app"}, policy.CodeBadArgument},
		"a planted program":           {run("planted"), policy.CodeProgram},
		"the same program by path":    {run("/usr/bin/tail", "/var/log/app/a.log"), ""},
		"another of the same name":    {run("/opt/tail", "/var/log/app/a.log"), policy.CodeProgram},
		"the pinned program":          {run("git", "status"), ""},
		"not the pinned program":      {run("git", "log"), policy.CodeProgram},
		"a directory behind a link":   {policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"ls"}, Dir: "/srv/app/cur"}, ""},
		"a directory that leads out":  {policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"ls"}, Dir: "/srv/app/out"}, policy.CodeDirNotAllowed},
		"a directory below the home":  {policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"ls"}, Dir: "work"}, ""},
		"a file that leads out":       {policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"ls"}, Redirs: []policy.Redir{{FD: 1, Op: policy.RedirOut, Path: "/srv/app/out"}}}, policy.CodeFileNotAllowed},
		"a file below the home":       {policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"ls"}, Redirs: []policy.Redir{{FD: 1, Op: policy.RedirOut, Path: "~/out/x"}}}, ""},
		"input from a file":           {policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"grep", "x"}, Redirs: []policy.Redir{{Op: policy.RedirIn, Path: "/var/log/app/a.log"}}}, ""},
		"input for what takes none":   {policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"ls"}, Redirs: []policy.Redir{{Op: policy.RedirIn, Path: "/var/log/app/a.log"}}}, policy.CodeStdinNotAllowed},
	} {
		d, _ := settle(t, p, asDeploy(c.plan), usual)
		if d.Code != c.code || (c.code == "") != (d.Verdict == policy.Allow) {
			t.Errorf("%s: got %s %s: %s", name, d.Verdict, d.Code, d.Reason)
		}
		if name == "a link out" && strings.ReplaceAll(d.Reason, "/var/log/app/link", "/etc/shadow") != outside.Reason {
			t.Errorf("a path that leads out is refused with %q, one outside with %q", d.Reason, outside.Reason)
		}
	}
}

// TestWhatNobodyCanSayIsDenied: a path that cannot be followed is neither admitted by a rule about paths nor free of a deny rule.
func TestWhatNobodyCanSayIsDenied(t *testing.T) {
	p := parsed(t, "version: 1\npeople: {ann: {}}\nagents: {bot: {owner: person:ann, roles: [web]}}\nroles: {web: {targets: [web-1], logins: [deploy], allow: [\"tail <text>\", \"ls <path:/proc/**>\"], deny: [\"tail <path:/etc/**>\"]}}\n")
	w := usual
	w.paths = map[string]string{"/proc/self/root/x": ""}
	for name, c := range map[string]struct {
		plan policy.Plan
		code policy.Code
	}{
		"by a deny rule":           {run("tail", "/proc/self/root/x"), policy.CodeDeniedByRule},
		"by no rule about paths":   {run("ls", "/proc/self/root/x"), policy.CodeBadArgument},
		"one that can be followed": {run("tail", "/proc/meminfo"), ""},
	} {
		if d, _ := settle(t, p, asDeploy(c.plan), w); d.Code != c.code {
			t.Errorf("%s: %s %s", name, d.Verdict, d.Code)
		}
	}
}

// TestTextIsJudgedFirst: nothing is looked up for a line of which one command matches no rule.
func TestTextIsJudgedFirst(t *testing.T) {
	p := parsed(t, factPolicy)
	for _, plan := range []policy.Plan{
		run("cat", "/var/log/app/a.log"),
		run("tail", "/etc/shadow"),
		{Op: policy.OpSeq, Parts: []policy.Plan{run("tail", "/var/log/app/a.log"), run("id")}},
		{Op: policy.OpRun, Argv: policy.Argv{"id", "~/x"}, Tildes: []int{1}},
		{Op: policy.OpRun, Argv: policy.Argv{"tail", "/etc/*"}, Globs: []int{1}},
		{Op: policy.OpRun, Argv: policy.Argv{"ls"}, Dir: "/etc"},
		{Op: policy.OpRun, Argv: policy.Argv{"ls"}, Redirs: []policy.Redir{{FD: 1, Op: policy.RedirOut, Path: "/etc/x"}}},
	} {
		d, asked := settle(t, p, asDeploy(plan), usual)
		asked = slices.DeleteFunc(asked, func(p policy.Probe) bool { return p.Kind == policy.ProbeHome || p.Name == "ls" }) // dirs and files have ~ in them
		if d.Verdict != policy.Deny || len(asked) > 0 {
			t.Errorf("%s: %s after looking at %v", plan, d.Verdict, asked)
		}
	}
}

// TestTheFinalPlanIsWhatRuns has what the facts and the fixed additions make of a plan.
func TestTheFinalPlanIsWhatRuns(t *testing.T) {
	p := parsed(t, factPolicy)
	for _, c := range []struct {
		plan policy.Plan
		want string
	}{
		{run("tail", "/var/log/app/a.log"), "/usr/bin/tail /var/log/app/a.log"},
		{policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"tail", "/var/log/app/*.log"}, Globs: []int{1}}, "/usr/bin/tail /var/log/app/a.log /var/log/app/b.log"},
		{policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"ls", "*"}, Globs: []int{1}}, "/usr/bin/ls 'a b'"},
		{policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"ls", "~/x"}, Tildes: []int{1}, Dir: "work"}, "cd /home/deploy/work && /usr/bin/ls /home/deploy/x"},
		{policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"ls"}, Wrap: []policy.Argv{{"timeout", "5"}}}, "/usr/bin/timeout 5 /usr/bin/ls"},
	} {
		d, _ := settle(t, p, asDeploy(c.plan), usual)
		if d.Verdict != policy.Allow {
			t.Errorf("%s: %s: %s", c.plan, d.Code, d.Reason)
			continue
		}
		final := *d.Plan
		final.Null = false
		if got := final.String(); got != c.want {
			t.Errorf("%s became %q, want %q", c.plan, got, c.want)
		}
	}
	d, _ := settle(t, p, asDeploy(run("git", "status")), usual)
	if d.Plan == nil || !slices.Contains(d.Plan.Argv, "core.fsmonitor=false") && !slices.Contains(d.Plan.Argv, "core.fsmonitor=") {
		t.Errorf("git runs without its additions: %+v", d.Plan)
	}
}

func parsed(t interface {
	Helper()
	Fatal(args ...any)
}, text string) *policy.Policy {
	t.Helper()
	p, err := policy.Parse([]policy.File{{Name: "p.yaml", Data: []byte(text)}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestWhatFindStartsIsFoundWhereItWasLookedUp: the final plan tells find where the programs are that were decided, and nobody
// else may say that.
func TestWhatFindStartsIsFoundWhereItWasLookedUp(t *testing.T) {
	argv := policy.Argv{"find", "/var/log/app/x", "-exec", "grep", "word", "{}", "+"}
	starts, err := policy.Starts(argv)
	if err != nil {
		t.Fatal(err)
	}
	plan := policy.Plan{Op: policy.OpRun, Argv: argv, Starts: starts}
	d, _ := settle(t, parsed(t, factPolicy), asDeploy(plan), usual)
	if d.Verdict != policy.Allow || !slices.Contains(d.Plan.Env, policy.EnvVar{Name: "PATH", Value: "/usr/bin"}) {
		t.Errorf("got %s %s %s, final %+v", d.Verdict, d.Code, d.Reason, d.Plan)
	}
	plan.Env = []policy.EnvVar{{Name: "PATH", Value: "/tmp"}}
	if err := plan.Validate(); err == nil {
		t.Error("a client's PATH is valid")
	}
}
