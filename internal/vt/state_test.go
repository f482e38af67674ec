package vt

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// stateOf writes down all that a terminal is, to be compared.
func stateOf(t *Terminal) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%dx%d alt %v lost %v cursor %+v saved %+v modes %+v repeatable %v margins %d %d tabs %v\n",
		t.cols, t.rows, t.alt, t.lost, t.cursor, t.saved, t.modes, t.repeatable, t.top, t.bottom, t.tabs)
	p := t.parser
	fmt.Fprintf(&b, "state %d utf8 %x", p.state, p.utf8.pending())
	switch p.state {
	case escapeInter, csiEntry, csiParam, csiInter:
		fmt.Fprintf(&b, " prefix %x inter %x params %v of %d", p.prefix, p.inter, p.params[:min(p.count, maxParams)], p.count)
	case controlString:
		fmt.Fprintf(&b, " opener %c", p.opener)
	}
	b.WriteByte('\n')
	writeScreenState(&b, t.main)
	if t.alt {
		writeScreenState(&b, t.other)
	}
	return b.String()
}

func writeScreenState(b *strings.Builder, s *screen) {
	for y, l := range s.lines {
		cells := make([]cell, s.cols)
		for x := range cells {
			cells[x] = l.at(x)
		}
		fmt.Fprintf(b, "%3d wrap %d", y, l.wrap)
		for x := 0; x < s.cols; {
			n := x + 1
			for n < s.cols && cells[n] == cells[x] {
				n++
			}
			fmt.Fprintf(b, " %d*%v", n-x, cells[x])
			x = n
		}
		b.WriteByte('\n')
	}
}

// check says what is wrong inside a terminal, whatever was written to it.
func check(t *Terminal) error {
	cols, rows := t.Size()
	switch {
	case t.lost:
		return fmt.Errorf("lost")
	case t.x < 0 || t.x > cols || t.y < 0 || t.y >= rows:
		return fmt.Errorf("cursor at %d %d of %dx%d", t.x, t.y, cols, rows)
	case t.top < 0 || t.bottom >= rows || t.top > t.bottom:
		return fmt.Errorf("margins %d %d of %d", t.top, t.bottom, rows)
	case len(t.tabs) != cols || len(t.lines) != rows || len(t.main.lines) != rows:
		return fmt.Errorf("%d tabs, %d and %d lines, not %dx%d", len(t.tabs), len(t.lines), len(t.main.lines), cols, rows)
	case cap(t.text) > 2*maxText(maxSize):
		return fmt.Errorf("%d bytes of text", cap(t.text))
	}
	for _, s := range []*screen{t.main, t.other} {
		if err := checkScreen(s); err != nil {
			return err
		}
	}
	return nil
}

// maxText is how many bytes a line of text may have.
func maxText(cols int) int { return cols * (1 + maxCombining) * utf8.UTFMax }

func checkScreen(s *screen) error {
	if s == nil {
		return nil
	}
	seen := map[*line]bool{}
	for y, l := range s.lines {
		if seen[l] || len(l.cells) > s.cols || cap(l.cells) > 2*maxSize || l.rest.width != 1 {
			return fmt.Errorf("line %d: twice %v, %d of %d cells, memory for %d, rest %+v", y, seen[l], len(l.cells), s.cols, cap(l.cells), l.rest)
		}
		seen[l] = true
		for x := range s.cols {
			right := x > 0 && l.at(x-1).width == 2
			if c := l.at(x); (c.width == 0) != right || c.width == 0 && c.r != 0 || c.width > 0 && c.r < ' ' {
				return fmt.Errorf("line %d, cell %d: %+v after %+v", y, x, c, l.at(max(x-1, 0)))
			}
		}
	}
	if s.lines[s.rows-1].wrap != wrapNone {
		return fmt.Errorf("the last line goes on")
	}
	return nil
}

// pieces are what hostile and ordinary programs write, to be put together at random.
var pieces = []string{
	"a", "text ", "\t", "\r", "\n", "\b", "\x0e", "\x0f", "世", "界界", "e\u0301", "👍", "👩\u200d💻", "\u0300", "\xff", "\xe4\xb8", "\xf0\x9f", "\u009b", "\u0085",
	"\x1b", "\x1b[", "\x1b[?", "\x1b[1", ";", ":", "0", "5", "38;5;", "38:2::1:2:3", "4:3", "m", "H", "J", "K", "\x1b]0;t", "\x07", "\x1bP", "\x1b\\", "\x1b_", "\x18",
	"\x1b7", "\x1b8", "\x1bD", "\x1bM", "\x1bE", "\x1bH", "\x1bc", "\x1b#8", "\x1b(0", "\x1b)0", "\x1b(B", "\x1b)A", "\x1bn", "q", "lqk#", "\x1b[!p",
	"\x1b[?1049h", "\x1b[?1049l", "\x1b[?47h", "\x1b[?1047l", "\x1b[?1048h", "\x1b[?1048l", "\x1b[?6h", "\x1b[?6l", "\x1b[?7l", "\x1b[?7h", "\x1b[4h", "\x1b[4l", "\x1b[20h",
	"\x1b[?5h", "\x1b[?25l", "\x1b[3g", "\x1b[g", "\x1b[2I", "\x1b[Z", "\x1b[3b", "\x1b[9999b", "\x1b[2;3r", "\x1b[r", "\x1b[4;2r", "\x1b[2@", "\x1b[P", "\x1b[L", "\x1b[2M",
	"\x1b[S", "\x1b[T", "\x1b[2X", "\x1b[1K", "\x1b[2K", "\x1b[1J", "\x1b[2J", "\x1b[J", "\x1b[A", "\x1b[B", "\x1b[3C", "\x1b[2D", "\x1b[F", "\x1b[E", "\x1b[3;4H", "\x1b[999;999H",
	"\x1b[41m", "\x1b[m", "\x1b[1;3;7m", "\x1b[92;48;5;200m", "\x1b[38;2;1;2;3m", "\x1b[2 q", "\x1b[s", "\x1b[u", "\x1b[-1@", "\x1b[2147483647I", "wrapped over the edge of the screen ",
}

// drawBytes draws what a program may write.
func drawBytes(t *rapid.T, label string) string {
	return strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 60).Draw(t, label), "")
}

func drawSize(t *rapid.T, label string) (int, int) {
	return rapid.IntRange(1, 12).Draw(t, label+" cols"), rapid.IntRange(1, 6).Draw(t, label+" rows")
}

// A snapshot makes an equal terminal, which stays equal whatever is written next.
func TestSnapshotIsEqual(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cols, rows := drawSize(t, "first")
		term := New(cols, rows)
		_, _ = term.Write([]byte(drawBytes(t, "before")))
		if rapid.Bool().Draw(t, "resized") {
			term.Resize(drawSize(t, "second"))
			_, _ = term.Write([]byte(drawBytes(t, "between")))
		}
		requireEqualCopy(t, term, drawBytes(t, "after"))
	})
}

// requireEqualCopy makes a terminal of the snapshot of another, and writes the same to both.
func requireEqualCopy(t interface {
	Helper()
	Fatalf(string, ...any)
}, term *Terminal, after string) {
	t.Helper()
	snapshot := term.Snapshot()
	again := New(term.Size())
	_, _ = again.Write([]byte(snapshot))
	if got, want := stateOf(again), stateOf(term); got != want {
		t.Fatalf("snapshot %q makes\n%s\nof\n%s", snapshot, got, want)
	}
	_, _ = term.Write([]byte(after))
	_, _ = again.Write([]byte(after))
	if got, want := stateOf(again), stateOf(term); got != want {
		t.Fatalf("snapshot %q, then %q makes\n%s\nnot\n%s", snapshot, after, got, want)
	}
	if err := check(term); err != nil {
		t.Fatalf("%v", err)
	}
}

// What is written in pieces, at whatever places it is cut, is what is written at once: the same screen, and the same lines left it.
func TestSplitIsEqual(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cols, rows := drawSize(t, "size")
		text := []byte(drawBytes(t, "text"))
		requireEqualSplit(t, cols, rows, text, rapid.IntRange(1, 5).Draw(t, "piece"))
	})
}

func requireEqualSplit(t interface {
	Helper()
	Fatalf(string, ...any)
}, cols, rows int, text []byte, piece int) {
	t.Helper()
	var whole, split []Line
	a, b := New(cols, rows), New(cols, rows)
	a.OnLine(func(l Line) { whole = append(whole, l) })
	b.OnLine(func(l Line) { split = append(split, l) })
	_, _ = a.Write(text)
	for part := range slices.Chunk(text, piece) {
		_, _ = b.Write(part)
	}
	if got, want := stateOf(b), stateOf(a); got != want {
		t.Fatalf("in pieces of %d: %q makes\n%s\nnot\n%s", piece, text, got, want)
	}
	if !slices.Equal(whole, split) {
		t.Fatalf("in pieces of %d: %q: lines %v, not %v", piece, text, split, whole)
	}
}
