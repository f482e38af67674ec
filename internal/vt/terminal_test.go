package vt

import (
	"slices"
	"strings"
	"testing"
)

// look writes text to a terminal of 10 columns and 4 rows and gives its lines, joined by |, without blank ones at the end.
func look(text string) string {
	t := New(10, 4)
	_, _ = t.Write([]byte(text))
	return strings.TrimRight(strings.Join(t.Lines(), "|"), "|")
}

// Where xterm's headless build is no judge, and what this package is used for: what is shown after some output.
func TestScreens(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"plain", "a\r\nb", "a|b"},
		{"soft wrap", "0123456789ab", "0123456789|ab"},
		{"no wrap", "\x1b[?7l0123456789ab", "012345678b"},
		{"the wrap waits", "0123456789\rx", "x123456789"},
		{"wide wraps whole", "012345678世", "012345678|世"},
		{"wide that does not fit without wrap is left out", "\x1b[?7l012345678世", "012345678"},
		{"half of a wide character goes with the other", "世界\x1b[2Gx", " x界"},
		{"and when it is erased", "世界\x1b[2G\x1b[X", "  界"},
		{"and when it is inserted into", "世界\x1b[2G\x1b[@", "   界"},
		{"combining, at most two", "e\u0301\u0302\u0303x", "e\u0301\u0302x"},
		{"combining at the edge", "012345678e\u0301x", "012345678e\u0301|x"},
		{"combining with nothing", "\u0301x", "x"},
		{"joined emoji", "👩\u200d💻", "👩\u200d💻"},
		{"Hangul of parts", "\u1112\u1161\u11ab", "\u1112\u1161\u11ab"},
		{"soft hyphen has a cell", "a\u00adb", "a\u00adb"},
		{"C1 controls of 8 bits as characters", "ab\u009b1Dx", "ax"},
		{"C1 bytes are no UTF-8", "a\x9bb", "a\ufffdb"},
		{"one U+FFFD for the longest beginning", "\xf0\x9f\x91x\xe4\xb8\xe4\xb8\x96\xc0\x80", "\ufffdx\ufffd世\ufffd\ufffd"},
		{"surrogates are invalid", "\xed\xa0\x80", "\ufffd\ufffd\ufffd"},
		{"titles are read over", "a\x1b]0;title\x07b\x1b]52;c;eA==\x1b\\c", "abc"},
		{"a title that CAN ends", "a\x1b]0;title\x18b", "ab"},
		{"control strings are read over", "a\x1bP1$r\nx\x1b\\b\x1b_世\x1b\\c\x1b^\x07\u009cd\x1bX;\x1b\\e", "abcde"},
		{"controls within a sequence", "a\x1b[\n2Cx", "a|   x"},
		{"graphics in G0 and G1", "\x1b(0lqk\x1b(Bq\x1b)0\x0ex\x0fx", "┌─┐q│x"},
		{"DECRC brings back all sets", "\x1b7\x1b(0q\x1b8q", "q"},
		{"DECRC brings back origin mode", "\x1b[2;3r\x1b[?6h\x1b7\x1b[?6l\x1b8\x1b[Hx", "|x"},
		{"origin mode counts from the margin and stays within", "\x1b[2;3r\x1b[?6h\x1b[9;1Hx\x1b[1;1Hy", "|y|x"},
		{"a region scrolls by itself", "a\r\nb\r\nc\r\nd\x1b[2;3r\x1b[3H\nx", "a|c|x|d"},
		{"RI at the top margin", "a\r\nb\r\nc\x1b[H\x1bMx", "x|a|b|c"},
		{"insert and delete lines", "a\r\nb\r\nc\x1b[2H\x1b[Lx\x1b[4H\x1b[M", "a|x|b"},
		{"tab stops", "\x1b[3g\x1b[4G\x1bH\r\tx\ty", "   x     y"},
		{"back tab from the edge", "0123456789\x1b[Zx", "01234567x9"},
		{"REP", "ab\x1b[3bc", "abbbbc"},
		{"REP of what is wide and combined", "e\u0301\x1b[b世\x1b[b", "e\u0301e\u0301世世"},
		{"REP after anything else", "ab\r\x1b[3bc", "cb"},
		{"REP ends in the same column as in xterm", "a\x1b[9998b\r\n", strings.Repeat("aaaaaaaaaa|", 2) + "aaaaaaaaa"},
		{"DECALN", "\x1b#8", strings.TrimSuffix(strings.Repeat("EEEEEEEEEE|", 4), "|")},
		{"the alternate screen is empty each time", "main\x1b[?1049h\x1b[Halt\x1b[?1049l\x1b[?1049h\x1b[Hx", "x"},
		{"the main one is as it was", "main\x1b[?1049h\x1b[2Jalt\x1b[?1049l!", "main!"},
		{"1047 keeps the cursor", "main\x1b[?1047halt", "    alt"},
		{"DECSTR ends modes", "\x1b[4h\x1b[?7l\x1b[2;3r\x1b[!p0123456789a", "0123456789|a"},
		{"RIS", "abc\x1b[?1049h\x1b[4h\x1bcx", "x"},
		{"a number without a bound", "a\x1b[2147483647Cx", "a        x"},
		{"a parameter that is none", "a\x1b[-1@b\x1b[1?2Pc", "abc"},
		{"subparameters belong to SGR only", "\x1b[2:3Hx", "|x"},
	} {
		if got := look(c.text); got != c.want {
			t.Errorf("%s: %q shows %q, not %q", c.name, c.text, got, c.want)
		}
	}
}

// Lines are reported as they leave the main screen, with the marks that they had, and only then.
func TestOnLine(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []Line
	}{
		{"by the top", "a \r\nb\r\n\r\n\r\n\r\n", []Line{{Text: "a", Mark: 7}, {Text: "b", Mark: 7}}},
		{"those that go on keep their blanks", "01234    \x20ab\r\n\n\n\n", []Line{{"01234     ", true, 7}, {"ab", false, 7}}},
		{"less the cell that was too narrow", "012345678世\r\n\n\n\n", []Line{{"012345678", true, 7}, {"世", false, 7}}},
		{"by clearing", "a\r\n\nb\x1b[2Jc", []Line{{Text: "a", Mark: 7}, {}, {Text: "b", Mark: 7}}},
		{"by clearing from the top", "a\x1b[H\x1b[Jb\x1b[J", []Line{{Text: "a", Mark: 7}}},
		{"by RIS", "a\x1bcb", []Line{{Text: "a", Mark: 7}}},
		{"not by a region below the top", "a\r\nb\x1b[2;3r\x1b[3H\n\n\n", nil},
		{"not from the alternate screen", "\x1b[?1049ha\r\n\n\n\n\n\x1b[2J\x1b[?1049l", nil},
		{"a picture is no text", "\x1b#8\x1b[2J", nil},
	} {
		var got []Line
		term := New(10, 4)
		term.SetMark(7)
		term.OnLine(func(l Line) { got = append(got, l) })
		_, _ = term.Write([]byte(c.text))
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q reports %v, not %v", c.name, c.text, got, c.want)
		}
	}
}

// Fewer rows: lines leave at the top as far as the cursor needs it; what is beyond the edges is cut; nothing is broken anew.
func TestResize(t *testing.T) {
	var got []Line
	term := New(10, 4)
	term.OnLine(func(l Line) { got = append(got, l) })
	_, _ = term.Write([]byte("one\r\ntwo\r\n01234567世ab\r\nx"))
	term.Resize(9, 3)
	_, _ = term.Write([]byte("y"))
	if lines := strings.Join(term.Lines(), "|"); lines != "01234567|ab|xy" || len(got) != 2 || got[0].Text != "one" || got[1].Text != "two" {
		t.Errorf("%q, and %v left", lines, got)
	}
	term.Resize(0, 5000)
	if cols, rows := term.Size(); cols != 1 || rows != 1000 {
		t.Errorf("%d by %d", cols, rows)
	}
}

// While the alternate screen is shown, the main one keeps the line where its cursor waits.
func TestResizeUnderTheAlternateScreen(t *testing.T) {
	term := New(10, 6)
	_, _ = term.Write([]byte("$ vi\x1b[?1049h\x1b[6Hstatus"))
	term.Resize(10, 3)
	alternate := strings.Join(term.Lines(), "|")
	_, _ = term.Write([]byte("\x1b[?1049l!"))
	if main := strings.Join(term.Lines(), "|"); alternate != "||status" || main != "$ vi!||" {
		t.Errorf("%q, then %q", alternate, main)
	}
}

// Whatever goes wrong within Write ends there: the terminal begins again and says so.
func TestLost(t *testing.T) {
	term := New(10, 2)
	term.OnLine(func(Line) { panic("as a mistake in here would") })
	n, err := term.Write([]byte("a\r\nb\r\nc\x1b["))
	if n != 9 || err != nil || !term.Lost() || strings.Join(term.Lines(), "") != "" {
		t.Errorf("%d, %v, lost %v, %q", n, err, term.Lost(), term.Lines())
	}
	_, _ = term.Write([]byte("on"))
	if term.Lines()[0] != "on" || !term.Lost() {
		t.Errorf("%q, lost %v", term.Lines(), term.Lost())
	}
}
