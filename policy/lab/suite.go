package lab

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/policy"
)

// Result is the outcome of one test, whether it stands in the policy or in a test file.
type Result struct {
	File     string          `json:"file"`
	Line     int             `json:"line"`
	Claim    string          `json:"claim,omitempty"` // of a test file: its comment
	Asks     string          `json:"asks"`            // "release-bot deploy@web-1 $ uptime"
	Expect   string          `json:"expect"`          // "deny bad_argument"
	Decision policy.Decision `json:"decision"`
	Problem  string          `json:"problem,omitempty"` // empty: passed
}

// Failed counts the results that have a problem.
func Failed(results []Result) int {
	n := 0
	for _, r := range results {
		if r.Problem != "" {
			n++
		}
	}
	return n
}

// Inline runs the tests that stand in the policy's own files.
func Inline(p *policy.Policy, parse Parser) []Result {
	var results []Result
	for _, r := range p.RunTests(parse) {
		t := r.Test
		expect := strings.TrimSpace(string(t.Expect) + " " + string(t.Code))
		if t.Rule != "" {
			expect += " " + t.Rule
		}
		results = append(results, Result{File: t.File, Line: t.Line, Asks: asks(t.As, t.Login, t.Target, t.PTY, t.Env, t.Granted) + " $ " + t.Asks(), Expect: expect,
			Decision: r.Decision, Problem: r.Problem})
	}
	return results
}

func asks(as string, login policy.Login, target string, pty bool, env []policy.EnvVar, granted []string) string {
	text := fmt.Sprintf("%s %s@%s", as, login, target)
	if pty {
		text += " -t"
	}
	for _, v := range env {
		text += fmt.Sprintf(" %s=%s", v.Name, v.Value)
	}
	for _, role := range granted {
		text += " --granted=" + role
	}
	return text
}

// Case is one line of a test file.
type Case struct {
	Ask     Ask
	File    string
	Line    int
	Claim   string
	Text    string // before =>
	Verdict policy.Verdict
	Code    policy.Code // of a denial; empty: any
	Rule    string      // of what is allowed or asked; empty: any
}

// testsSection is the part of a txtar file that holds tests.
const testsSection = "tests"

// ReadCases reads a test file. It is a txtar archive: what stands before the first part is the claim, and each line of the part
// "tests" is
//
//	IDENTITY LOGIN@TARGET [-t] [--step] [--task=TASK] [--from=ADDRESS] [--at=TIME] [--granted=ROLE] [NAME=VALUE…] $ LINE => allow|ask|governed [RULE]
//	IDENTITY LOGIN@TARGET [-t] [--step] [--task=TASK] [--from=ADDRESS] [--at=TIME] [--granted=ROLE] [NAME=VALUE…] $ LINE => deny [CODE]
//
// Empty lines and lines that begin with # say nothing. A file without that part has no tests.
func ReadCases(f policy.File) ([]Case, error) {
	var cases []Case
	var claim []string
	part := ""
	n := 0
	for line := range strings.Lines(string(f.Data)) {
		n++
		line = strings.TrimRight(line, "\r\n")
		if name, ok := partName(line); ok {
			part = name
			continue
		}
		switch {
		case part == "":
			claim = append(claim, strings.TrimSpace(line))
		case part != testsSection, strings.TrimSpace(line) == "", strings.HasPrefix(line, "#"):
		default:
			c, err := readCase(line)
			if err != nil {
				return nil, fmt.Errorf("%s:%d: %w", f.Name, n, err)
			}
			c.File, c.Line, c.Claim = f.Name, n, strings.TrimSpace(strings.Join(claim, " "))
			cases = append(cases, c)
		}
	}
	return cases, nil
}

// partName reads the line that begins a part of a txtar archive.
func partName(line string) (string, bool) {
	name, ok := strings.CutPrefix(line, "-- ")
	if !ok {
		return "", false
	}
	name, ok = strings.CutSuffix(name, " --")
	return strings.TrimSpace(name), ok
}

func readCase(line string) (Case, error) {
	at := strings.LastIndex(line, " => ")
	if at < 0 {
		return Case{}, fmt.Errorf("a test is a question, =>, and what is expected: %q", line)
	}
	c := Case{Text: strings.TrimSpace(line[:at])}
	head, run, ok := strings.Cut(c.Text, " $ ")
	words := strings.Fields(head)
	if !ok || len(words) < 2 || strings.TrimSpace(run) == "" {
		return Case{}, fmt.Errorf("a question is IDENTITY LOGIN@TARGET [-t] [--step] [--task=TASK] [NAME=VALUE…] $ LINE, found %q", c.Text)
	}
	login, target, ok := strings.Cut(words[1], "@")
	if !ok {
		return Case{}, fmt.Errorf("%q is not LOGIN@TARGET", words[1])
	}
	c.Ask = Ask{As: words[0], Login: policy.Login(login), Target: Target{Name: target}, Line: strings.TrimSpace(run)}
	for _, word := range words[2:] {
		if err := c.Ask.option(word); err != nil {
			return Case{}, err
		}
	}
	return c, c.expectation(strings.Fields(line[at+len(" => "):]))
}

// option reads one word between the target and the line.
func (a *Ask) option(word string) error {
	if word == "-t" {
		a.PTY = true
		return nil
	}
	if word == "--step" {
		a.Step = true
		return nil
	}
	if task, ok := strings.CutPrefix(word, "--task="); ok {
		a.Task = task
		return nil
	}
	if source, ok := strings.CutPrefix(word, "--from="); ok {
		a.Source = source
		return nil
	}
	if role, ok := strings.CutPrefix(word, "--granted="); ok {
		a.Granted = append(a.Granted, role)
		return nil
	}
	if text, ok := strings.CutPrefix(word, "--at="); ok {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return fmt.Errorf("%q is not a time such as 2026-11-25T10:00:00Z", text)
		}
		a.Now = at
		return nil
	}
	name, value, ok := strings.Cut(word, "=")
	if !ok || strings.HasPrefix(word, "-") {
		return fmt.Errorf("%q is neither -t, --step, --task=TASK, --from=ADDRESS, --at=TIME, --granted=ROLE nor NAME=VALUE", word)
	}
	a.Env = append(a.Env, policy.EnvVar{Name: name, Value: value})
	return nil
}

func (c *Case) expectation(words []string) error {
	if len(words) == 0 || len(words) > 2 {
		return fmt.Errorf("after => stands allow, ask, governed or deny, and perhaps a rule or a code")
	}
	c.Verdict = policy.Verdict(words[0])
	if !slices.Contains([]policy.Verdict{policy.Allow, policy.Ask, policy.Deny, policy.ExpectGoverned}, c.Verdict) {
		return fmt.Errorf("%q is not an outcome: it is allow, ask, governed or deny", words[0])
	}
	if len(words) == 2 && c.Verdict == policy.Deny {
		c.Code = policy.Code(words[1])
	} else if len(words) == 2 {
		c.Rule = words[1]
	}
	return nil
}

// Run decides a test file's cases. now is the time that they are asked at; labels come from the targets that are known.
func Run(p *policy.Policy, cases []Case, parse Parser, targets []Target, now time.Time) []Result {
	var results []Result
	for _, c := range cases {
		ask := c.Ask
		if ask.Now.IsZero() {
			ask.Now = now
		}
		for _, t := range targets {
			if t.Name == ask.Target.Name {
				ask.Target = t
			}
		}
		_, d := ask.decide(p, parse)
		expect := strings.TrimSpace(fmt.Sprintf("%s %s%s", c.Verdict, c.Code, c.Rule))
		results = append(results, Result{File: c.File, Line: c.Line, Claim: c.Claim, Asks: c.Text, Expect: expect, Decision: d, Problem: c.problem(d)})
	}
	return results
}

// problem says how a decision differs from what is expected.
func (c Case) problem(d policy.Decision) string {
	got := d.Verdict
	if d.Governed() {
		got = policy.ExpectGoverned
	}
	switch {
	case got != c.Verdict:
		return fmt.Sprintf("expected %s, got %s", c.Verdict, Outcome(d))
	case c.Code != "" && d.Code != c.Code:
		return fmt.Sprintf("expected the code %s, got %s", c.Code, Outcome(d))
	case c.Rule != "" && !slices.Contains(d.Rules, c.Rule):
		return fmt.Sprintf("expected the rule %s, got %s", c.Rule, Outcome(d))
	}
	return ""
}

// Outcome is a decision in one line.
func Outcome(d policy.Decision) string {
	text := string(d.Verdict)
	if d.Governed() {
		text = "governed"
	}
	if d.Verdict == policy.Deny {
		text += fmt.Sprintf(" (%s): %s", d.Code, Show(d.Reason))
	}
	if len(d.Rules) > 0 {
		text += " by " + strings.Join(slices.Compact(slices.Clone(d.Rules)), ", ")
	}
	return text
}

// TestTime is when tests are asked that do not say when, as those in a policy: a Wednesday at noon.
func TestTime() time.Time { return time.Date(2025, time.January, 1, 12, 0, 0, 0, time.UTC) }
