package admit

import (
	"strings"
	"testing"
	"time"

	"mvdan.cc/sh/v3/syntax"
)

// units are what nests, or makes the parser look back.
var units = []string{"$(", "(", "{ ", "((", "$((", "`", "${a:-", "\"$(", "! ", "time ", "if ", "while ", "for x in a; do ", "case a in a) ", "[[ ( ", "[[ ! ", "a[", "$((-", "((a=", "((a?", "((a**", "((!", "f() ",
	"if a; then b; elif ", "a && ", "a | ", "a; ", "a\n", "<<E\n", "{a,", "@(", "$'", "case a in (", "${a[", "$[", "<(", "a() { ", "coproc ", "((1+2?", "((- - - ", "declare a=(", "\\`", "${a/$(", "a >$(", "let a="}

// TestNestingIsBounded: what is repeated as often as a text is long is refused or read, in time and without a deep stack.
func TestNestingIsBounded(t *testing.T) {
	for _, unit := range units {
		text := strings.Repeat(unit, MaxText/len(unit))
		Admit(text, Place{})
		Admit(text[:len(text)/16], Place{})
		Admit(text[:len(text)/16]+strings.Repeat(")}", MaxText/8), Place{})
	}
}

// TestTextsAreBounded: a text that is too long, too dense or too deep in others is refused before it is parsed.
func TestTextsAreBounded(t *testing.T) {
	for text, want := range map[string]string{
		strings.Repeat("a", MaxText+1):                               "long text",
		strings.Repeat("(", MaxOpen+1):                               "dense text",
		strings.Repeat("{ ", 400) + "a" + strings.Repeat("; }", 400): "nesting",
		"a" + strings.Repeat(" && a", 5000):                          "nesting",
		strings.Repeat("echo ${x[1]}\n", 1000):                       "",
		strings.Repeat("echo aaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", 1900):  "",
		"echo \xff": "invalid UTF-8", "echo \x00": "control character", "echo \ufeff": "invisible character",
	} {
		_, refused := Admit(text, Place{})
		if got := ""; refused != nil {
			got = refused.Construct
			if got != want {
				t.Errorf("%.40q: %s at %d, want %q", text, got, refused.Column, want)
			}
		} else if want != "" {
			t.Errorf("%.40q is read", text)
		}
	}
	if _, refused := Admit("a", Place{Depth: MaxDepth + 1}); refused == nil {
		t.Error("a text too deep in others is read")
	}
}

// FuzzAdmit: no text panics, takes long, or is read as something else once it is printed.
func FuzzAdmit(f *testing.F) {
	for _, unit := range units {
		f.Add(strings.Repeat(unit, 20), false, false)
	}
	for _, row := range Table {
		f.Add(strings.Replace(row.Refused, "‸", "", 1), false, true)
		f.Add(row.Instead, true, false)
	}
	f.Fuzz(func(t *testing.T, text string, sh, prompt bool) {
		in := Place{Sh: sh, Prompt: prompt}
		begun := time.Now()
		file, refused := Admit(text, in)
		if took := time.Since(begun); took > 5*time.Second {
			t.Fatalf("%q took %v", text, took)
		}
		if (file == nil) == (refused == nil) {
			t.Fatalf("%q: both or neither", text)
		}
		if refused != nil {
			if refused.Column < 1 || refused.Column > len(text)+1 || refused.Reason == "" || refused.Construct == "" {
				t.Fatalf("%q: %+v", text, refused)
			}
			return
		}
		parsed, _ := read(text, in)
		var printed strings.Builder
		if err := syntax.NewPrinter().Print(&printed, parsed); err != nil {
			t.Fatalf("%q: print: %v", text, err)
		}
		again, refused := read(printed.String(), in)
		if refused != nil {
			t.Fatalf("%q is printed as %q: %+v", text, printed.String(), refused)
		}
		if one, other := bare(parsed), bare(again); one != other {
			t.Fatalf("%q is %q, and printed as %q it is %q", text, one, printed.String(), other)
		}
	})
}

// bare is a tree without its layout.
func bare(f *syntax.File) string {
	var b strings.Builder
	syntax.NewPrinter(syntax.Minify(true)).Print(&b, f)
	return b.String()
}
