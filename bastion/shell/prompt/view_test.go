package prompt

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gatehouse/bastion/shell/wire"
	"gatehouse/internal/vt"
)

// typist gives an editor one piece of input at a time, and compares the screens before each: the one that was kept up to date, and one
// on which everything is drawn afresh.
type typist struct {
	t          *testing.T
	e          *editor
	screen     *vt.Terminal
	cols, rows int
	typed      string
}

func (y *typist) ask(context.Context, wire.Input) (wire.Answer, error) { panic("not pumped") }

// compare draws the line on an empty screen.
func (y *typist) compare() {
	fresh := vt.New(y.cols, y.rows)
	prompt, text, pos := y.e.prompt, y.e.line.text, y.e.line.pos
	if y.e.found.on {
		prompt, text, pos = y.e.found.shown(y.e.line)
	}
	v := view{cols: y.cols, rows: y.rows}
	_, _ = fresh.Write([]byte(v.draw(prompt, text, pos)))
	kept, want := y.screen.Lines(), fresh.Lines()
	keptCol, keptRow := y.screen.Cursor()
	wantCol, wantRow := fresh.Cursor()
	top := keptRow - wantRow // the prompt need not begin at the top
	if top < 0 || keptCol != wantCol || !slices.Equal(trimmed(kept[top:]), trimmed(want[:len(want)-top])) {
		y.t.Fatalf("%d×%d after %q:\n%q cursor %d,%d\nwant\n%q cursor %d,%d", y.cols, y.rows, y.typed, kept, keptCol, keptRow, want, wantCol, wantRow)
	}
}

func trimmed(lines []string) []string {
	for len(lines) > 0 && strings.TrimRight(lines[len(lines)-1], " ") == "" {
		lines = lines[:len(lines)-1]
	}
	var out []string
	for _, l := range lines {
		out = append(out, strings.TrimRight(l, " "))
	}
	return out
}

// TestTheScreenIsWhatTheLineIs: after any keys, a terminal that was sent only what changed shows what one shows that is drawn afresh,
// with the cursor in the same place.
func TestTheScreenIsWhatTheLineIs(t *testing.T) {
	keys := []string{"a", "b", " ", "漢", "字", "é", "e\u0301", "\u202e", "\xff", "\x1b[D", "\x1b[C", "\x1b[D\x1b[D\x1b[D", "\x01", "\x05", "\x7f", "\x1b[3~", "\x0b", "\x15", "\x17", "\x19", "\x1bb", "\x1bf", "\x1b\x7f", "\x1b[A", "\x1b[B",
		"\x14", "\x1b[200~pa\rste\x1b[201~", "long text of many words ", "\x12b", "\x12", "\x07"}
	random := rand.New(rand.NewPCG(1, 2))
	for range 150 {
		y := &typist{t: t, cols: 5 + random.IntN(40), rows: 3 + random.IntN(10)}
		y.screen = vt.New(y.cols, y.rows)
		src := newSource(y.ask)
		y.e = &editor{keys: decoder{src: src}, write: func(s string) { _, _ = y.screen.Write([]byte(s)) }, history: &history{},
			size: wire.Size{Cols: uint32(y.cols), Rows: uint32(y.rows)}, complete: func(context.Context, []rune, int) completion { return completion{} }}
		y.e.history.add("an older line b " + strings.Repeat("漢", random.IntN(30)))
		y.e.history.add("b")
		y.e.prompt = "me@there:~$ "
		y.e.browse.at = y.e.history.len()
		y.e.view.cols, y.e.view.rows = y.cols, y.rows
		y.e.draw()
		for range 60 {
			piece := keys[random.IntN(len(keys))]
			y.typed += piece
			src.add(wire.Answer{At: src.used(), Data: []byte(piece)})
			for src.ready() {
				k, err := y.e.keys.key(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if done, err := y.e.press(t.Context(), k); done || err != nil {
					t.Fatalf("%q ended the line: %v", piece, err)
				}
			}
			y.e.draw()
			y.compare()
		}
	}
}
