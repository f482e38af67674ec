package shell_test

import (
	"encoding/base64"
	"errors"
	"reflect"
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
	{"ls ># x", "comment", 5},
	{"# x", "empty line", 1},
	{"ls a#\\\nb", "line continuation", 6},
	{"ls <\\\n<E", "line continuation", 5},
	{"ls # $(id)\n`id`", "command substitution", 12},
	{"ls # \\\nid", "comment", 4},
	{"ls\\\nid", "line continuation", 3},
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
	{"ls ~bob", "tilde expansion", 4},
	{"ls ~+/x", "tilde expansion", 4},
	{"ls ~'/x'", "tilde expansion", 4},
	{"ls a:~/x", "tilde expansion", 6},
	{"ls x$HOME", "parameter expansion", 5},
	{"ls $HOMER", "parameter expansion", 4},
	{"ls $HOME{a,b}", "parameter expansion", 4},
	{`ls "$HOME"x`, "parameter expansion", 5},
	{"ls **", "glob", 5},
	{`ls a\ *`, "glob", 6},
	{"ls '*'*", "glob", 5},
	{"ls [a", "glob", 4},
	{"ls [[:alpha:]]", "glob", 4},
	{"ls [a'-'z]", "glob", 4},
	{"ls @(a)", "parenthesis", 5},
	{"/usr/bin/l? x", "command's name", 1},
	{"{ls,-l}", "command's name", 1},
	{"ls {a", "brace", 4},
	{"ls a}", "brace", 5},
	{"ls {a}", "brace", 4},
	{"ls {1..99999}", "brace", 4},
	{"ls {a,b}{1..4096}", "brace", 4},
	{"sh -c 'ls {a,b}'", "brace", 11},
	{"sh -c 'ls {}{a,b}'", "brace", 13},
	{"ls 3>x", "descriptor", 4},
	{"ls 2<x", "descriptor", 4},
	{"ls <>x", "redirection <>", 4},
	{"ls >|x", "redirection >|", 4},
	{"ls <&3", "redirection <&", 4},
	{"ls >&x", "redirection >&", 4},
	{"ls >&-", "redirection >&", 4},
	{"ls > *", "glob", 6},
	{"ls >>2>&1 f", "ambiguous syntax", 6},
	{"ls *''*", "glob", 7},
	{"ls > {a,b}", "brace", 6},
	{"ls > ''", "redirection", 6},
	{"ls >", "redirection", 5},
	{">x", "redirection", 1},
	{"echo x >/dev/tcp/127.0.0.1/9", "network redirection", 9},
	{"sh -c 'ls &>x'", "redirection &>", 11},
	{"sh -c 'cat <<<x'", "here-string", 12},
	{"cat <<E\n$x\nE", "here-document", 9},
	{"cat <<E\nx", "here-document", 10},
	{"cat <<E", "here-document", 8},
	{"A=~/x ls", "tilde expansion", 3},
	{"A=$HOME ls", "tilde expansion", 3},
	{"A=* ls", "glob", 3},
	{"A+=1 ls", "assignment", 1},
	{"IFS=x ls", "command", 1},
	{"HOME=/x ls", "command", 1},
	{"cd x; ls", "cd", 1},
	{"cd x && ls; id", "cd", 1},
	{"cd x && ls || id", "cd", 1},
	{"ls || cd x && id", "cd", 7},
	{"cd x", "cd", 1},
	{"ls && cd x", "cd", 7},
	{"cd && ls", "cd", 1},
	{"cd - && ls", "cd", 4},
	{"cd -P x && ls", "cd", 1},
	{"cd ../x && ls", "cd", 4},
	{"cd x* && ls", "glob", 4},
	{"{ cd x && ls; }", "cd", 3},
	{"! cd x && ls", "cd", 1},
	{"cd x | ls", "cd", 1},
	{"cd x > f && ls", "cd", 1},
	{"umask u=rwx && ls", "umask", 7},
	{"umask 022 && ls || id", "umask", 1},
	{"set -e; a && b; c", "set -e", 9},
	{"set -e; ! a; c", "set -e", 9},
	{"set -x; a", "shell option", 5},
	{"a; set -e", "shell builtin (set)", 4},
	{"set -e", "empty line", 1},
	{"sh -c 'set -o pipefail; a'", "shell option", 15},
	{"! ( a ) > f", "negation", 1},
	{"! ! a", "syntax error", 1},
	{"( ( ( ( ( ( ( ( ( ( ( ( ( ( ( ( ( a", "nesting", 33},
	{"export A", "declaration (export)", 1},
	{"'eval' x", "shell builtin (eval)", 1},
	{"type ls", "shell builtin (type)", 1},
	{"command -v ls", "shell builtin (command)", 1},
	{"exec -a x ls", "shell builtin (exec)", 1},
	{"exec ls; id", "exec", 1},
	{"exec ls && id", "exec", 1},
	{"% x", "job", 1},
	{"env exec ls", "shell builtin (exec)", 5},
	{"env -i ls", "launcher (env)", 5},
	{"env -S 'ls x'", "launcher (env)", 5},
	{"env A=1", "launcher (env)", 1},
	{"timeout ls", "launcher (timeout)", 1},
	{"timeout --sig=9 5 ls", "launcher (timeout)", 1},
	{"timeout 5", "launcher (timeout)", 1},
	{"timeout 5 bash -c 'a; b'", "launcher (shell)", 11},
	{"nice -10 ls", "launcher (nice)", 1},
	{"/usr/bin/sudo ls", "launcher (sudo)", 1},
	{"bash -x -c ls", "shell option", 6},
	{"bash -ic ls", "shell option", 6},
	{"bash --rcfile x -c ls", "shell option", 6},
	{"bash -c 'ls' x", "shell", 14},
	{"bash -c", "shell", 1},
	{"bash -c ~", "shell", 9},
	{"bash -c 'ls $x'", "parameter expansion", 13},
	{`bash -c "ls 'a"`, "open quote", 13},
	{`bash -c "sh -c 'ls a#\$x'"`, "parameter expansion", 23},
	{"ls | xargs sh -c id", "starter (xargs)", 6},
	{"ls | xargs -a f rm", "starter (xargs)", 6},
	{"ls | xargs -I{} {} x", "starter (xargs)", 6},
	{"ls | xargs -I{} -n1 rm {}", "starter (xargs)", 6},
	{"ls | xargs timeout 5 id", "starter (xargs)", 6},
	{`find . -execdir id \;`, "starter (find)", 1},
	{`find . -exec env id \;`, "starter (find)", 1},
	{`find . -exec {} \;`, "starter (find)", 1},
	{`find * -exec ls {} \;`, "starter (find)", 1},
	{"ls $(pwd)", "command substitution", 4},
	{"ls $(echo a b)", "command substitution", 4},
	{"ls $(echo -n a)", "command substitution", 4},
	{`ls $(echo 'a\b')`, "command substitution", 4},
	{"ls $(echo *)", "command substitution", 4},
	{`ls "$(echo a; id)"`, "command substitution", 5},
	{shell.ArgvPrefix, "exact argv", 18},
	{shell.ArgvPrefix + encode(`["sudo","ls"]`), "launcher (sudo)", 18},
	{shell.ArgvPrefix + encode(`["sh","-c","ls $x"]`), "parameter expansion", 18},
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
		"ls -l /tmp":                                      "ls -l /tmp",
		"'l's\t\"-l\"  /t\\mp":                            "ls -l /tmp",
		`echo 'a  b' "c\"d" \$ a\;b`:                      `echo 'a  b' 'c"d' '$' 'a;b'`,
		`grep foo$ "bar$"`:                                `grep 'foo$' 'bar$'`,
		"a # b; c\n# d\nd \\\n  -e \\\n| f; #g":           "a; d -e | f",
		"\\\na && # b\n{ c; # d\n}; 'e'#f g ## h":         "a && c; 'e#f' g",
		"a <<E # b\n# c\nE\nd # E":                        "a <<< '# c'; d",
		"git show HEAD~1 a#b x=y":                         "git show 'HEAD~1' 'a#b' x=y",
		"a && b || c; d | e | f\ng;":                      "a && b || c; d | e | f; g",
		"a || b && c":                                     "a || b && c",
		"a |\n b &&\n c":                                  "a | b && c",
		"find ! -name 'x*' -print":                        "find '!' -name 'x*' -print",
		"'if' x":                                          "'if' x",
		"echo '\u00a0' naïve 日本":                          "echo '\u00a0' 'naïve' '日本'",
		"echo ''":                                         "echo ''",
		"umask 27; a || b && c":                           "umask 027 && ( a || b ) && c",
		"cd x && a && ! b":                                "cd x && a && ! b",
		"! ( ( a; b ) > f )":                              "! ( ( a; b ) > f )",
		"bash -c 'set -o pipefail; a | b' > f; c | d":     "bash -c 'set -o pipefail; a | b' > f; c | d",
		"set -e; a; ( b; c ) | d":                         "a && ( b && c ) | d",
		"a 2>>f <<E | b &>g\nx\ny\nE":                     "a 2>> f <<'EOF' | b > g 2>&1\nx\ny\nEOF",
		"A='x y' nice -n5 a 'b c'*.{x,y} ~/'d e'":         "A='x y' nice -n5 a 'b c'*.x 'b c'*.y ~/'d e'",
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
		if again, err := shell.Parse(plan.String()); err != nil || !reflect.DeepEqual(plan, again) {
			t.Fatalf("%q became %s, which became %s (%v)", line, plan, again, err)
		}
	})
}
