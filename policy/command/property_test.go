package command

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// described is a pattern's text with one argv that it describes.
type described struct {
	text string
	argv []string
}

// slots and what they admit.
var slots = []described{
	{"<int>", []string{"5"}}, {"<int:1..9>", []string{"9"}}, {"<text>", []string{"any thing"}}, {"<enum:on,off>", []string{"off"}},
	{"<unit:app-*>", []string{"app-1.service"}}, {"<glob:/srv/**>", []string{"/srv/a/b"}}, {"word", []string{"word"}}, {`"q w"`, []string{"q w"}},
}

// options and what they admit.
var options = []described{
	{"-v", []string{"-v"}}, {"(-n|--lines) <int>", []string{"--lines=7"}}, {"[-o (json|table)]", []string{"-ojson"}}, {"[-q]", nil},
	{"[--since <text>]", []string{"--since", "now"}}, {"(-a|-b)", []string{"-b"}},
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
		p, err := Parse("run "+d.text, nil)
		if err != nil {
			t.Fatalf("%s: %v", d.text, err)
		}
		argv := append([]string{"run"}, d.argv...)
		if !p.Match(argv, View{}).Matched {
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

func FuzzPattern(f *testing.F) {
	for _, c := range matches {
		f.Add(c.pattern, strings.Join(append(c.yes, c.no...), " "))
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
		r := p.Match(argv, View{})
		if r.Matched && !p.Denies(argv, View{}) {
			t.Fatalf("%q matches %q and does not deny it", text, argv)
		}
		if r.Furthest < 0 || r.Furthest > len(argv) {
			t.Fatalf("%q: furthest %d of %d words", text, r.Furthest, len(argv))
		}
		for _, word := range argv[1:] {
			if r.Matched && strings.HasPrefix(word, "--") && !strings.Contains(text, strings.Split(word, "=")[0]) {
				t.Fatalf("%q admits %q", text, word)
			}
		}
	})
}
