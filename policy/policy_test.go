package policy_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/policy"
)

const people = `version: 1
groups: {sre: [person:ann]}
people:
  ann: {roles: [oncall, lead]}
  bob: {max_ttl: 1h}
agents:
  bot: {owner: "group:sre", roles: [web], max_ttl: 50m}
  idle: {owner: "person:bob"}
roles:
  oncall: {rights: [operate, view]}
  lead: {rights: [view, administer], targets: ["*"], logins: [root], allow: [id]}
  web: {targets: ["web-?"], logins: [deploy, www], allow: [uptime]}
`

func parse(t testing.TB, text string) *policy.Policy {
	t.Helper()
	p, err := policy.Parse([]policy.File{{Name: "policy.yaml", Data: []byte(text)}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestIdentity(t *testing.T) {
	p := parse(t, people)
	if id, ok := p.Identity(policy.Agent, "bot", "ticket 7"); !ok || id != (policy.Identity{Kind: policy.Agent, Name: "bot", Owner: "group:sre", Task: "ticket 7"}) {
		t.Errorf("got %+v, %v", id, ok)
	}
	if id, ok := p.Identity(policy.Person, "ann", ""); !ok || id.Principal() != "person:ann" || id.Owner != "" {
		t.Errorf("got %+v, %v", id, ok)
	}
	for _, stranger := range []struct {
		kind       policy.Kind
		name, task string
	}{
		{policy.Person, "bot", ""}, {policy.Agent, "ann", ""}, {policy.Agent, "", ""}, {"robot", "bot", ""},
		{policy.Agent, "bot", "a\nb"}, {policy.Agent, "bot", strings.Repeat("a", 257)},
	} {
		if id, ok := p.Identity(stranger.kind, stranger.name, stranger.task); ok {
			t.Errorf("%+v is known as %+v", stranger, id)
		}
	}
}

func TestRights(t *testing.T) {
	p := parse(t, people)
	ann := p.Rights(policy.Identity{Kind: policy.Person, Name: "ann"})
	if !slices.Equal(ann, []policy.Right{policy.View, policy.Operate, policy.Administer}) {
		t.Errorf("ann has %v", ann)
	}
	for _, id := range []policy.Identity{{Kind: policy.Person, Name: "bob"}, {Kind: policy.Agent, Name: "bot"}, {Kind: policy.Agent, Name: "ann"}, {}} {
		if got := p.Rights(id); len(got) > 0 {
			t.Errorf("%+v has %v", id, got)
		}
	}
}

func TestReachesAndMaxTTL(t *testing.T) {
	p := parse(t, people)
	bot := policy.Identity{Kind: policy.Agent, Name: "bot"}
	for place, want := range map[string]bool{"deploy@web-1": true, "www@web-2": true, "root@web-1": false, "deploy@web-10": false, "deploy@web-*": false, "@web-1": false, "deploy@": false} {
		login, target, _ := strings.Cut(place, "@")
		if got := p.Reaches(bot, target, nil, policy.Login(login)); got != want {
			t.Errorf("bot reaches %s: %v", place, got)
		}
	}
	for name, want := range map[string]time.Duration{"agent:bot": 50 * time.Minute, "agent:idle": 15 * time.Minute, "person:ann": 8 * time.Hour, "person:bob": time.Hour, "person:bot": 0} {
		kind, name, _ := strings.Cut(name, ":")
		if got, ok := p.Profile(policy.Kind(kind), name); got.MaxTTL != want || ok != (want > 0) {
			t.Errorf("%s %s: got %v, %v", kind, name, got, ok)
		}
	}
}

func TestHashIsOfNamesAndContents(t *testing.T) {
	hash := func(files ...policy.File) string {
		p, err := policy.Parse(files)
		if err != nil {
			t.Fatal(err)
		}
		return p.Hash()
	}
	a, b := policy.File{Name: "a", Data: []byte("version: 1")}, policy.File{Name: "b", Data: []byte("version: 1 ")}
	// printf '\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\12aversion: 1' | sha256sum
	if got, want := hash(a), "sha256:f92e92020f8406bff4be9e1b61e0221c0e76e6b5dd69f0f1fe2b921f0f679341"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if hash(a, b) != hash(b, a) {
		t.Error("the order of files changes the hash")
	}
	if hash(a, b) == hash(policy.File{Name: "a", Data: b.Data}, policy.File{Name: "b", Data: a.Data}) {
		t.Error("files that swap their contents have the same hash")
	}
	p := parse(t, people)
	if d := p.Decide(policy.Request{}); d.PolicyHash != p.Hash() {
		t.Errorf("a decision has the hash %q", d.PolicyHash)
	}
}

func TestRunTests(t *testing.T) {
	p := parse(t, people+`tests:
  - {as: bot, on: web-1, login: deploy, run: uptime, expect: allow, rule: "web/allow[0]"}
  - {as: agent:bot, on: web-1, login: deploy, run: uptime -p, expect: deny, code: bad_argument}
  - {as: person:ann, on: any, login: root, run: id, expect: allow}
  - {as: bot, on: web-1, login: deploy, run: "bad", expect: deny, code: unsupported_syntax}
  - {as: bot, on: web-1, login: deploy, run: uptime, expect: deny}
  - {as: bot, on: web-1, login: deploy, run: id, expect: allow}
  - {as: bot, on: web-1, login: deploy, run: id, expect: deny, code: bad_argument}
  - {as: bot, on: web-1, login: deploy, run: uptime, expect: allow, rule: "web/allow[1]"}
  - {as: bot, on: web-1, login: deploy, run: uptime, env: {LANG: C}, pty: true, expect: deny, code: pty_not_allowed}
`)
	results := p.RunTests(func(line string) (policy.Plan, error) {
		if line == "bad" {
			return policy.Plan{}, errors.New("not a plan")
		}
		return policy.Plan{Op: policy.OpRun, Argv: strings.Fields(line)}, nil
	})
	want := []string{
		"", "", "", "",
		"expected deny, got allow by web/allow[0]",
		`expected allow, got deny (not_allowed): no rule allows the program "id"`,
		`expected the code bad_argument, got not_allowed: no rule allows the program "id"`,
		`expected the rule web/allow[1], got ["web/allow[0]"]`,
		"",
	}
	for i, r := range results {
		if r.Problem != want[i] || r.Test.Line != 14+i || r.Test.File != "policy.yaml" || r.Decision.PolicyHash != p.Hash() {
			t.Errorf("test %d in line %d: got %q, want %q", i, r.Test.Line, r.Problem, want[i])
		}
	}
}

func TestLongTokensAreCut(t *testing.T) {
	p := parse(t, people)
	word := strings.Repeat("é", 1000)
	d := p.Decide(policy.Request{
		Identity: policy.Identity{Kind: policy.Agent, Name: "bot"}, Target: "web-1", Login: "deploy",
		Plan: policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"uptime", word}},
	})
	if d.Failed == nil || len(d.Failed.Token) != 256 || !strings.HasPrefix(word, d.Failed.Token) || len(d.Reason) > 600 {
		t.Errorf("got %+v", d)
	}
}

func TestLineOfAPlan(t *testing.T) {
	run := func(words ...string) policy.Plan { return policy.Plan{Op: policy.OpRun, Argv: words} }
	join := func(op policy.Op, parts ...policy.Plan) policy.Plan { return policy.Plan{Op: op, Parts: parts} }
	dir := run("/bin/a", "x y")
	dir.Dir, dir.Umask, dir.Null = "/srv/it's", "077", true
	dir.Redirs = []policy.Redir{{FD: 1, Op: policy.RedirOut, Path: "/tmp/f"}, {FD: 2, Op: policy.RedirDup, To: 1}}
	for want, plan := range map[string]policy.Plan{
		`exec /usr/bin/env 'ls' '-l' 'it'"'"'s' "\\"`:                                 run("ls", "-l", "it's", `\`),
		`exec '/bin/ls' 'a'`:                                                          run("/bin/ls", "a"),
		`exec '/bin/ls' '' </dev/null`:                                                {Op: policy.OpRun, Argv: policy.Argv{"/bin/ls", ""}, Null: true},
		`exec /bin/sh -c '( exec /bin/a ) | ( exec /bin/b ) | ( exec /bin/c )'`:       join(policy.OpPipe, run("/bin/a"), run("/bin/b"), run("/bin/c")),
		`exec /bin/sh -c '( exec /bin/a ) && ( exec /bin/b ) || ( exec /bin/c )'`:     join(policy.OpOr, join(policy.OpAnd, run("/bin/a"), run("/bin/b")), run("/bin/c")),
		`exec /bin/sh -c '( exec /bin/a ) || ( ( exec /bin/b ) && ( exec /bin/c ) )'`: join(policy.OpOr, run("/bin/a"), join(policy.OpAnd, run("/bin/b"), run("/bin/c"))),
		`exec /bin/sh -c '( ( exec /bin/a ); ( exec /bin/b ) ) | ( exec /bin/c )'`:    join(policy.OpPipe, join(policy.OpSeq, run("/bin/a"), run("/bin/b")), run("/bin/c")),
		`exec /bin/sh -c 'cd '"'"'/srv/it'"'"'"'"'"'"'"'"'s'"'"' || exit 1; umask 077; command exec </dev/null 1>/tmp/f 2>&1 || exit 1; exec /bin/a '"'"'x y'"'"`: dir,
		`ls | wc`:          {Op: policy.OpShell, Text: "ls | wc"},
		`exec "$SHELL" -l`: {Op: policy.OpShell},
	} {
		if got := plan.Line(nil); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	env := []policy.EnvVar{{Name: "LANG", Value: "C"}, {Name: "X", Value: "it's"}}
	if got, want := run("a").Line(env), `export LANG='C'; export X='it'"'"'s'; exec /usr/bin/env 'a'`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestDecideConcurrently is for the race detector: a policy is shared by every connection.
func TestDecideConcurrently(t *testing.T) {
	p := parse(t, people)
	r := policy.Request{
		Identity: policy.Identity{Kind: policy.Agent, Name: "bot"}, Target: "web-1", Login: "deploy",
		Plan: policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"uptime"}}, Facts: policy.Facts{Assume: true},
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				if d := p.Decide(r); d.Verdict != policy.Allow {
					t.Errorf("got %+v", d)
					return
				}
			}
		})
	}
	wg.Wait()
}

// BenchmarkDecide has one role with that many rules, on as many programs and on one.
func BenchmarkDecide(b *testing.B) {
	for _, n := range []int{10, 10_000} {
		var y strings.Builder
		y.WriteString("version: 1\npeople: {ann: {}}\nagents: {bot: {owner: person:ann, roles: [web]}}\nroles:\n  web:\n    targets: [\"web-*\"]\n    logins: [deploy]\n    allow:\n")
		for i := range n {
			fmt.Fprintf(&y, "      - 'program%d [(-n|--lines) <int:1..5000>] [--since <text>] -u <unit:app-*>'\n", i)
		}
		p := parse(b, y.String())
		for name, argv := range map[string]policy.Argv{
			"allow": {fmt.Sprintf("program%d", n/2), "-n", "50", "--since", "1 hour ago", "-u", "app-api"},
			"deny":  {fmt.Sprintf("program%d", n/2), "-n", "50", "--since", "1 hour ago", "-u", "sshd"},
		} {
			r := policy.Request{
				Identity: policy.Identity{Kind: policy.Agent, Name: "bot"}, Target: "web-1", Login: "deploy",
				Plan: policy.Plan{Op: policy.OpRun, Argv: argv}, Facts: policy.Facts{Programs: map[string]policy.ProgramFact{argv[0]: {Path: "/usr/bin/x", Real: "/usr/bin/x"}}},
			}
			b.Run(fmt.Sprintf("%s/rules=%d", name, n), func(b *testing.B) {
				for b.Loop() {
					p.Decide(r)
				}
			})
		}
	}
}
