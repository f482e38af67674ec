package tracecontext

import (
	"strings"
	"testing"
)

const good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

// TestParent: what the recommendation allows is taken, and nothing else.
func TestParent(t *testing.T) {
	c, err := New(good, "")
	if err != nil || c.Text() != good || c.Flags != 1 {
		t.Errorf("%+v, %v", c, err)
	}
	for name, text := range map[string]string{
		"nothing": "", "upper case": strings.ToUpper(good), "version ff": "ff" + good[2:], "a later version": "01" + good[2:], "more": good + "-x", "a space": good + " ", "a line": good + "\n",
		"no trace": "00-00000000000000000000000000000000-00f067aa0ba902b7-01", "no span": "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
		"short": good[:54], "no hex": strings.Replace(good, "4b", "4g", 1), "no dashes": strings.ReplaceAll(good, "-", "_"), "Arabic digits": strings.Replace(good, "01", "٠١", 1),
	} {
		if c, err := New(text, ""); err == nil {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

// TestState: a good one goes along; a bad one is left out and the parent stays.
func TestState(t *testing.T) {
	for _, state := range []string{"a=b", "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7", "a=b, c=d", "t@v=x y", "a=b,,c=d", "0tenant@vendor=1"} {
		c, err := New(good, state)
		if err != nil || c.State != state {
			t.Errorf("%q: %+v, %v", state, c, err)
		}
		if again, err := Parse(c.Text()); err != nil || again != c {
			t.Errorf("%q again: %+v, %v", state, again, err)
		}
	}
	many := strings.TrimSuffix(strings.Repeat("a=b,", 33), ",")
	for _, state := range []string{"a", "=b", "A=b", "a=b,a=c", "a=b=c", "a=b\n", "a=é", ",", many, "a=" + strings.Repeat("x", 600), "0a=1", "a@0b=1"} {
		if c, err := New(good, state); err != nil || c.State != "" {
			t.Errorf("%q: %+v, %v", state, c, err)
		}
	}
	for _, text := range []string{good + " ", good + "  a=b", good + " nonsense", "x " + good, good + " a=b "} {
		if c, err := Parse(text); err == nil && c.Text() != text {
			t.Errorf("%q: %+v", text, c)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(good + " a=b")
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := Parse(text); err == nil && (c.Text() != text || len(text) > Max || strings.ContainsAny(text, "\n\r\x00\x1b")) {
			t.Errorf("%q gives %+v", text, c)
		}
	})
}
