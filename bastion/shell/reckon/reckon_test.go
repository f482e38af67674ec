package reckon

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

var (
	seed  = flag.Uint64("seed", 1, "of the random expressions")
	count = flag.Int("expressions", 3000, "how many random expressions bash judges")
)

// table is a shell's variables, arrays too.
type table map[string]string

func (t table) key(name, subscript string, has bool) (string, error) {
	if !has {
		subscript = "0"
	}
	n, err := Value(subscript, t)
	if err == nil && n < 0 {
		err = errors.New("bad array subscript")
	}
	return fmt.Sprintf("%s[%d]", name, n), err
}

func (t table) Get(name, subscript string, has bool) (string, error) {
	key, err := t.key(name, subscript, has)
	return t[key], err
}

func (t table) Set(name, subscript string, has bool, v int64) error {
	key, err := t.key(name, subscript, has)
	t[key] = strconv.FormatInt(v, 10)
	return err
}

// begin are the variables that every expression finds, and their setting in bash.
func begin() (table, string) {
	t, text := table{}, ""
	for _, v := range []struct{ name, value string }{
		{"i", "3"}, {"n", "0"}, {"o", "08"}, {"h", "0x1F"}, {"s", "a b"}, {"f", "1.5"}, {"e", ""}, {"p", "1+2"}, {"r", "i"}, {"q", "r*2"}, {"m", "-4"}, {"w", "w"}, {"c", "i++"}, {"b", " 7 "}, {"k", "9223372036854775807"}, {"d", "1/n"},
	} {
		t[v.name+"[0]"] = v.value
		text += v.name + "='" + v.value + "' "
	}
	return t, text + "a=(5 6 7) "
}

// byBash are what bash makes of expressions, in a process each of a few hundred: a value and the variables, or "fault".
func byBash(t *testing.T, expressions []string) []string {
	t.Helper()
	_, set := begin()
	var script strings.Builder
	for _, x := range expressions {
		fmt.Fprintf(&script, "( unset u; %s; x='%s'; v=$(( $x )) && printf '%%s' \"$v\" || printf fault ) 2>/dev/null || printf fault; printf '\\n'\n", set, x)
	}
	cmd := exec.CommandContext(t.Context(), "bash", "--norc")
	cmd.Stdin = strings.NewReader(script.String())
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
}

func here(x string) string {
	in, _ := begin()
	for i, v := range []string{"5", "6", "7"} {
		in[fmt.Sprintf("a[%d]", i)] = v
	}
	v, err := Value(x, in)
	if err != nil {
		return "fault"
	}
	return strconv.FormatInt(v, 10)
}

// TestValuesAreBashs draws expressions, most of which are well-formed, and holds their values against bash's.
func TestValuesAreBashs(t *testing.T) {
	draw := &drawer{rand.New(rand.NewPCG(*seed, 0))}
	for from := 0; from < *count; from += 500 {
		var all []string
		for range 500 {
			all = append(all, draw.expression(4))
		}
		for i, want := range byBash(t, all) {
			if got := here(all[i]); got != want {
				t.Errorf("%q is %s, bash has %s", all[i], got, want)
			}
		}
	}
}

// TestCornersAreBashs holds what is hard to draw against bash.
func TestCornersAreBashs(t *testing.T) {
	corners := []string{
		"", " ", "08", "0x", "0x1g", "1#1", "65#1", "2#2", "16#", "16##1", "36#Z", "37#Z", "64#_@", "1.5", "99999999999999999999", "9223372036854775808", "-9223372036854775808",
		"-9223372036854775807-1", "(-9223372036854775807-1)/-1", "(-9223372036854775807-1)%-1", "1<<64", "1<<-1", "2**-1", "0&&2**-1", "0&&1/0", "1||1/0", "1?2:1/0", "i=1/0,5",
		"i=+5", "i==3", "x+y=3", "(i)=3", "i++=7", "++i=7", "--i", "- -i", "--3", "++3", "i+++i", "i+++++i", "i++ + ++i", "- - -3", "!!3", "~0", "1?2", "1?:2", "1:2", "?1", "1,", ",1", "(1", "1)", "()",
		"a[1]", "a[1", "a[i-1]", "a[1]=9,a[1]", "a[1]++,a[1]", "a [1]", "i ++", "i\n+\n1", "i;1", "i$", "1 2", "i i", "i 3", "o", "0?o:1", "s", "1||s", "f", "e", "e+1", "p*2", "q", "w", "c+c", "b+1", "k+1", "d", "u", "u=5,u*u",
		"i-=1", "i<<=2", "i>>=1", "i**=2", "i&&=1", "i||=1", "i^=1", "i|=8", "i%=2", "i/=n", "2**3**2", "-2**2", "7%-3", "-7%3", "-7/2", "1?2,3:4", "1?i=4:5", "0?4:i=5", "1?2:3?4:5", "1 = 2", "i = = 2", "3 ! 4", "1 ++", "+", "-", "i+", "_=3", "a[a[0]-4]", "a[1][2]", "@", "1@", "#", "10#08",
	}
	for i, want := range byBash(t, corners) {
		if got := here(corners[i]); got != want {
			t.Errorf("%q is %s, bash has %s", corners[i], got, want)
		}
	}
}

type drawer struct{ *rand.Rand }

func (d *drawer) one(of ...string) string { return of[d.IntN(len(of))] }

func (d *drawer) space() string { return d.one("", "", "", " ", "  ") }

func (d *drawer) expression(depth int) string {
	var b bytes.Buffer
	for range 1 + d.IntN(3) {
		if b.Len() > 0 {
			b.WriteString(d.space() + d.one("+", "-", "*", "/", "%", "**", "<<", ">>", "<", ">", "<=", ">=", "==", "!=", "&", "|", "^", "&&", "||", ",", "?1:", "=", "+=", "-=", "*=", "/=", "<<=") + d.space())
		}
		b.WriteString(d.operand(depth))
	}
	return b.String()
}

func (d *drawer) operand(depth int) string {
	switch n := d.IntN(20); {
	case depth > 0 && n < 3:
		return "(" + d.expression(depth-1) + ")"
	case depth > 0 && n == 3:
		return d.expression(depth-1) + " ? " + d.expression(depth-1) + " : " + d.expression(depth-1)
	case n == 4:
		return d.one("-", "+", "!", "~", "--", "++", "- ") + d.operand(depth-1)
	case n == 5:
		return d.one("i", "n", "u", "m") + d.one("++", "--", " ++")
	case n < 13:
		return d.one("0", "1", "2", "7", "010", "0x1f", "16#ff", "2#101", "63", "64", "9223372036854775807", "08", "1.5", "12")
	case n == 13 && depth > 0:
		return "a[" + d.one("0", "1", "i-1", "n", "2") + "]"
	}
	return d.one("i", "n", "o", "h", "s", "f", "e", "p", "r", "q", "m", "c", "b", "k", "u", "d")
}
