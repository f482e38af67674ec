package command

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"gatehouse/policy/program"
)

// described is a pattern's text with one argv that it describes.
type described struct {
	text string
	argv []string
}

// slots and what they admit.
var slots = []described{
	{"<int>", []string{"5"}}, {"<int:1..9>", []string{"9"}}, {"<text>", []string{"any thing"}}, {"<enum:on,off>", []string{"off"}},
	{"<unit:app-*>", []string{"app-1.service"}}, {"<path:/srv/**>", []string{"/srv/../srv/a"}}, {"<host>", []string{"db-1"}}, {"<re:[a-z]+>", []string{"abc"}},
	{"k=<int>", []string{"k=5"}}, {"<json>", []string{"{}"}}, {"<glob:/srv/**>", []string{"/srv/a/b"}}, {"word", []string{"word"}}, {`"q w"`, []string{"q w"}},
}

// options and what they admit.
var options = []described{
	{"-v", []string{"-v"}}, {"(-n|--lines) <int>", []string{"--lines=7"}}, {"[-o (json|table)]", []string{"-ojson"}}, {"[-q]", nil},
	{"[--since <text>]", []string{"--since", "now"}}, {"(-a|-b)", []string{"-b"}}, {"-<int:1..50>", []string{"-20"}},
}

// anyPattern draws items of a pattern together with a command that they describe.
func anyPattern(depth int) *rapid.Generator[described] {
	return rapid.Custom(func(t *rapid.T) described {
		choices := 2
		if depth > 0 {
			choices = 5
		}
		switch rapid.IntRange(0, choices-1).Draw(t, "kind") {
		case 0:
			return rapid.SampledFrom(slots).Draw(t, "slot")
		case 1:
			run := rapid.Permutation(options).Draw(t, "options")[:rapid.IntRange(1, 4).Draw(t, "count")]
			d := join(run)
			shuffled := rapid.Permutation(run).Draw(t, "order")
			d.argv = join(shuffled).argv
			return described{"(" + d.text + ")", d.argv}
		case 2:
			d := join(rapid.SliceOfN(anyPattern(depth-1), 1, 3).Draw(t, "sequence"))
			return described{"(" + d.text + ")", d.argv}
		case 3:
			alternatives := rapid.SliceOfN(anyPattern(depth-1), 1, 3).Draw(t, "alternatives")
			texts := make([]string, len(alternatives))
			for i, a := range alternatives {
				texts[i] = a.text
			}
			return described{"(" + strings.Join(texts, " | ") + ")", rapid.SampledFrom(alternatives).Draw(t, "taken").argv}
		default:
			d := anyPattern(depth-1).Draw(t, "optional")
			times := rapid.IntRange(0, 2).Draw(t, "times")
			return described{"[" + d.text + "]...", slices.Repeat(d.argv, times)}
		}
	})
}

func join(parts []described) described {
	var d described
	for i, p := range parts {
		if i > 0 {
			d.text += " "
		}
		d.text += p.text
		d.argv = append(d.argv, p.argv...)
	}
	return d
}

func TestAPatternMatchesWhatItDescribes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := anyPattern(2).Draw(t, "pattern")
		name := rapid.SampledFrom([]string{"run", "journalctl"}).Draw(t, "program")
		p, err := Parse(name+" "+d.text, nil)
		if err != nil {
			t.Fatalf("%s: %v", d.text, err)
		}
		argv := append([]string{name}, d.argv...)
		if !p.Match(argv, View{Dir: "/srv"}).Matched {
			t.Fatalf("%s does not match %q", p, argv)
		}
		if !p.Denies(append(argv, "more"), View{}) {
			t.Fatalf("%s does not deny %q", p, argv)
		}
	})
}

// TestNoUnnamedOptionIsAdmitted replaces one word of a described command with an option that no pattern names.
func TestNoUnnamedOptionIsAdmitted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := anyPattern(2).Draw(t, "pattern")
		p, err := Parse("run "+d.text, nil)
		if err != nil {
			t.Fatal(err)
		}
		hostile := rapid.SampledFrom([]string{"-x", "-vq", "-vx", "-qn5", "--line=5", "--sinc", "--", "-", "--exec=id", "-v=1", "--since=-x"}).Draw(t, "option")
		argv := append([]string{"run"}, d.argv...)
		at := rapid.IntRange(1, len(argv)).Draw(t, "at")
		if rapid.Bool().Draw(t, "insert") || at == len(argv) {
			argv = slices.Insert(argv, at, hostile)
		} else {
			argv[at] = hostile
		}
		if p.Match(argv, View{}).Matched {
			t.Fatalf("%s matches %q", p, argv)
		}
	})
}

// named are the options that anyPattern writes, and whether they take a value.
var named = map[string]bool{"-v": false, "-q": false, "-a": false, "-b": false, "-n": true, "--lines": true, "-o": true, "--since": true}

// spelledOut reports whether a word is made of named options alone.
func spelledOut(word string, bundles bool) bool {
	if name, _, joined := strings.Cut(word, "="); strings.HasPrefix(word, "--") {
		takes, ok := named[name]
		return ok && (takes || !joined)
	}
	if n, ok := decimal(word[1:]); ok {
		return n >= 1 && n <= 50
	}
	for i := 1; i < len(word); i++ {
		takes, ok := named["-"+word[i:i+1]]
		switch {
		case !ok || i > 1 && !bundles:
			return false
		case takes:
			return i+1 == len(word) || word[i+1] != '-'
		}
	}
	return len(word) > 1
}

// TestOptionsAreSpelledOut mixes described commands with hostile words, for programs of every style: what is admitted holds
// no word that begins with "-" but options that the pattern names, or operands after a "--" that ends the options.
func TestOptionsAreSpelledOut(t *testing.T) {
	hostile := []string{"-x", "-vq", "-qv", "-vx", "-qn5", "-n5q", "-vo", "--line=5", "--lines", "--lines=7", "--", "-", "--exec=id", "-v=1", "--since=-x", "-ojson", "-o-x", "-oq", "-" + Unknown, "x", "5"}
	rapid.Check(t, func(t *rapid.T) {
		d := anyPattern(2).Draw(t, "pattern")
		name := rapid.SampledFrom([]string{"run", "journalctl", "sort", "xargs", "tar", "git", "kubectl", "ps", "dd"}).Draw(t, "program")
		p, err := Parse(name+" "+d.text, nil)
		if err != nil {
			t.Fatal(err)
		}
		argv := append([]string{name}, d.argv...)
		for range rapid.IntRange(1, 4).Draw(t, "changes") {
			at := rapid.IntRange(1, len(argv)).Draw(t, "at")
			if word := rapid.SampledFrom(hostile).Draw(t, "word"); at == len(argv) || rapid.Bool().Draw(t, "insert") {
				argv = slices.Insert(argv, at, word)
			} else {
				argv[at] = word
			}
		}
		if !p.Match(argv, View{Dir: "/srv"}).Matched {
			return
		}
		if !p.Denies(argv, View{Dir: "/srv"}) {
			t.Fatalf("%s matches %q and does not deny it", p, argv)
		}
		style := program.Of(name).Style
		for _, word := range argv[1:] {
			if word == "--" && style.End {
				if style.Permute {
					return
				}
				continue
			}
			if strings.HasPrefix(word, "-") && !spelledOut(word, style.Bundle) {
				t.Fatalf("%s matches %q", p, argv)
			}
		}
	})
}

func FuzzPattern(f *testing.F) {
	for _, c := range matches {
		f.Add(c.pattern, strings.Join(append(c.yes, c.no...), " "))
	}
	for _, c := range styled {
		f.Add(c.pattern, strings.Join(append(c.yes, c.no...), " "))
	}
	for _, c := range slotCases {
		f.Add("run <"+c.slot+">... [-x k=<"+c.slot+">]", strings.Join(append(c.yes, c.no...), " "))
	}
	f.Fuzz(func(t *testing.T, text, line string) {
		p, err := Parse(text, nil)
		if err != nil {
			if e, ok := err.(*SyntaxError); !ok || e.Column < 1 || e.Column > len(text)+1 {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		argv := append([]string{p.Program()}, strings.Fields(line)...)
		checkMatch(t, p, argv, View{})
		checkMatch(t, p, argv, View{Dir: "/srv", Home: "/home/x", Real: func(path string) (string, bool) { return path, true }})
	})
}

// checkMatch checks what holds of each pattern and command.
func checkMatch(t *testing.T, p *Pattern, argv []string, v View) {
	r := p.Match(argv, v)
	if r.Matched && len(r.Paths) == 0 && !r.NeedsDir && !p.Denies(argv, v) || r.Matched && !p.MayDeny(argv, v).Matched {
		t.Fatalf("%q matches %q and does not deny it", p, argv)
	}
	if r.Furthest < 0 || r.Furthest > len(argv) || len(r.Slot) > len(p.String()) {
		t.Fatalf("%q: %+v of %d words", p, r, len(argv))
	}
	if v.Real != nil && (r.NeedsDir || len(r.Paths) > 0) {
		t.Fatalf("%q: all is known, and %+v", p, r)
	}
	if style := program.Of(argv[0]).Style; style.Rest || style.Only != "" {
		return // to these programs most such words are text
	}
	for _, word := range argv[1:] {
		if word == "--" {
			return
		}
		if name, _, _ := strings.Cut(word, "="); r.Matched && strings.HasPrefix(word, "--") && !strings.Contains(p.String(), name) {
			t.Fatalf("%q admits %q", p, word)
		}
	}
}
