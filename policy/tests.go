package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Test is one expectation of the tests section.
type Test struct {
	File string
	Line int

	As      string // "release-bot", "agent:release-bot" or "person:ann"
	Target  string
	Login   Login
	Run     string      // the client's line
	Carry   *FileAsk    // or an operation on a file
	Forward *ForwardAsk // or a forward
	PTY     bool
	Step    bool // the line is one command of a governed shell
	Env     []EnvVar
	Labels  map[string]string
	Task    string
	Source  string
	Granted []string  // roles that it holds for a time
	At      time.Time // when; the zero time is a Wednesday at noon, UTC
	Expect  Verdict   // or ExpectGoverned
	Code    Code      // expected code of a denial, empty for any
	Rule    string    // a rule that must be among the decision's, empty for any
}

// TestResult is the outcome of one test. Problem is empty if it passed.
type TestResult struct {
	Test     Test
	Decision Decision
	Problem  string
}

// ExpectGoverned is what a test expects of a line that a governed shell reads. Allow is then not what it is: each command of it is
// decided when the shell comes to it.
const ExpectGoverned Verdict = "governed"

// codes are what a test may expect.
var codes = [...]Code{
	CodeNotAllowed, CodeBadArgument, CodeUnsupportedSyntax, CodeTargetNotGranted, CodePTYNotAllowed, CodeEnvNotAllowed, CodeDeniedByRule,
	CodeStdinNotAllowed, CodeDirNotAllowed, CodeFileNotAllowed, CodeNeedsApproval, CodeOutsideWindow, CodeConditionNotMet, CodeDryRun,
}

// testTime is when tests are asked that do not say when.
var testTime = time.Date(2025, 1, 1, 12, 0, 0, 0, time.UTC)

// RunTests decides every test of the policy's files, in their order. parse turns a line into a plan; what it refuses only a
// role with shell: recorded admits, and without one it is denied with unsupported_syntax.
func (p *Policy) RunTests(parse func(line string) (Plan, error)) []TestResult {
	results := make([]TestResult, len(p.tests))
	for i, t := range p.tests {
		d := p.decideTest(t, parse)
		results[i] = TestResult{Test: t, Decision: d, Problem: t.problem(d)}
	}
	return results
}

func (p *Policy) decideTest(t Test, parse func(line string) (Plan, error)) Decision {
	kind, name := t.principal()
	id, _ := p.Identity(kind, name, t.Task)
	at := t.At
	if at.IsZero() {
		at = testTime
	}
	r := Request{Identity: id, Target: t.Target, Labels: t.Labels, Login: t.Login, Text: t.Run, Env: t.Env, PTY: t.PTY, Source: t.Source, Now: at, Facts: Facts{Assume: true}}
	for _, role := range t.Granted {
		r.Granted = append(r.Granted, Granted{ID: "granted:" + role, Role: role, Targets: []string{t.Target}, Login: t.Login})
	}
	if t.Run == "" {
		return p.decideOther(t, r)
	}
	plan, unreadable := parse(t.Run)
	if unreadable != nil {
		plan = Plan{Op: OpShell, Text: t.Run} // as the door asks it
	}
	r.Plan = plan
	if t.Step {
		r.Step = &Step{N: 1, Any: r.PTY}
	}
	d := p.Decide(r)
	if unreadable != nil && d.Code == CodeNotAllowed {
		d.Code, d.Reason = CodeUnsupportedSyntax, unreadable.Error()
	}
	if d.Verdict == Allow && d.Obligations.DryRun {
		d.Verdict, d.Code, d.Reason = Deny, CodeDryRun, "the rule says that nothing runs"
	}
	return d
}

// problem says how a decision differs from what is expected.
func (t Test) problem(d Decision) string {
	got := d.Verdict
	if d.Governed() {
		got = ExpectGoverned
	}
	switch {
	case got != t.Expect && d.Verdict == Allow:
		return fmt.Sprintf("expected %s, got %s by %s", t.Expect, got, strings.Join(d.Rules, ", "))
	case got != t.Expect:
		return fmt.Sprintf("expected %s, got %s (%s): %s", t.Expect, d.Verdict, d.Code, d.Reason)
	case t.Code != "" && d.Code != t.Code:
		return fmt.Sprintf("expected the code %s, got %s: %s", t.Code, d.Code, d.Reason)
	case t.Rule != "" && !slices.Contains(d.Rules, t.Rule):
		return fmt.Sprintf("expected the rule %s, got %q", t.Rule, d.Rules)
	}
	return ""
}

func (t Test) principal() (Kind, string) {
	if name, ok := strings.CutPrefix(t.As, "person:"); ok {
		return Person, name
	}
	return Agent, strings.TrimPrefix(t.As, "agent:")
}

func (b *builder) readTests(v value) {
	for _, item := range v.list() {
		item.what = "a test"
		if len(b.policy.tests) == maxTests {
			item.problem("a policy has at most %d tests", maxTests)
			return
		}
		at := item.at()
		t := Test{File: at.file, Line: at.line}
		fields := map[string]func(value){
			"as":      func(v value) { t.As, _ = v.text(); b.checkLater(v, &t) },
			"on":      func(v value) { t.Target, _ = v.checked(validName, nameShape) },
			"login":   func(v value) { text, _ := v.checked(validLogin, loginShape); t.Login = Login(text) },
			"pty":     func(v value) { t.PTY = v.boolean() },
			"step":    func(v value) { t.Step = v.boolean() },
			"env":     func(v value) { t.Env = readTestEnv(v) },
			"labels":  func(v value) { t.Labels = readLabels(v) },
			"task":    func(v value) { t.Task, _ = v.text() },
			"granted": func(v value) { t.Granted = b.readGrantedRoles(v) },
			"from":    func(v value) { t.Source, _ = v.text() },
			"at":      func(v value) { t.At = readTime(v) },
			"expect": func(v value) {
				text, _ := v.word(string(Allow), string(Ask), string(Deny), string(ExpectGoverned))
				t.Expect = Verdict(text)
			},
			"code": func(v value) { t.Code = readCode(v) },
			"rule": func(v value) { t.Rule, _ = v.text() },
		}
		maps.Copy(fields, askFields(&t))
		item.fields(fields)
		if t.As == "" || t.Target == "" || t.Login == "" || t.asks() != 1 || t.Expect == "" {
			item.problem("a test needs as, on, login, expect, and one thing that is asked: run, a file (read, write, list, mkdir, remove, rename) or forward")
		} else if t.stray() {
			item.problem("a test has by, to and size of a file, address of a forward, and pty and step of a line only")
		}
		if t.Code != "" && (t.Expect == Allow || t.Expect == ExpectGoverned) {
			item.problem("a test that expects %s has no code", t.Expect)
		}
		b.policy.tests = append(b.policy.tests, t)
	}
}

// checkLater reports a test that is about a stranger.
func (b *builder) checkLater(v value, t *Test) {
	kind, name := t.principal()
	b.checks = append(b.checks, func() {
		if name != "" && b.policy.subject(kind, name) == nil {
			v.problem("there is no %s %q", kind, name)
		}
	})
}

func readTestEnv(v value) []EnvVar {
	var env []EnvVar
	for _, f := range v.mapping() {
		if text, ok := f.text(); ok {
			env = append(env, EnvVar{Name: f.key, Value: text})
		}
	}
	return env
}

// readTime reads a time of RFC 3339, "2025-01-01T12:00:00Z".
func readTime(v value) time.Time {
	text, ok := v.text()
	if !ok {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		v.problem(`%q cannot be %s: write a time in quotes, as in "2025-01-01T12:00:00Z"`, text, v.what)
	}
	return at
}

func readCode(v value) Code {
	known := make([]string, len(codes))
	for i, code := range codes {
		known[i] = string(code)
	}
	text, _ := v.word(known...)
	return Code(text)
}
