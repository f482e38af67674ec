package policy_test

import (
	"slices"
	"strings"
	"testing"

	"gatehouse/policy"
)

// leafPlan is a plan of one command with something changed.
func leafPlan(change func(*policy.Plan), argv ...string) policy.Plan {
	p := policy.Plan{Op: policy.OpRun, Argv: argv}
	if change != nil {
		change(&p)
	}
	return p
}

func redirs(r ...policy.Redir) func(*policy.Plan) {
	return func(p *policy.Plan) { p.Redirs = r }
}

func TestMalformedPlansAreNotValid(t *testing.T) {
	a := leafPlan(nil, "a")
	for claim, plan := range map[string]policy.Plan{
		"a directory with NUL":              leafPlan(func(p *policy.Plan) { p.Dir = "/a\x00b" }, "a"),
		"a directory that is an option":     leafPlan(func(p *policy.Plan) { p.Dir = "-P" }, "a"),
		"somebody's home":                   leafPlan(func(p *policy.Plan) { p.Dir = "~bob" }, "a"),
		"a long directory":                  leafPlan(func(p *policy.Plan) { p.Dir = strings.Repeat("a", 4097) }, "a"),
		"a umask of letters":                leafPlan(func(p *policy.Plan) { p.Umask = "0;i" }, "a"),
		"a umask of two digits":             leafPlan(func(p *policy.Plan) { p.Umask = "22" }, "a"),
		"pipefail without a pipe":           leafPlan(func(p *policy.Plan) { p.Pipefail = true }, "a"),
		"text on a command":                 leafPlan(func(p *policy.Plan) { p.Text = "id" }, "a"),
		"descriptor 3":                      leafPlan(redirs(policy.Redir{FD: 3, Op: policy.RedirOut, Path: "/f"}), "a"),
		"output as input":                   leafPlan(redirs(policy.Redir{FD: 1, Op: policy.RedirIn, Path: "/f"}), "a"),
		"input as output":                   leafPlan(redirs(policy.Redir{FD: 0, Op: policy.RedirOut, Path: "/f"}), "a"),
		"an operator of no sort":            leafPlan(redirs(policy.Redir{FD: 1, Op: "<>", Path: "/f"}), "a"),
		"a redirection without a path":      leafPlan(redirs(policy.Redir{FD: 1, Op: policy.RedirOut}), "a"),
		"a path with NUL":                   leafPlan(redirs(policy.Redir{FD: 1, Op: policy.RedirOut, Path: "/\x00"}), "a"),
		"a network connection":              leafPlan(redirs(policy.Redir{FD: 1, Op: policy.RedirOut, Path: "/dev/tcp/h/1"}), "a"),
		"a copy of descriptor 5":            leafPlan(redirs(policy.Redir{FD: 1, Op: policy.RedirDup, To: 5}), "a"),
		"a copy with a path":                leafPlan(redirs(policy.Redir{FD: 1, Op: policy.RedirDup, To: 2, Path: "/f"}), "a"),
		"a document for output":             leafPlan(redirs(policy.Redir{FD: 1, Op: policy.RedirData, Data: "x"}), "a"),
		"too long documents":                leafPlan(redirs(policy.Redir{Op: policy.RedirData, Data: strings.Repeat("x", 64<<10+1)}), "a"),
		"too many redirections":             leafPlan(redirs(slices.Repeat([]policy.Redir{{FD: 1, Op: policy.RedirDup, To: 2}}, 65)...), "a"),
		"a variable that is an option":      leafPlan(func(p *policy.Plan) { p.Env = []policy.EnvVar{{Name: "-n"}} }, "a"),
		"a variable that is shell text":     leafPlan(func(p *policy.Plan) { p.Env = []policy.EnvVar{{Name: "A;id"}} }, "a"),
		"a variable of shells":              leafPlan(func(p *policy.Plan) { p.Env = []policy.EnvVar{{Name: "BASH_ENV", Value: "x"}} }, "a"),
		"a function as a value":             leafPlan(func(p *policy.Plan) { p.Env = []policy.EnvVar{{Name: "A", Value: "() { id; }"}} }, "a"),
		"too many variables":                leafPlan(func(p *policy.Plan) { p.Env = slices.Repeat([]policy.EnvVar{{Name: "A"}}, 65) }, "a"),
		"a launcher that is none":           leafPlan(func(p *policy.Plan) { p.Wrap = []policy.Argv{{"rm", "-rf", "/"}} }, "a"),
		"a command hidden in a launcher":    leafPlan(func(p *policy.Plan) { p.Wrap = []policy.Argv{{"timeout", "5", "rm", "-rf"}} }, "a"),
		"a launcher's unknown option":       leafPlan(func(p *policy.Plan) { p.Wrap = []policy.Argv{{"timeout", "--kill=1", "5"}} }, "a"),
		"a launcher without its operand":    leafPlan(func(p *policy.Plan) { p.Wrap = []policy.Argv{{"timeout", "-k", "5"}} }, "a"),
		"an empty launcher":                 leafPlan(func(p *policy.Plan) { p.Wrap = []policy.Argv{{}} }, "a"),
		"a pattern as the name":             leafPlan(func(p *policy.Plan) { p.Globs = []int{0} }, "a*"),
		"a pattern beyond the words":        leafPlan(func(p *policy.Plan) { p.Globs = []int{1} }, "a"),
		"a pattern listed twice":            leafPlan(func(p *policy.Plan) { p.Globs = []int{1, 1} }, "a", "*"),
		"a home that is none":               leafPlan(func(p *policy.Plan) { p.Tildes = []int{1} }, "a", "~bob"),
		"starts that are not said":          leafPlan(nil, "xargs", "rm"),
		"starts that are other ones":        leafPlan(func(p *policy.Plan) { p.Starts = []policy.Argv{{"ls"}, {"ls"}, {"ls"}, {"ls"}} }, "xargs", "rm"),
		"starts of what starts nothing":     leafPlan(func(p *policy.Plan) { p.Starts = []policy.Argv{{"ls"}} }, "a"),
		"a shell started by find":           leafPlan(nil, "find", ".", "-exec", "/bin/sh", "-c", "id", ";"),
		"a shell's line in a list":          {Op: policy.OpSeq, Parts: []policy.Plan{a, {Op: policy.OpShell, Text: "ls"}}},
		"a shell's line with a directory":   {Op: policy.OpShell, Text: "ls", Dir: "/"},
		"a shell's line with words":         {Op: policy.OpShell, Text: "ls", Argv: policy.Argv{"ls"}},
		"a shell's line with NUL":           {Op: policy.OpShell, Text: "l\x00s"},
		"one part of nothing":               {Op: policy.OpSeq, Parts: []policy.Plan{a}},
		"a pipeline of one part":            {Op: policy.OpPipe, Parts: []policy.Plan{a}, Dir: "/"},
		"variables on a list":               {Op: policy.OpSeq, Parts: []policy.Plan{a, a}, Env: []policy.EnvVar{{Name: "A"}}},
		"a list that reads nothing":         {Op: policy.OpSeq, Parts: []policy.Plan{a, a}, Null: true},
		"redirections beyond, in all parts": {Op: policy.OpSeq, Parts: slices.Repeat([]policy.Plan{leafPlan(redirs(slices.Repeat([]policy.Redir{{FD: 1, Op: policy.RedirDup, To: 2}}, 40)...), "a")}, 2)},
	} {
		if err := plan.Validate(); err == nil {
			t.Errorf("%s is valid", claim)
		}
	}
}

func TestWhatIsFinal(t *testing.T) {
	final := leafPlan(func(p *policy.Plan) {
		p.Dir, p.Umask, p.Not, p.Null = "/srv", "077", true, true
		p.Redirs = []policy.Redir{{FD: 1, Op: policy.RedirAppend, Path: "/f"}, {FD: 2, Op: policy.RedirDup, To: 1}, {Op: policy.RedirData, Data: "x"}}
		p.Env, p.Wrap = []policy.EnvVar{{Name: "A", Value: "b c"}}, []policy.Argv{{"/usr/bin/timeout", "-k", "1", "5"}, {"/usr/bin/nice"}}
	}, "/bin/a", "~", "*")
	outer := policy.Plan{Op: policy.OpSeq, Parts: []policy.Plan{final}, Dir: "/"}
	for _, plan := range []policy.Plan{final, outer, {Op: policy.OpShell}, {Op: policy.OpShell, Text: "ls | wc"}} {
		if err := plan.ValidateFinal(); err != nil {
			t.Errorf("%s: %v", plan, err)
		}
	}
	for claim, change := range map[string]func(*policy.Plan){
		"a relative directory": func(p *policy.Plan) { p.Dir = "srv" },
		"a directory at home":  func(p *policy.Plan) { p.Dir = "~/x" },
		"a relative program":   func(p *policy.Plan) { p.Argv = policy.Argv{"a"} },
		"a relative launcher":  func(p *policy.Plan) { p.Wrap = []policy.Argv{{"nice"}} },
		"a relative file":      func(p *policy.Plan) { p.Redirs = []policy.Redir{{FD: 1, Op: policy.RedirOut, Path: "f"}} },
		"a pattern":            func(p *policy.Plan) { p.Globs = []int{2} },
		"the home":             func(p *policy.Plan) { p.Tildes = []int{1} },
	} {
		plan := final
		change(&plan)
		if err := plan.ValidateFinal(); err == nil {
			t.Errorf("%s is final", claim)
		}
		if err := plan.Validate(); err != nil {
			t.Errorf("%s is not even valid: %v", claim, err)
		}
	}
}

func TestLaunchersOwnWords(t *testing.T) {
	for line, want := range map[string]int{
		"timeout 5 a": 2, "timeout 1.5m a -k": 2, "timeout -k 5 -s TERM --foreground 9 a": 7, "timeout -k5 -s9 --preserve-status 1h a": 5, "/usr/bin/timeout --kill-after=3 5 a": 3,
		"nice a": 1, "nice -n -5 a": 3, "nice -n5 a": 2, "nice --adjustment=5 a": 2, "nohup a": 1, "stdbuf -oL a": 2, "stdbuf -i 0 -e 4K a": 5, "stdbuf --output=L a": 2,
	} {
		if own, known, err := policy.Launcher(strings.Fields(line)); own != want || !known || err != nil {
			t.Errorf("%s: %d words (%v, %v), want %d", line, own, known, err, want)
		}
	}
	for _, line := range []string{
		"timeout a", "timeout", "timeout -5 a", "timeout --kill-aft=5 5 a", "timeout --kill-after 5 5 a", "timeout -v 5 a", "timeout -- 5 a", "timeout 5x a", "timeout -s ;id 5 a",
		"nice -5 a", "nice -n a", "nohup --help", "stdbuf a", "stdbuf -oX a", "stdbuf -oLL a",
	} {
		if own, known, err := policy.Launcher(strings.Fields(line)); err == nil || !known {
			t.Errorf("%s: accepted with %d words", line, own)
		}
	}
}
