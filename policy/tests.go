package policy

import (
	"fmt"
	"slices"
	"strings"
)

// Test is one expectation of the tests section.
type Test struct {
	File string
	Line int

	As     string // "release-bot", "agent:release-bot" or "person:ann"
	Target string
	Login  Login
	Run    string // the client's line
	PTY    bool
	Env    []EnvVar
	Expect Verdict
	Code   Code   // expected code of a denial, empty for any
	Rule   string // a rule that must be among the decision's, empty for any
}

// TestResult is the outcome of one test. Problem is empty if it passed.
type TestResult struct {
	Test     Test
	Decision Decision
	Problem  string
}

// codes are what a test may expect.
var codes = [...]Code{
	CodeNotAllowed, CodeBadArgument, CodeUnsupportedSyntax, CodeTargetNotGranted, CodePTYNotAllowed, CodeEnvNotAllowed, CodeDeniedByRule,
}

// RunTests decides every test of the policy's files, in their order. parse turns a line into a plan; what it refuses is
// denied with unsupported_syntax.
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
	id, _ := p.Identity(kind, name, "")
	plan, err := parse(t.Run)
	if err != nil {
		d := deny(CodeUnsupportedSyntax, err.Error())
		d.PolicyHash = p.hash
		return d
	}
	return p.Decide(Request{Identity: id, Target: t.Target, Login: t.Login, Plan: plan, Env: t.Env, PTY: t.PTY})
}

// problem says how a decision differs from what is expected.
func (t Test) problem(d Decision) string {
	switch {
	case d.Verdict != t.Expect && d.Verdict == Deny:
		return fmt.Sprintf("expected allow, got deny (%s): %s", d.Code, d.Reason)
	case d.Verdict != t.Expect:
		return fmt.Sprintf("expected deny, got allow by %s", strings.Join(d.Rules, ", "))
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
		item.fields(map[string]func(value){
			"as":     func(v value) { t.As, _ = v.text(); b.checkLater(v, &t) },
			"on":     func(v value) { t.Target, _ = v.checked(validName, nameShape) },
			"login":  func(v value) { text, _ := v.checked(validLogin, loginShape); t.Login = Login(text) },
			"run":    func(v value) { t.Run, _ = v.text() },
			"pty":    func(v value) { t.PTY = v.boolean() },
			"env":    func(v value) { t.Env = readTestEnv(v) },
			"expect": func(v value) { text, _ := v.word(string(Allow), string(Ask), string(Deny)); t.Expect = Verdict(text) },
			"code":   func(v value) { t.Code = readCode(v) },
			"rule":   func(v value) { t.Rule, _ = v.text() },
		})
		if t.As == "" || t.Target == "" || t.Login == "" || t.Run == "" || t.Expect == "" {
			item.problem("a test needs as, on, login, run and expect")
		}
		if t.Code != "" && t.Expect == Allow {
			item.problem("a test that expects allow has no code")
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

func readCode(v value) Code {
	known := make([]string, len(codes))
	for i, code := range codes {
		known[i] = string(code)
	}
	text, _ := v.word(known...)
	return Code(text)
}
