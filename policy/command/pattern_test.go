package command

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func mustParse(t testing.TB, text string) *Pattern {
	t.Helper()
	p, err := Parse(text, nil)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return p
}

// matches says which commands a pattern describes (yes) and which not (no); words are separated by one space.
var matches = []struct {
	pattern string
	yes, no []string
}{
	{"uptime", []string{"uptime"}, []string{"uptime ", "uptime -p"}},
	{"/usr/bin/id", []string{"/usr/bin/id"}, []string{"/usr/bin/id x"}},
	{"git (status|log) x", []string{"git status x", "git log x"}, []string{"git x", "git status log x", "git status"}},
	{"git (status|log [--oneline]) x", []string{"git log --oneline x", "git log x"}, []string{"git status --oneline x"}},
	{"a [b] [c] d", []string{"a d", "a b d", "a c d", "a b c d"}, []string{"a", "a c b d", "a b b d"}},
	{"a [b|c] d", []string{"a d", "a b d", "a c d"}, []string{"a b c d"}},
	{"a (b c)... d", []string{"a b c d", "a b c b c d"}, []string{"a d", "a b d", "a b c b d"}},
	{"a [b]...", []string{"a", "a b", "a b b b"}, []string{"a c", "a b c"}},
	{"a ([b] [c])... d", []string{"a d", "a b d", "a c b c d"}, []string{"a"}},
	{`a "*" '-x' "b c"`, nil, []string{"a * -x b c"}},
	{"a <int>", []string{"a 0", "a 9223372036854775807"}, []string{"a -1", "a +1", "a 01", "a 1.0", "a 0x1", "a 9223372036854775808", "a ", "a ١"}},
	{"a <int:2..10>", []string{"a 2", "a 10"}, []string{"a 1", "a 11"}},
	{"a <text>", []string{"a b", "a é", "a $(id)"}, []string{"a -b", "a ", "a \x1b", "a \u202e", "a \n", "a \xff", "a -"}},
	{"a <text:3>", []string{"a abc"}, []string{"a abcd", "a éé"}},
	{"a <enum:on,off>", []string{"a on", "a off"}, []string{"a o", "a on,off", "a ON"}},
	{"a <unit:app-*>", []string{"a app-", "a app-api", "a app-api.service", "a app-a@b:c\\x2d"}, []string{"a app", "a app-api.socket", "a app-*", "a app-a/b", "a sshd", "a -app-", "a app-api.timer", "a app-é"}},
	{"a <unit:app.service>", []string{"a app", "a app.service"}, []string{"a app.socket"}},
	{"a <unit:*.timer>", []string{"a x.timer"}, []string{"a x", "a .timer"}},
	{"a <unit>", []string{"a sshd"}, []string{"a x.timer", "a /etc/x", "a ..", "a [x]"}},
	{"a <glob:/var/log/*.log>", []string{"a /var/log/x.log", "a /var/log/.log"}, []string{"a /var/log/x/y.log", "a /var/log/x.log/", "a var/log/x.log", "a //var/log/x.log", "a /var/./log/x.log", "a /var/log/../log/x.log"}},
	{"a <glob:/srv/**>", []string{"a /srv/x", "a /srv/x/y/z", "a /srv/..."}, []string{"a /srv", "a /srv/", "a /srv-evil", "a /srv/../etc", "a /srv/x/..", "a /srv//x", "a /srv/x/./y", "a /srv/\n"}},
	{"a <glob:/s/**/c/?>", []string{"a /s/b/c/d", "a /s/b/b/c/é"}, []string{"a /s/c/d", "a /s/b/c/dd"}},
	{"a <glob:*.txt>", []string{"a x.txt"}, []string{"a /x.txt", "a d/x.txt", "a -x.txt", "a ./x.txt"}},
	{"a <glob:**>", []string{"a x", "a x/y"}, []string{"a /x", "a ..", "a x/../../y"}},
	{"a <glob:/d/**>...", []string{"a /d/x", "a /d/x /d/y"}, []string{"a", "a /d/x /e/y", "a /d/x -f"}},
	{"a [-n <int>] [-q] -u <unit> x", []string{"a -u s x", "a -q -u s -n 1 x", "a -n1 -u s x"}, []string{"a x", "a -u s -u s x", "a -us x", "a -nq x", "a -u s x -q", "a -qn1 -u s x"}},
	{"a (-n|--lines) <int>", []string{"a -n 1", "a -n1", "a --lines 1", "a --lines=1"}, []string{"a", "a -n", "a --lines1", "a -n=1", "a -n 1 -n 1", "a --line=1", "a --lines=", "a --lines=-1"}},
	{"a [(-o|--output) (json|table)]", []string{"a", "a -o json", "a -ojson", "a --output=table"}, []string{"a -o yaml", "a -oyaml", "a json"}},
	{"a (-e <text>)... <glob:*>", []string{"a -e x f", "a -e x -ey f"}, []string{"a f", "a -e x"}},
	{"head [-<int:1..99>] [-q] [<text>]", []string{"head -5", "head -50 x", "head x -50", "head -5 -q x", "head -5"}, []string{"head -0", "head -100", "head -05", "head -5q", "head -q5", "head -5 -6", "head -n", "head -5 5 5", "head -", "head --5", "head -5=1"}},
	{"grep (-c|-<int:1..9>) <text>", []string{"grep -c x", "grep -3 x", "grep x -3"}, []string{"grep -3 -c x", "grep -c3 x", "grep -33 x", "grep x"}},
	{"find <glob:/s/**> [-mtime (-<int:1..30>|<int>)] [-ls]", []string{"find /s/x -mtime -7", "find /s/x -mtime 7", "find /s/x -ls -mtime -7"}, []string{"find /s/x -mtime -31", "find /s/x -mtime", "find /s/x -7", "find /s/x -mtime --7", "find /s/x -mtime -ls"}},
	{"a log [-<int:1..30>] [--oneline]", []string{"a log -3", "a log --oneline -3", "a log"}, []string{"a log -31", "a log - 3", "a log 3", "a log -3 -3"}},
	{"a [-v]... f", []string{"a f", "a -v -v f"}, []string{"a -vv f"}},
	{"a -v... f", []string{"a -v f", "a -v -v f"}, []string{"a f"}},
	{"grep -r <text>", []string{"grep -r x", "grep x -r"}, []string{"grep -rf/etc/shadow", "grep -r"}},
	{"grep (-i|-r) <text> <glob:*>", []string{"grep -r x f"}, []string{"grep -rf/etc/shadow f", "grep -i -r x f"}},
	{"tail -f <glob:/l/*>...", []string{"tail -f /l/a", "tail -f /l/a /l/b", "tail /l/a -f", "tail /l/a -f /l/b"}, []string{"tail -f"}},
	{"a -- <text>", []string{"a -- x"}, []string{"a x", "a -- -x", "a x --"}},
	{"a [-x|--long <int>] b", []string{"a b", "a -x b", "a --long=5 b", "a --long 5 b"}, []string{"a -x --long=5 b", "a -x 5 b"}},
	{"a - b", []string{"a - b"}, []string{"a b"}},
	{"a [-o <text> <text>] b", []string{"a b", "a -o x y b"}, []string{"a -o x b"}},
	{`a "-x" [-y] b`, []string{"a -x b", "a -x -y b"}, []string{"a -y -x b"}},
}

func TestMatches(t *testing.T) {
	for _, c := range matches {
		p := mustParse(t, c.pattern)
		for _, line := range c.yes {
			if !p.Match(strings.Split(line, " "), View{}).Matched {
				t.Errorf("%s does not match %q", c.pattern, line)
			}
		}
		for _, line := range c.no {
			if p.Match(strings.Split(line, " "), View{}).Matched {
				t.Errorf("%s matches %q", c.pattern, line)
			}
		}
	}
	quoted := mustParse(t, `a "*" '-x' "b c" ""`)
	if !quoted.Match([]string{"a", "*", "-x", "b c", ""}, View{}).Matched {
		t.Error("quoted words do not match")
	}
	if quoted.Match(nil, View{}).Matched || quoted.Denies(nil, View{}) {
		t.Error("an empty argv matches")
	}
}

func TestDeniesWhatBeginsLikeIt(t *testing.T) {
	for _, c := range matches {
		p := mustParse(t, c.pattern)
		for _, line := range c.yes {
			if !p.Denies(strings.Split(line+" more -x", " "), View{}) {
				t.Errorf("%s does not deny %q", c.pattern, line)
			}
		}
	}
	for pattern, lines := range map[string][]string{
		"rm":                            {"rm", "rm x", "rm -rf /"},
		"a [<text>...] <unit:db>":       {"a -x db", "a db.service", "a \x1b db x"},
		"a <glob:/etc/**>":              {"a /etc/x", "a //etc/x", "a /var/../etc/./x", "a /etc/x/"},
		"a [<text>...] --force":         {"a --force", "a x -y --force"},
		"a -n <int>":                    {"a -n5"},
		"a (-r <text>|--root <glob:*>)": {"a -rx", "a --root=x"},
	} {
		for _, line := range lines {
			if p := mustParse(t, pattern); !p.Denies(strings.Split(line, " "), View{}) {
				t.Errorf("%s does not deny %q", pattern, line)
			}
		}
	}
	if mustParse(t, "rm -r").Denies([]string{"rm", "x"}, View{}) {
		t.Error("a deny pattern denies what it does not describe")
	}
}

func TestFurthestWord(t *testing.T) {
	for line, want := range map[string]int{
		"git":                   1,
		"git push":              1,
		"git log -n":            3,
		"git log -n x":          3,
		"git log -n 5 x":        4,
		"git log --oneline=1":   2,
		"git log -n 5 --online": 4,
	} {
		got := mustParse(t, "git (status|log [--oneline] [-n <int>])").Match(strings.Split(line, " "), View{})
		if got.Matched || got.Furthest != want {
			t.Errorf("%q: got %+v, want the word %d", line, got, want)
		}
	}
}

// TestStepBound has a pattern whose backtracking would take longer than the universe.
func TestStepBound(t *testing.T) {
	argv := append([]string{"a"}, slices.Repeat([]string{"x"}, 4000)...)
	nested := mustParse(t, "a ((<text>... <text>...)... y)... z")
	if nested.Match(argv, View{}).Matched {
		t.Error("an allowing pattern matched at the bound")
	}
	if !nested.Denies(argv, View{}) {
		t.Error("a denying pattern did not match at the bound")
	}
	if !mustParse(t, "a <text>...").Match(argv, View{}).Matched {
		t.Error("4000 operands are too many for the bound")
	}
	if !mustParse(t, "a [-v]... [<text>...]").Match(argv, View{}).Matched {
		t.Error("4000 optional operands are too many for the bound")
	}
}

func TestSyntaxErrors(t *testing.T) {
	for pattern, want := range map[string]string{
		"":                               "column 1: the pattern is empty",
		"  ":                             "column 3: the pattern is empty",
		"-x":                             "column 1: the program must be a literal",
		`""`:                             "column 1: the program must be a literal",
		"a <":                            "column 3: this slot has no closing >",
		"a <int":                         "column 3: this slot has no closing >",
		"a <int:>":                       "column 4: the slot <int:> has nothing after the colon",
		"a -<text>":                      `column 4: only a number stands right behind "-"`,
		"a <int:5>":                      `column 4: "5" is not a range`,
		"a <int:-5..5>":                  `column 4: "-5..5" is not a range`,
		"a <text:0>":                     `column 4: "0" is not a length`,
		"a <enum>":                       `column 4: "" is not a word of an enum`,
		"a <enum:a,,b>":                  `column 4: "" is not a word of an enum`,
		"a <enum:-a>":                    `column 4: "-a" is not a word of an enum`,
		"a <glob>":                       `column 4: "" is not a path glob`,
		"a <glob:/a/>":                   `column 4: "/a/" is not a path glob`,
		"a <glob:/[ab]>":                 `column 4: "[ab]" in a glob is not supported`,
		"a <pth:/x>":                     `column 4: "pth" is neither a slot type nor a named slot: did you mean "path"?`,
		"a <logz>":                       `column 4: "logz" is neither a slot type nor a named slot: did you mean "logs"?`,
		"a <frobnicate>":                 `column 4: "frobnicate" is neither a slot type nor a named slot: the types are duration, enum,`,
		"a <int>b":                       "column 8: a slot ends here",
		"a b<int>":                       "column 4: a slot is a word of its own, or stands behind a name and =",
		"a )":                            `column 3: ")" has no opening bracket`,
		"a (b":                           `column 3: "(" is not closed by ")"`,
		"a (b]":                          `column 3: "(" is not closed by ")"`,
		"a (|b)":                         "column 4: an alternative is empty",
		"a ...":                          `column 3: "..." follows the slot`,
		"a <text>... ...":                `column 13: "..." follows the slot`,
		`a "b`:                           "column 3: this quote is not closed",
		`a "b"c`:                         "column 6: a quoted word ends here",
		"a é":                            "column 3: a plain word is ASCII",
		"a \x01":                         "column 3: the control character",
		"a b\\c":                         "column 4: '\\\\' cannot stand in a plain word",
		"a | b":                          "column 3: alternatives need parentheses",
		"a " + strings.Repeat("(", 17):   "column 19: brackets are nested",
		"a " + strings.Repeat("-x ", 65): "column 1: more than 64 options",
		strings.Repeat("a", 4097):        "column 4097: the pattern is longer",
	} {
		_, err := Parse(pattern, Slots{"logs": nil})
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %v, want %s…", pattern, err, want)
		}
	}
}

func ExamplePattern_Match() {
	p, err := Parse("journalctl [(-n|--lines) <int:1..5000>] -u <unit:app-*>", nil)
	if err != nil {
		panic(err)
	}
	fmt.Println(p.Match([]string{"journalctl", "-u", "app-api", "--lines=50"}, View{}).Matched)
	r := p.Match([]string{"journalctl", "-u", "sshd"}, View{})
	fmt.Println(r.Matched, r.Furthest, r.Slot)
	// Output:
	// true
	// false 2 <unit:app-*>
}
