package policy_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gatehouse/policy"
)

const governedPolicy = `version: 1
people: {ann: {}}
agents:
  bot: {owner: "person:ann", roles: [shelly, other]}
  both: {owner: "person:ann", roles: [shelly, wide]}
  plain: {owner: "person:ann", roles: [other]}
  lax: {owner: "person:ann", roles: [lax]}
roles:
  shelly:
    targets: [box]
    logins: [dev]
    shell: governed
    limits: {session: 1h, denials: 5}
    env: [LANG]
    allow:
      - id
      - {run: "cat <path:/srv/**>", stdin: pipe}
      - {run: "tee <path:/srv/**>", stdin: data}
      - {run: top, pty: true}
      - {run: "tail <path:/srv/**>", when: "request.step && !request.chain.exists(c, c == 'eval')"}
      - {run: "head <path:/srv/**>", when: "!request.step && request.chain.size() == 0"}
      - timeout <int>
    ask: ["restart <text>"]
    deny: [reboot]
    files: {read: ["/srv/**"]}
    dirs: [/srv]
  other: {targets: [box], logins: [dev], limits: {session: 4h}, allow: [uptime]}
  wide: {targets: [box], logins: [dev], shell: recorded, deny: [halt]}
  lax: {targets: [box], logins: [dev], shell: governed, recording: best_effort}
`

func parseOne(t fataler, text string) *policy.Policy {
	p, err := policy.Parse([]policy.File{{Name: "policy.yaml", Data: []byte(text)}})
	if err != nil {
		t.Fatalf("%v", err)
	}
	return p
}

func shellAsk(t fataler, p *policy.Policy, agent string, plan policy.Plan) policy.Request {
	who, known := p.Identity(policy.Agent, agent, "")
	if !known {
		t.Fatalf("no agent %s", agent)
	}
	return policy.Request{Identity: who, Target: "box", Login: "dev", Plan: plan, Now: time.Date(2025, 1, 1, 12, 0, 0, 0, time.UTC), Facts: policy.Facts{Assume: true}}
}

func lineOf(op policy.Op, parts ...policy.Plan) policy.Plan { return policy.Plan{Op: op, Parts: parts} }

// TestGovernedShells: a governed shell reads what is no plan and what is denied as one, whatever it is denied for, and nothing that is
// allowed or asked; a role with shell: recorded is as it was.
func TestGovernedShells(t *testing.T) {
	p := parseOne(t, governedPolicy)
	for name, c := range map[string]struct {
		agent string
		plan  policy.Plan
		text  string
		pty   bool
		want  string // "allow", "ask", "shell:TEXT", "governed:TEXT", or the code of a denial
	}{
		"a plan":                            {agent: "bot", plan: run("id"), want: "allow"},
		"what people approve":               {agent: "bot", plan: run("restart", "x"), want: "ask"},
		"no plan":                           {agent: "bot", plan: policy.Plan{Op: policy.OpShell, Text: "for i in 1; do id; done"}, want: "governed:for i in 1; do id; done"},
		"a prompt":                          {agent: "bot", plan: policy.Plan{Op: policy.OpShell}, want: "governed:"},
		"a prompt with a terminal":          {agent: "bot", plan: policy.Plan{Op: policy.OpShell}, pty: true, want: "governed:"},
		"not allowed":                       {agent: "bot", plan: run("ls"), text: "bash -c ls", want: "governed:bash -c ls"},
		"not allowed, without its text":     {agent: "bot", plan: run("ls", "a b"), want: "governed:ls 'a b'"},
		"a deny rule":                       {agent: "bot", plan: run("reboot"), text: "reboot", want: "governed:reboot"},
		"a deny rule in a line":             {agent: "bot", plan: lineOf(policy.OpAnd, run("id"), run("reboot")), text: "id && reboot", want: "governed:id && reboot"},
		"no terminal":                       {agent: "bot", plan: run("id"), pty: true, text: "id", want: "governed:id"},
		"no input":                          {agent: "bot", plan: lineOf(policy.OpPipe, run("id"), run("uptime")), text: "id | uptime", want: "governed:id | uptime"},
		"no directory":                      {agent: "bot", plan: policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"id"}, Dir: "/etc"}, text: "cd /etc && id", want: "governed:cd /etc && id"},
		"an argument":                       {agent: "bot", plan: run("cat", "/etc/passwd"), text: "cat /etc/passwd", want: "governed:cat /etc/passwd"},
		"a line with NUL":                   {agent: "bot", plan: run("ls"), text: "ls\x00", want: "not_allowed"},
		"a line that is no text":            {agent: "bot", plan: policy.Plan{Op: policy.OpShell, Text: "\xff"}, want: "unsupported_syntax"},
		"a line that is too long":           {agent: "bot", plan: run("ls"), text: strings.Repeat("x", 120_001), want: "not_allowed"},
		"a governed plan that is asked for": {agent: "bot", plan: policy.Plan{Op: policy.OpGoverned, Text: "id"}, want: "unsupported_syntax"},
		"one in a line":                     {agent: "bot", plan: lineOf(policy.OpAnd, run("id"), policy.Plan{Op: policy.OpGoverned, Text: "id"}), want: "unsupported_syntax"},
		"nobody's shell":                    {agent: "plain", plan: policy.Plan{Op: policy.OpShell, Text: "x=1"}, want: "not_allowed"},
		"nobody's shell, a plan":            {agent: "plain", plan: run("id"), text: "id", want: "not_allowed"},
		"both, no plan":                     {agent: "both", plan: policy.Plan{Op: policy.OpShell, Text: "x=1"}, want: "shell:x=1"},
		"both, a plan":                      {agent: "both", plan: run("id"), want: "allow"},
		"both, not allowed":                 {agent: "both", plan: run("ls"), text: "ls", want: "shell:ls"},
		"both, a deny rule":                 {agent: "both", plan: run("halt"), text: "halt", want: "denied_by_rule"},
	} {
		r := shellAsk(t, p, c.agent, c.plan)
		r.Text, r.PTY = c.text, c.pty
		d := p.Decide(r)
		if got := outcomeText(d); got != c.want {
			t.Errorf("%s: got %s, want %s: %+v", name, got, c.want, d)
		}
		if d.Governed() && (d.Mode != policy.Plain || d.Stdin != policy.StdinData || !slices.Equal(d.Rules, []string{"shelly/shell"}) || d.Obligations.MaxSeconds != 3600 || d.Recording != policy.Strict) {
			t.Errorf("%s: %+v", name, d)
		}
	}
	if d := p.Decide(shellAsk(t, p, "lax", run("id"))); !d.Governed() || d.Recording != policy.BestEffort {
		t.Errorf("recorded at best effort: %+v", d)
	}
}

func outcomeText(d policy.Decision) string {
	switch {
	case d.Verdict == policy.Deny:
		return string(d.Code)
	case d.Verdict == policy.Allow && d.Plan.Op == policy.OpGoverned:
		return "governed:" + d.Plan.Text
	case d.Verdict == policy.Allow && d.Plan.Op == policy.OpShell:
		return "shell:" + d.Plan.Text
	}
	return string(d.Verdict)
}

// TestGovernedTests: a policy's tests tell a line that a governed shell reads from one that is allowed, and ask about one command of it.
func TestGovernedTests(t *testing.T) {
	for line, problem := range map[string]string{
		`run: "x=1", expect: governed`:                                "",
		`run: "x=1", expect: allow`:                                   "expected allow, got governed by shelly/shell",
		`run: reboot, expect: governed`:                               "",
		`run: reboot, expect: deny`:                                   "expected deny, got governed by shelly/shell",
		`run: reboot, step: true, expect: deny, code: denied_by_rule`: "",
		`run: id, expect: governed`:                                   "expected governed, got allow by shelly/allow[0]",
		`run: id, step: true, pty: true, expect: allow`:               "",
	} {
		p := parseOne(t, governedPolicy+"tests:\n  - {as: bot, on: box, login: dev, "+line+"}\n")
		got := p.RunTests(func(line string) (policy.Plan, error) {
			if strings.Contains(line, "=") {
				return policy.Plan{}, errors.New("no plan")
			}
			return run(strings.Fields(line)...), nil
		})
		if got[0].Problem != problem {
			t.Errorf("%s: %q", line, got[0].Problem)
		}
	}
	for _, line := range []string{`read: /srv/x, step: true, expect: allow`, `run: id, expect: governed, code: quota`} {
		if _, err := policy.Parse([]policy.File{{Name: "p", Data: []byte(governedPolicy + "tests:\n  - {as: bot, on: box, login: dev, " + line + "}\n")}}); err == nil {
			t.Errorf("%s is a test", line)
		}
	}
}

// TestGovernedPlanIsNoPlan: what a governed shell reads can never be asked for, run, or written as a line for a target.
func TestGovernedPlanIsNoPlan(t *testing.T) {
	for _, text := range []string{"", "id; rm -rf /", "\x00", strings.Repeat("x", 1<<20)} {
		p := policy.Plan{Op: policy.OpGoverned, Text: text}
		if p.Validate() == nil || p.ValidateFinal() == nil || p.ValidateStep() == nil {
			t.Errorf("%.20q is a plan", text)
		}
		if line := p.Line([]policy.EnvVar{{Name: "LANG", Value: "C"}}); line != "" {
			t.Errorf("%.20q is a line: %q", text, line)
		}
		if len(p.Commands())+len(p.Programs()) > 0 || p.Alone() {
			t.Errorf("%.20q has commands", text)
		}
	}
	if text := (policy.Plan{Op: policy.OpGoverned}).String(); text != "a governed shell" {
		t.Error(text)
	}
}

// TestSteps: a command of a governed shell is decided as any, and never falls to a shell.
func TestSteps(t *testing.T) {
	p := parseOne(t, governedPolicy)
	redirected := func(plan policy.Plan, redirs ...policy.Redir) policy.Plan { plan.Redirs = redirs; return plan }
	for name, c := range map[string]struct {
		agent string
		plan  policy.Plan
		step  policy.Step
		pty   bool
		want  string
		stdin policy.StdinClass
		term  bool
	}{
		"allowed":                    {plan: run("id"), want: "allow"},
		"asked":                      {plan: run("restart", "x"), want: "ask"},
		"not allowed":                {plan: run("ls"), want: "not_allowed"},
		"not allowed, recorded":      {agent: "both", plan: run("ls"), want: "not_allowed"},
		"a deny rule":                {plan: run("reboot"), want: "denied_by_rule"},
		"a shell":                    {plan: policy.Plan{Op: policy.OpShell, Text: "id"}, want: "unsupported_syntax"},
		"a recorded shell":           {agent: "both", plan: policy.Plan{Op: policy.OpShell, Text: "id"}, want: "unsupported_syntax"},
		"a prompt":                   {agent: "both", plan: policy.Plan{Op: policy.OpShell}, want: "unsupported_syntax"},
		"a governed shell":           {plan: policy.Plan{Op: policy.OpGoverned, Text: "id"}, want: "unsupported_syntax"},
		"two commands":               {plan: lineOf(policy.OpAnd, run("id"), run("id")), want: "unsupported_syntax"},
		"one in a group":             {plan: policy.Plan{Op: policy.OpAnd, Parts: []policy.Plan{run("id")}, Dir: "/srv"}, want: "unsupported_syntax"},
		"not":                        {plan: policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"id"}, Not: true}, want: "unsupported_syntax"},
		"a glob":                     {plan: policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"cat", "/srv/*"}, Globs: []int{1}}, want: "unsupported_syntax"},
		"a home":                     {plan: policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"cat", "~/x"}, Tildes: []int{1}}, want: "unsupported_syntax"},
		"no number":                  {plan: run("id"), step: policy.Step{N: -1}, want: "unsupported_syntax"},
		"a chain without end":        {plan: run("id"), step: policy.Step{Chain: make([]string, 65)}, want: "unsupported_syntax"},
		"a chain that is no text":    {plan: run("id"), step: policy.Step{Chain: []string{"\xff"}}, want: "unsupported_syntax"},
		"a long chain":               {plan: run("id"), step: policy.Step{Chain: []string{strings.Repeat("x", 4097)}}, want: "unsupported_syntax"},
		"the client's input":         {plan: run("tee", "/srv/x"), want: "allow", stdin: policy.StdinData},
		"a pipe to what reads":       {plan: run("cat", "/srv/x"), step: policy.Step{Piped: true}, want: "allow"},
		"a pipe to what reads all":   {plan: run("tee", "/srv/x"), step: policy.Step{Piped: true}, want: "allow"},
		"a pipe to what reads none":  {plan: run("id"), step: policy.Step{Piped: true}, want: "stdin_not_allowed"},
		"a pipe that a file hides":   {plan: redirected(run("cat", "/srv/x"), policy.Redir{Op: policy.RedirIn, Path: "/srv/in"}), step: policy.Step{Piped: true}, want: "allow"},
		"nothing in a pipe's place":  {plan: redirected(run("id"), policy.Redir{Op: policy.RedirIn, Path: "/dev/null"}), step: policy.Step{Piped: true}, want: "allow"},
		"a file that no role lists":  {plan: redirected(run("cat", "/srv/x"), policy.Redir{Op: policy.RedirIn, Path: "/etc/x"}), want: "file_not_allowed"},
		"a directory":                {plan: policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"id"}, Dir: "/srv"}, want: "allow"},
		"another directory":          {plan: policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"id"}, Dir: "/etc"}, want: "dir_not_allowed"},
		"a variable":                 {plan: policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"id"}, Env: []policy.EnvVar{{Name: "LANG", Value: "C"}}}, want: "allow"},
		"another variable":           {plan: policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"id"}, Env: []policy.EnvVar{{Name: "LD_PRELOAD", Value: "x"}}}, want: "env_not_allowed"},
		"a terminal":                 {plan: run("top"), pty: true, want: "allow", term: true},
		"a terminal, if it may":      {plan: run("top"), pty: true, step: policy.Step{Any: true}, want: "allow", term: true},
		"a terminal that it may not": {plan: run("id"), pty: true, want: "pty_not_allowed"},
		"none where it may not":      {plan: run("id"), pty: true, step: policy.Step{Any: true}, want: "allow"},
		"none for what is denied":    {plan: run("ls"), pty: true, step: policy.Step{Any: true}, want: "not_allowed"},
		"a condition on steps":       {plan: run("tail", "/srv/x"), want: "allow"},
		"a condition on the chain":   {plan: run("tail", "/srv/x"), step: policy.Step{Chain: []string{"bash -c", "eval"}}, want: "condition_not_met"},
		"a condition against steps":  {plan: run("head", "/srv/x"), want: "condition_not_met"},
	} {
		agent := c.agent
		if agent == "" {
			agent = "bot"
		}
		r := shellAsk(t, p, agent, c.plan)
		if c.step.N == 0 {
			c.step.N = 1
		}
		r.Step, r.PTY, r.Text = &c.step, c.pty, "for i in 1; do id; done"
		d := p.Decide(r)
		if got := outcomeText(d); got != c.want || d.PTY != c.term || c.stdin != "" && d.Stdin != c.stdin {
			t.Errorf("%s: got %s, want %s: %+v", name, got, c.want, d)
		}
		if c.step.Piped && d.Verdict == policy.Allow && d.Stdin != policy.StdinNone {
			t.Errorf("%s: the client's input would reach it: %+v", name, d)
		}
		if d.Verdict == policy.Allow && d.Plan.ValidateFinal() != nil {
			t.Errorf("%s: %v", name, d.Plan.ValidateFinal())
		}
	}
	if d := p.Decide(shellAsk(t, p, "bot", run("head", "/srv/x"))); d.Verdict != policy.Allow || d.Governed() {
		t.Errorf("not of a shell: %+v", d)
	}
}

// TestStepIsTheCommandAlone: whatever a policy is, a command of a governed shell is decided as that command alone is where no role has a
// shell.
func TestStepIsTheCommandAlone(t *testing.T) {
	shells := []string{"none", "governed", "recorded"}
	rapid.Check(t, func(t *rapid.T) {
		book, r := books().Draw(t, "book"), requests().Draw(t, "request")
		var y strings.Builder
		fmt.Fprintf(&y, "version: 1\npeople: {ann: {}}\nagents: {bot: {owner: person:ann, roles: [web]}}\nroles:\n  web:\n    targets: [web-1]\n    logins: [deploy]\n    shell: SHELL\n")
		for name, list := range map[string][]string{"allow": book.allow, "deny": book.deny} {
			if len(list) > 0 {
				fmt.Fprintf(&y, "    %s:\n      - '%s'\n", name, strings.Join(list, "'\n      - '"))
			}
		}
		with := func(shell string) *policy.Policy { return parseOne(t, strings.Replace(y.String(), "SHELL", shell, 1)) }
		shelly, bare := with(rapid.SampledFrom(shells).Draw(t, "shell")), with("none")
		for _, argv := range r.Plan.Commands() {
			r.Plan, r.PTY = policy.Plan{Op: policy.OpRun, Argv: argv, Dir: rapid.SampledFrom([]string{"", "/srv"}).Draw(t, "dir")}, rapid.Bool().Draw(t, "pty")
			r.Step = nil
			alone := bare.Decide(r)
			r.Step, r.Text = &policy.Step{N: 1}, "x"
			step := shelly.Decide(r)
			if step.PTY != (r.PTY && step.Verdict != policy.Deny) {
				t.Fatalf("terminal: %+v", step)
			}
			step.PTY, step.PolicyHash, alone.PolicyHash = false, "", ""
			if !reflect.DeepEqual(step, alone) {
				t.Fatalf("%q: as a step %+v\nalone %+v", argv, step, alone)
			}
		}
	})
}
