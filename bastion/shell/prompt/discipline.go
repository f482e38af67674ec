package prompt

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"unicode/utf8"
)

// maxCooked is how long a line may be that no editor reads; more is not taken.
const maxCooked = 64 << 10

// discipline is what a terminal's line discipline does where nothing else reads: it echoes, erases, ends lines, and makes Ctrl-D the end.
type discipline struct {
	keys   decoder
	write  func(string)
	echo   atomic.Bool // a terminal is there, and wants one
	typed  []rune      // a line that has begun, for whoever reads next
	secret bool        // and that was not shown
	over   bool        // and of which characters were lost
}

// command gives the next line, to be run: only one that was ended by Enter, and of which nothing was lost. What was typed of it when the
// client went is not what was meant.
func (d *discipline) command(ctx context.Context) (string, error) {
	for {
		b, err := d.read(ctx, false)
		text, whole := strings.CutSuffix(string(b), "\n")
		switch {
		case err != nil:
			return "", err
		case d.lost():
			d.write(tooLong)
			return "", errInterrupted
		case whole:
			return text, nil
		}
		d.typed = decode(text) // Ctrl-D in a line, or the input's end, which the next read meets again
		if d.keys.src.over() {
			return "", io.EOF
		}
	}
}

// read gives the next line with its line feed, or what was typed before a Ctrl-D; io.EOF is a Ctrl-D alone or the input's end. Of a read
// that ctx ends the beginning is kept; Ctrl-C at a prompt is errInterrupted. With secret nothing is shown.
func (d *discipline) read(ctx context.Context, secret bool) ([]byte, error) {
	if d.secret != secret {
		d.typed, d.secret = nil, secret
	}
	if len(d.typed) == 0 {
		d.over = false
	}
	for {
		k, err := d.keys.key(ctx)
		switch {
		case errors.Is(err, errWoken):
			continue
		case errors.Is(err, io.EOF) && len(d.typed) > 0:
			return d.done(""), nil
		case errors.Is(err, errInterrupted), err == nil && k.r == keyInterrupt && !k.literal: // at a prompt: while something runs it is a signal
			d.typed = nil
			d.show("^C\r\n")
			return nil, errInterrupted
		case err != nil:
			return nil, err
		case k.r == '\r' || k.r == '\n':
			d.show("\r\n")
			return d.done("\n"), nil
		case k.r == 'D'&31 && !k.literal && len(d.typed) == 0:
			return nil, io.EOF
		case k.r == 'D'&31 && !k.literal:
			return d.done(""), nil
		}
		d.press(k.r)
	}
}

// lost says once that the line before was longer than it may be.
func (d *discipline) lost() bool {
	over := d.over
	d.over = false
	return over
}

func (d *discipline) done(end string) []byte {
	text := encode(d.typed) + end
	d.typed = nil
	return []byte(text)
}

// take gives what was typed of a line, for the editor.
func (d *discipline) take() []rune {
	typed := d.typed
	d.typed = nil
	if d.secret {
		return nil
	}
	return typed
}

// press adds a character, or erases.
func (d *discipline) press(r rune) {
	switch r {
	case 0x7f, 'H' & 31:
		d.erase(len(d.typed) - 1)
	case 'U' & 31:
		d.erase(0)
	case 'W' & 31:
		l := line{text: d.typed, pos: len(d.typed)}
		d.erase(l.wordLeft(noSpace))
	case keySuspend, keyQuit, keyInterrupt:
	default:
		if r < 0 {
			return // keys that are no characters
		}
		if len(d.typed) >= maxCooked {
			d.over = true
			d.show("\a")
			return
		}
		d.typed = append(d.typed, r)
		shown, _ := picture(r)
		d.show(shown)
	}
}

// erase takes the characters from n on away, on the terminal too.
func (d *discipline) erase(n int) {
	cells := 0
	for _, r := range d.typed[max(0, n):] {
		_, width := picture(r)
		cells += width
	}
	d.typed = d.typed[:max(0, n)]
	if back := strings.Repeat("\b", cells); back != "" {
		d.show(back + strings.Repeat(" ", cells) + back)
	}
}

func (d *discipline) show(s string) {
	if d.echo.Load() && !d.secret && utf8.ValidString(s) {
		d.write(s)
	}
}
