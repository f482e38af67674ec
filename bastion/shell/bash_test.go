package shell_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"gatehouse/bastion/shell"
	"gatehouse/policy"
)

// pieces are what random lines are made of: everything that quoting, operators and expansions can trip over.
var pieces = []string{
	"p0", "p1", "p3", "( ", " )", "{ ", "; }", " > f", " 2>&1", " < g", "*", "?", "[a]", "{a,b}", "{1..3}", "~/", "$HOME", "A=1 ", "cd d && ", "umask 022; ", "bash -c ", "timeout 5 ", "<<< a", "set -e; ", "set -o pipefail; ", "p0 ", "p1 ", " ", "  ", "\t", "\n", "'", `"`, `\`, `\\`, `\'`, `\"`, `\$`, "a", "-n", "x=y", "=", ":", "~", "a~", "#", "a#",
	"!", "! ", "^", "%", ",", "$", "$ ", `$"`, "]", "@", "é", "日", "|", " | ", "||", " || ", "&&", " && ", ";", "; ", "''", `""`, "'b c'", `"b  c"`,
	`"\a"`, `"\\"`, `"$"`, "`", "if", "then", "done", "in", "time", "export", "{", "}", "*", "&", "+", "a=~", `\n`, `'\'`, "\\\n",
}

// gaps are pieces that are mostly about what stands between words: comments, continued lines, ends of lines.
var gaps = []string{"p0", "p1", "p3", "a", " ", "\n", "\\\n", " \\\n", "#", " #", "# b\n", `\`, "'", `"`, ";", "&&", "|", "||", "{ ", "}", "(", ")", "! ", "<<< ", ">f", "2>&1", "<<E\n", "E\n", "b"}

func TestPlanMeansWhatBashMeans(t *testing.T) {
	h := newHost(t)
	for _, line := range []string{`p0 "a\"b" "c\\d" "e\$f" "g\hi"`, `p0 a\ b\"c \\ d`, `p0 'a"b'"c'd"e 'f'\''g'`} { // every quote, every time
		plan, err := shell.Parse(line)
		if err != nil {
			t.Fatal(err)
		}
		want, _, _ := predict(plan)
		if got, _ := h.run("bash", line); !slices.Equal(got, want) {
			t.Errorf("%q: bash ran %q, the plan says %q", line, got, want)
		}
	}
	compared := 0
	rapid.Check(t, func(t *rapid.T) {
		set := rapid.SampledFrom([][]string{pieces, gaps}).Draw(t, "set")
		parts := rapid.SliceOfN(rapid.SampledFrom(set), 1, 14).Draw(t, "pieces")
		line := rapid.SampledFrom([]string{"", "p0 ", "p1 ", "p3 'x' "}).Draw(t, "first") + strings.Join(parts, "")
		plan, err := shell.Parse(line)
		if err != nil {
			return
		}
		want, status, ok := predict(plan)
		if !ok {
			return
		}
		compared++
		if got, gotStatus := h.run("bash", line); !slices.Equal(got, want) || gotStatus != status {
			t.Fatalf("%q: bash ran %q and ended with %d, the plan %s says %q and %d", line, got, gotStatus, plan, want, status)
		}
	})
	if compared == 0 { // at 20 checks few of the random lines are plans
		t.Fatalf("only %d lines were compared with bash", compared)
	}
}

// words draws arguments that hold any character that can be in an argv.
func words() *rapid.Generator[string] {
	hard := rapid.StringOfN(rapid.RuneFrom([]rune("'\"\\$`!*?[]{}~#&|;<>()= \t\n\r\x1b\x01-ab\u00a0\u202eé日%^,")), 0, 12, -1)
	return rapid.OneOf(hard, rapid.StringN(0, 20, -1).Filter(func(s string) bool { return !strings.ContainsRune(s, 0) }))
}

// plans draws trees of commands that a host has.
func plans(depth int) *rapid.Generator[policy.Plan] {
	return rapid.Custom(func(t *rapid.T) policy.Plan {
		op := policy.OpRun
		if depth > 0 {
			op = rapid.SampledFrom([]policy.Op{policy.OpRun, policy.OpRun, policy.OpPipe, policy.OpAnd, policy.OpOr, policy.OpSeq}).Draw(t, "op")
		}
		if op == policy.OpRun {
			name := rapid.SampledFrom([]string{"p0", "p1", "p3", "if", "export", "cd", "it's 1", "$x `y` 0", "a b3", "test"}).Draw(t, "name")
			return policy.Plan{Op: op, Argv: append(policy.Argv{name}, rapid.SliceOfN(words(), 0, 4).Draw(t, "args")...)}
		}
		return policy.Plan{Op: op, Parts: rapid.SliceOfN(plans(depth-1), 2, 3).Draw(t, "parts")}
	})
}

func TestLineGivesEveryShellThePlan(t *testing.T) {
	h := newHost(t)
	shells := []string{"bash", "dash", "zsh", "fish"}
	rapid.Check(t, func(t *rapid.T) {
		plan := plans(2).Draw(t, "plan")
		if err := plan.Validate(); err != nil {
			t.Fatalf("%v: %v", plan, err)
		}
		want, status, _ := predict(plan)
		sh := rapid.SampledFrom(shells).Draw(t, "shell")
		if got, gotStatus := h.run(sh, plan.Line(nil)); !slices.Equal(got, want) || gotStatus != status {
			t.Fatalf("%s ran %q and ended with %d for %s, the plan says %q and %d", sh, got, gotStatus, plan.Line(nil), want, status)
		}
	})
}

func TestLineSetsTheEnvironment(t *testing.T) {
	h := newHost(t)
	env := []policy.EnvVar{{Name: "LANG", Value: "C"}, {Name: "NOTE", Value: "it's $HOME\n`x`"}}
	plan := policy.Plan{Op: policy.OpRun, Argv: policy.Argv{"/bin/sh", "-c", `p0 "$LANG" "$NOTE"`}}
	for _, sh := range []string{"bash", "dash"} {
		got, status := h.run(sh, plan.Line(env))
		if want := []string{"p0\x00C\x00it's $HOME\n`x`\x00"}; !slices.Equal(got, want) || status != 0 {
			t.Errorf("%s: got %q, status %d", sh, got, status)
		}
	}
}

func TestTheTextOfAPlanParsesToIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		line := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 1, 14).Draw(t, "pieces"), "")
		plan, err := shell.Parse("p0 " + line)
		if err != nil {
			return
		}
		again, err := shell.Parse(plan.String())
		if err != nil || !reflect.DeepEqual(plan, again) {
			t.Fatalf("%q became %s, which became %v (%v)", line, plan, again, err)
		}
	})
}
