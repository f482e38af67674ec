package outline

import (
	"fmt"
	"strings"
	"testing"

	"gatehouse/policy/lab"
)

// TestOutlineSaysWhatStandsInAText goes by the outline's own words: kind, program or line, and what is around it.
func TestOutlineSaysWhatStandsInAText(t *testing.T) {
	for text, want := range map[string]string{
		"ls -l /srv":                                              "run ls -l /srv",
		`for f in a b; do tail -n 1 "$f"; done`:                   "late tail",
		`x=$(hostname); echo "$x"`:                                "run hostname, inside echo",
		"f() { uptime; }; f":                                      "run uptime, inside f",
		"cat a | while read -r l; do wc -l; done":                 "run cat a, inside read piped loop, run wc -l piped loop",
		"ls | grep -c x > /tmp/n; ! id":                           "run ls, run grep -c x > /tmp/n piped, run id",
		"bash -c 'cd /x; sh -c \"id -u\"'":                        "inside cd (bash -c), run id -u (bash -c, sh -c)",
		"eval 'ls /a'":                                            "run ls /a (eval)",
		"command ls /a && exec ls /b":                             "run ls /a, run ls /b",
		"LANG=C sort f; LANG=$x sort f":                           "run LANG=C sort f, late sort",
		"ls *.log; ls ~/x; $tool a":                               "late ls, late ls, late ",
		"grep x <<END\na\nEND\nid &":                              "run grep x piped, run id",
		"if test -f a; then rm a; else rm b; fi":                  "inside test, run rm a, run rm b",
		"timeout 5 ls /a":                                         "run timeout 5 ls /a",
		"[[ a == a ]] && ls /a; ((1)); case a in a) ls /b;; esac": "run ls /a, run ls /b",
	} {
		if got := strings.Join(words(Read("deploy", text)), ", "); got != want {
			t.Errorf("%s\n  %s\n  want %s", text, got, want)
		}
	}
}

func words(o lab.Outline) []string {
	if o.Refused != nil {
		return []string{o.Refused.Construct}
	}
	var all []string
	for _, c := range o.Commands {
		text := "late " + c.Name
		switch {
		case c.Inside:
			text = "inside " + c.Name
		case c.Plan.Op != "":
			text = "run " + c.Plan.String()
		}
		if c.Piped {
			text += " piped"
		}
		if c.Loop {
			text += " loop"
		}
		if len(c.Chain) > 0 {
			text += " (" + strings.Join(c.Chain, ", ") + ")"
		}
		all = append(all, text)
	}
	return all
}

func TestOutlineOfWhatIsRefused(t *testing.T) {
	o := Read("deploy", "ls; cat <(ls)")
	if o.Refused == nil || o.Refused.Construct != "process substitution" || o.Refused.Column != 9 || len(o.Commands) > 0 {
		t.Errorf("%+v", o)
	}
	if o := Read("deploy", "cd /srv; export A=1 B; declare -x C=2; x=3"); !o.Moves || fmt.Sprint(o.Exports) != "[A B C]" {
		t.Errorf("moves %t, exports %v", o.Moves, o.Exports)
	}
	if o := Read("deploy", strings.Repeat("ls\n", maxCommands+7)); len(o.Commands) != maxCommands || o.Omitted != 7 {
		t.Errorf("%d commands, %d omitted", len(o.Commands), o.Omitted)
	}
}

// FuzzOutline: whatever the text is, its outline is bounded and lies within it.
func FuzzOutline(f *testing.F) {
	for _, text := range []string{"ls >x", "! ls", "bash -c 'eval id'", "a=(1); f() { f; }; f", "cat <<E\n$x\nE\n", "export A"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, c := range Read("deploy", text).Commands {
			if len(c.Chain) == 0 && !strings.HasPrefix(text[c.Column-1:], c.Text) {
				t.Errorf("%q does not stand at %d of %q", c.Text, c.Column, text)
			}
		}
	})
}
