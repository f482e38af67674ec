package shell_test

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"

	"gatehouse/bastion/shell"
	"gatehouse/policy"
)

// refusals says what each line is refused for, and at which column.
var refusals = []struct {
	line, construct string
	column          int
}{
	{"", "empty line", 1},
	{" \n\t", "empty line", 1},
	{"ls $(id)", "command substitution", 4},
	{"ls `id`", "command substitution", 4},
	{`ls "a $(id)"`, "command substitution", 7},
	{`ls "a` + "`id`\"", "command substitution", 6},
	{`ls "$1"`, "parameter expansion", 5},
	{"ls ${x}", "parameter expansion", 4},
	{"ls ${ id; }", "parameter expansion", 4},
	{"ls $((1))", "arithmetic expansion", 4},
	{"ls $[1]", "arithmetic expansion", 4},
	{`ls $'\x41'`, "ANSI-C quoting", 4},
	{`ls $"a"`, "locale quoting", 4},
	{"ls a=~/x", "tilde expansion", 6},
	{"cat <(id)", "process substitution", 5},
	{"cat >(id)", "process substitution", 5},
	{"ls & id", "background", 4},
	{"ls &", "background", 4},
	{"ls |& id", "|&", 4},
	{"((1))", "arithmetic", 1},
	{"f() { ls; }", "parenthesis", 2},
	{"function f\nls", "function", 1},
	{"A=1", "assignment", 1},
	{"export A=1", "declaration (export)", 1},
	{"declare x", "declaration (declare)", 1},
	{"let x=1", "let", 1},
	{"time ls", "time", 1},
	{"coproc ls", "coproc", 1},
	{"if true; then ls; fi", "if", 1},
	{"while true; do ls; done", "loop", 1},
	{"for x in a; do ls; done", "loop", 1},
	{"case x in esac", "case", 1},
	{"ls; then", "syntax error", 5},
	{"ls ;; id", "case terminator", 4},
	{"ls | | id", "syntax error", 4},
	{"&& ls", "syntax error", 1},
	{"ls &&", "syntax error", 4},
	{"ls # x", "comment", 4},
	{"# x", "comment", 1},
	{"ls \\\nid", "line continuation", 4},
	{"ls \"a\\\nb\"", "line continuation", 6},
	{"ls 'a", "open quote", 4},
	{`ls "a`, "open quote", 4},
	{`ls a\`, "trailing backslash", 5},
	{"ls\r\nid", "control character", 3},
	{"ls 'a\x1b[2J'", "control character", 6},
	{"ls '\x7f'", "control character", 5},
	{"ls '\u0085'", "control character", 5},
	{"ls '\u202eabc'", "invisible character", 5},
	{"ls '\u2066abc'", "invisible character", 5},
	{"l\u200bs", "invisible character", 2},
	{"l\ufeffs", "invisible character", 2},
	{"ls 'a\u2028b'", "invisible character", 6},
	{"ls\u00a0id", "non-ASCII space", 3},
	{"ls\u3000id", "non-ASCII space", 3},
	{"ls \xff", "invalid UTF-8", 4},
	{"ls \x00", "NUL", 4},
	{"'' x", "command", 1},
	{"-x", "command", 1},
	{"'A=1' x", "command", 1},
	{shell.ArgvPrefix, "exact argv", 18},
	{shell.ArgvPrefix + "WyJscyJd=", "exact argv", 18},
	{shell.ArgvPrefix + "WyJs\ncyJd", "exact argv", 18},
	{shell.ArgvPrefix + encode(`["ls",null]`), "exact argv", 18},
	{shell.ArgvPrefix + encode(`[]`), "exact argv", 18},
	{shell.ArgvPrefix + encode(`{}`), "exact argv", 18},
	{shell.ArgvPrefix + encode(`["ls"] x`), "exact argv", 18},
	{shell.ArgvPrefix + encode("[\"\xff\"]"), "exact argv", 18},
	{shell.ArgvPrefix + encode(`["\ud800"]`), "exact argv", 18},
	{shell.ArgvPrefix + encode(`["a\u0000b"]`), "command", 1},
	{shell.ArgvPrefix + encode(`["-a","x","ls"]`), "command", 1},
}

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func TestRefusalsNameConstructAndColumn(t *testing.T) {
	for _, c := range refusals {
		_, err := shell.Parse(c.line)
		var refusal *shell.Refusal
		if !errors.As(err, &refusal) {
			t.Errorf("%q: got %v, want a refusal", c.line, err)
			continue
		}
		if refusal.Construct != c.construct || refusal.Column != c.column || refusal.Reason == "" {
			t.Errorf("%q: got %v, want %s at column %d", c.line, refusal, c.construct, c.column)
		}
	}
}

func TestAcceptedLines(t *testing.T) {
	for line, want := range map[string]string{
		"ls -l /tmp":                 "ls -l /tmp",
		"'l's\t\"-l\"  /t\\mp":       "ls -l /tmp",
		`echo 'a  b' "c\"d" \$ a\;b`: `echo 'a  b' 'c"d' '$' 'a;b'`,
		`grep foo$ "bar$"`:           `grep 'foo$' 'bar$'`,
		"git show HEAD~1 a#b x=y":    "git show 'HEAD~1' 'a#b' x=y",
		"a && b || c; d | e | f\ng;": "a && b || c; d | e | f; g",
		"a || b && c":                "a || b && c",
		"a |\n b &&\n c":             "a | b && c",
		"find ! -name 'x*' -print":   "find '!' -name 'x*' -print",
		"'if' x":                     "'if' x",
		"echo '\u00a0' naïve 日本":     "echo '\u00a0' 'naïve' '日本'",
		"echo ''":                    "echo ''",
		shell.ArgvPrefix + encode(`["a b","\u001b","'"]`): `'a b' '` + "\x1b" + `' "'"`,
	} {
		plan, err := shell.Parse(line)
		if err != nil || plan.String() != want {
			t.Errorf("%q: got %s (%v), want %s", line, plan, err, want)
		}
	}
}

func TestTheShapeOfAPlan(t *testing.T) {
	plan, err := shell.Parse("a && b && c || d | e; f")
	if err != nil {
		t.Fatal(err)
	}
	or := plan.Parts[0]
	and := or.Parts[0]
	if plan.Op != policy.OpSeq || or.Op != policy.OpOr || and.Op != policy.OpAnd || len(and.Parts) != 3 || or.Parts[1].Op != policy.OpPipe {
		t.Errorf("got %+v", plan)
	}
	if got := len(plan.Commands()); got != 6 {
		t.Errorf("got %d commands, want 6", got)
	}
}

func TestBounds(t *testing.T) {
	for name, line := range map[string]string{
		"65 commands in a list":      "a" + strings.Repeat(";a", 64),
		"65 commands in a pipeline":  "a" + strings.Repeat("|a", 64),
		"65 commands joined by &&":   "a" + strings.Repeat("&&a", 64),
		"two pipelines of 40":        strings.Repeat("a|", 39) + "a;" + strings.Repeat("a|", 39) + "a",
		"4097 words":                 strings.Repeat("a ", 4097),
		"a long line":                "a '" + strings.Repeat("b", 64<<10) + "'",
		"a line that quotes to much": `a "` + strings.Repeat("'a", 31_000) + `"`,
		"nested keywords":            strings.Repeat("if ", 20_000),
		"nested negations":           strings.Repeat("! ", 30_000),
		"nested substitutions":       strings.Repeat("$(", 30_000),
		"nested parentheses":         strings.Repeat("(", 60_000),
		"nested time":                strings.Repeat("time ", 13_000),
		"a long pipeline":            strings.Repeat("a|", 30_000) + "a",
	} {
		if plan, err := shell.Parse(line); err == nil {
			t.Errorf("%s: accepted as %d commands", name, len(plan.Commands()))
		}
	}
	if _, err := shell.Parse("a" + strings.Repeat(";a", 63)); err != nil {
		t.Errorf("64 commands: %v", err)
	}
	if _, err := shell.Parse(strings.Repeat("a ", 4096)); err != nil {
		t.Errorf("4096 words: %v", err)
	}
}

func TestExactArgv(t *testing.T) {
	want := policy.Argv{"printf", "%s", "\x1b[0m\n", "", "'"}
	plan, err := shell.Parse(shell.ArgvPrefix + encode(`["printf","%s","\u001b[0m\n","","'"]`))
	if err != nil || plan.Op != policy.OpRun || !slices.Equal(plan.Argv, want) {
		t.Errorf("got %q (%v)", plan.Argv, err)
	}
}

func FuzzParse(f *testing.F) {
	for _, c := range refusals {
		f.Add(c.line)
	}
	f.Add(`a 'b'\''c' "d$" | e && f || g; h`)
	f.Fuzz(func(t *testing.T, line string) {
		plan, err := shell.Parse(line)
		if err != nil {
			var refusal *shell.Refusal
			if !errors.As(err, &refusal) || refusal.Column < 1 || refusal.Column > len(line)+1 {
				t.Fatalf("%q: got %v", line, err)
			}
			return
		}
		if err := plan.Validate(); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if strings.HasPrefix(line, shell.ArgvPrefix) {
			return // its words may be such as no line can hold
		}
		if again, err := shell.Parse(plan.String()); err != nil || again.Line(nil) != plan.Line(nil) {
			t.Fatalf("%q became %s, which became %s (%v)", line, plan, again, err)
		}
	})
}
