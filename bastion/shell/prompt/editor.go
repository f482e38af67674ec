package prompt

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"

	"gatehouse/bastion/shell/wire"
)

// errInterrupted is what a line ends with at Ctrl-C.
var errInterrupted = errors.New("interrupted")

// tooLong is what is said of a line in the place of running it.
const tooLong = "gatehouse: the line is longer than it may be, and is not run\r\n"

// The smallest terminal that is drawn on, and the largest.
const (
	minCols, minRows = 4, 2
	maxSide          = 1000
)

// editor reads lines from a terminal that edits nothing itself. It writes no more than what changed, and asks the terminal nothing.
type editor struct {
	keys     decoder
	write    func(string)
	history  *history
	complete func(ctx context.Context, text []rune, pos int) completion

	prompt string
	line   line
	view   view
	browse browse
	found  search
	tabs   int    // tabs in a row
	drawn  bool   // what is shown is up to date
	mark   string // written behind the prompt

	mu   sync.Mutex
	size wire.Size // as it was last told
}

// resize tells it the terminal's size. Safe for concurrent use.
func (e *editor) resize(size wire.Size) {
	e.mu.Lock()
	e.size = size
	e.mu.Unlock()
	e.keys.src.wake()
}

// bounds is the terminal's size as far as it is used; one that is not known is 80 × 24.
func (e *editor) bounds() (cols, rows int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	side := func(n uint32, least, unknown int) int {
		if n == 0 {
			return unknown
		}
		return max(least, int(min(n, maxSide)))
	}
	return side(e.size.Cols, minCols, 80), side(e.size.Rows, minRows, 24)
}

// read reads one line, which begins with first: what was typed before anybody read it. The error is errInterrupted, io.EOF for Ctrl-D
// in an empty line, or the input's.
func (e *editor) read(ctx context.Context, prompt string, first []rune) (string, error) {
	e.prompt, e.tabs = prompt, 0
	e.line.set(first)
	e.browse, e.found = browse{at: e.history.len()}, search{}
	e.view.cols, e.view.rows = e.bounds()
	e.view.forget()
	e.write(e.view.draw(prompt, nil, 0) + e.mark) // the mark stands behind the prompt, whatever was typed ahead
	for e.drawn = false; ; {
		if !e.drawn && !e.keys.src.ready() {
			e.draw()
		}
		k, err := e.keys.key(ctx)
		if errors.Is(err, errWoken) {
			e.resized()
			continue
		}
		if errors.Is(err, errInterrupted) {
			return e.leave(err)
		}
		if err != nil {
			return "", err
		}
		done, err := e.press(ctx, k)
		if done || err != nil {
			return e.leave(err)
		}
	}
}

// draw brings the terminal up to date.
func (e *editor) draw() {
	prompt, text, pos := e.prompt, e.line.text, e.line.pos
	if e.found.on {
		prompt, text, pos = e.found.shown(e.line)
	}
	e.write(e.view.draw(prompt, text, pos))
	e.drawn = true
}

// resized draws everything again, if the size is another.
func (e *editor) resized() {
	cols, rows := e.bounds()
	if cols == e.view.cols && rows == e.view.rows {
		return
	}
	e.write(e.view.resize(e.prompt, e.line.text, e.line.pos, cols, rows))
	e.draw()
}

// leave ends the line on the terminal.
func (e *editor) leave(err error) (string, error) {
	e.found.on = false
	e.line.pos = len(e.line.text)
	e.draw()
	text := encode(e.line.text)
	switch {
	case errors.Is(err, errInterrupted):
		e.write("^C")
	case errors.Is(err, io.EOF):
		return "", err // whoever asked says what that does
	}
	e.write("\r\n")
	if e.line.over && err == nil {
		e.write(tooLong)
		return "", errInterrupted
	}
	return text, err
}

// press does what a key does. done is that the line is to be read.
func (e *editor) press(ctx context.Context, k key) (done bool, err error) {
	if k.r == keyNone || k.r == keySuspend || k.r == keyQuit || k.r == 0 {
		return false, nil
	}
	e.drawn = false
	if e.found.on {
		goOn, err := e.search(k)
		if !goOn {
			return false, err
		}
	}
	if k.r != '\t' || k.literal {
		e.tabs = 0
	}
	if k.literal || k.r >= ' ' && k.r != 0x7f {
		e.line.insert(k.r)
		return false, nil
	}
	switch k.r {
	case '\r', '\n':
		return true, nil
	case keyInterrupt:
		return true, errInterrupted
	case 'D' & 31:
		if len(e.line.text) == 0 {
			return true, io.EOF
		}
	case '\t':
		e.tab(ctx)
		return false, nil
	case 'L' & 31:
		e.write("\x1b[H\x1b[2J")
		e.view.forget()
		return false, nil
	case 'R' & 31:
		e.found = search{on: true, at: e.history.len(), before: slices.Clone(e.line.text)}
		return false, nil
	case keyUp, 'P' & 31:
		e.history.up(&e.browse, &e.line)
		return false, nil
	case keyDown, 'N' & 31:
		e.history.down(&e.browse, &e.line)
		return false, nil
	}
	e.line.edit(k.r)
	return false, nil
}
