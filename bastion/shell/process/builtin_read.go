package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"mvdan.cc/sh/v3/syntax"
)

// character is one byte that read has read; one behind a backslash separates nothing.
type character struct {
	b       byte
	literal bool
}

// read is the builtin. It takes exactly what it uses of its input.
func (b *builtin) read() error {
	opts, err := b.options("rse", "adntpu")
	if err != nil {
		return err
	}
	if fd, ok := opts['u']; ok && fd != "0" {
		return refuse("read -u "+fd, "only descriptor 0 is read")
	}
	for _, name := range b.args {
		if !syntax.ValidName(name) {
			return b.say(1, "`%s': not a valid identifier", name)
		}
	}
	ctx, cancel, err := timeout(b.ctx, opts)
	if err != nil {
		return err
	}
	defer cancel()
	if _, secret := opts['s']; secret {
		ctx = context.WithValue(ctx, secretKey{}, true)
	}
	if b.shell.terminal != nil && b.shell.inputs.of(b.hc.Stdin).kind == fromClient {
		fmt.Fprint(b.hc.Stderr, opts['p']) // as bash, only where somebody reads it
	}
	b.shell.running.Add(1)
	line, end := b.line(ctx, opts)
	b.shell.running.Add(-1)
	if err := b.fill(line, opts); err != nil {
		return err
	}
	var refused *refusedError
	switch {
	case end == nil:
		return nil
	case errors.As(end, &refused):
		return end
	case errors.Is(end, errTimeout):
		return code(142, nil)
	case end != io.EOF && b.ctx.Err() == nil:
		return b.say(1, "%v", end)
	}
	return code(1, nil)
}

// secretKey marks the context of a read -s, of which a terminal shows nothing.
type secretKey struct{}

func isSecret(ctx context.Context) bool { return ctx.Value(secretKey{}) != nil }

var errTimeout = errors.New("timeout")

func timeout(ctx context.Context, opts map[byte]string) (context.Context, func(), error) {
	text, ok := opts['t']
	if !ok {
		return ctx, func() {}, nil
	}
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil || seconds <= 0 || seconds > 1e6 {
		return nil, nil, refuse("read -t "+text, "it must be a number of seconds above 0")
	}
	ctx, cancel := context.WithTimeoutCause(ctx, time.Duration(seconds*float64(time.Second)), errTimeout)
	return ctx, cancel, nil
}

// line reads up to the delimiter, or the number of characters.
func (b *builtin) line(ctx context.Context, opts map[byte]string) ([]character, error) {
	delim := byte('\n')
	if text, ok := opts['d']; ok {
		delim = 0
		if text != "" {
			delim = text[0]
		}
	}
	most := -1
	if text, ok := opts['n']; ok {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return nil, refuse("read -n "+text, "it must be a number above 0")
		}
		most = n
	}
	_, raw := opts['r']
	in := b.shell.inputs.of(b.hc.Stdin)
	in.mu.Lock()
	defer in.mu.Unlock()
	var line []character
	escaped := false
	read, begins := 0, 0 // whole characters, and where the next begins
	for {
		piece, err := b.shell.next(ctx, in)
		if err != nil {
			return line, err
		}
		for i, c := range piece {
			done := false
			switch {
			case escaped && c == '\n':
				escaped = false
			case escaped:
				line, escaped = append(line, character{c, true}), false
			case !raw && c == '\\':
				escaped = true
			case c == delim:
				done = true
			case c != 0:
				line = append(line, character{c, false})
			}
			if most > 0 && len(line) > begins && utf8.FullRune([]byte(textOf(line[begins:]))) {
				read, begins = read+1, len(line)
				done = done || read == most
			}
			if done {
				b.shell.giveBack(in, piece[i+1:])
				return line, nil
			}
		}
		if most := b.shell.begin.Limits.Output; most > 0 && int64(len(line)) > most {
			return line, refuse("read", "a line has at most %d bytes", most)
		}
	}
}

// giveBack leaves to the next reader what was not used. in.mu is held.
func (sh *shell) giveBack(in *stdin, rest []byte) {
	if len(rest) == 0 {
		return
	}
	if in.kind == fromClient && sh.terminal == nil {
		sh.input.unread(len(rest))
		return
	}
	in.buf = slices.Clone(rest)
}

// fill assigns what was read to the names.
func (b *builtin) fill(line []character, opts map[byte]string) error {
	s := &splitter{rest: line, ifs: " \t\n"}
	if v := b.hc.Env.Get("IFS"); v.IsSet() {
		s.ifs = v.String()
	}
	if name, ok := opts['a']; ok {
		if !syntax.ValidName(name) {
			return refuse("read -a "+name, "it is no name")
		}
		return b.setArray(name, s.all())
	}
	if len(b.args) == 0 {
		return b.set("REPLY", textOf(line))
	}
	s.skip()
	for _, name := range b.args[:len(b.args)-1] {
		if err := b.set(name, s.field()); err != nil {
			return err
		}
	}
	return b.set(b.args[len(b.args)-1], s.last())
}

// splitter takes fields from a line as POSIX has it for read.
type splitter struct {
	rest []character
	ifs  string
}

func textOf(line []character) string {
	b := make([]byte, len(line))
	for i, c := range line {
		b[i] = c.b
	}
	return string(b)
}

func (s *splitter) separates(c character) bool {
	return !c.literal && strings.IndexByte(s.ifs, c.b) >= 0
}

func (s *splitter) space(c character) bool {
	return s.separates(c) && (c.b == ' ' || c.b == '\t' || c.b == '\n')
}

// skip takes blanks.
func (s *splitter) skip() {
	for len(s.rest) > 0 && s.space(s.rest[0]) {
		s.rest = s.rest[1:]
	}
}

// field takes one field and what ends it.
func (s *splitter) field() string {
	i := slices.IndexFunc(s.rest, s.separates)
	if i < 0 {
		i = len(s.rest)
	}
	text := textOf(s.rest[:i])
	s.rest = s.rest[i:]
	s.skip()
	if len(s.rest) > 0 && s.separates(s.rest[0]) {
		s.rest = s.rest[1:]
		s.skip()
	}
	return text
}

// last is everything that is left; a single field loses what ends it.
func (s *splitter) last() string {
	for len(s.rest) > 0 && s.space(s.rest[len(s.rest)-1]) {
		s.rest = s.rest[:len(s.rest)-1]
	}
	whole := textOf(s.rest)
	if one := s.field(); len(s.rest) == 0 {
		return one
	}
	return whole
}

func (s *splitter) all() []string {
	fields := []string{}
	for s.skip(); len(s.rest) > 0; {
		fields = append(fields, s.field())
	}
	return fields
}

// mapfile is the builtin.
func (b *builtin) mapfile() error {
	opts, err := b.options("t", "dns")
	if err != nil {
		return err
	}
	name := "MAPFILE"
	if len(b.args) > 0 {
		name = b.args[0]
	}
	if !syntax.ValidName(name) || len(b.args) > 1 {
		return refuse(b.name, "it has one name")
	}
	_, trim := opts['t']
	delim := byte('\n')
	if text, ok := opts['d']; ok {
		delim = 0
		if text != "" {
			delim = text[0]
		}
	}
	all, err := b.rest()
	if err != nil {
		return err
	}
	return b.setArray(name, cut(split(all, delim, trim), opts))
}

func cut(lines []string, opts map[byte]string) []string {
	if n, err := strconv.Atoi(opts['s']); err == nil {
		lines = lines[min(max(n, 0), len(lines)):]
	}
	if n, err := strconv.Atoi(opts['n']); err == nil && n > 0 {
		lines = lines[:min(n, len(lines))]
	}
	return lines
}

func split(all []byte, delim byte, trim bool) []string {
	lines := []string{}
	for len(all) > 0 {
		line, rest, found := bytes.Cut(all, []byte{delim})
		if found && !trim {
			line = all[:len(line)+1]
		}
		lines, all = append(lines, string(line)), rest
	}
	return lines
}

// rest is the whole input.
func (b *builtin) rest() ([]byte, error) {
	b.shell.running.Add(1)
	defer b.shell.running.Add(-1)
	return b.shell.readAll(b.ctx, b.shell.inputs.of(b.hc.Stdin))
}

// readAll reads an input to its end, within the bound of one expansion.
func (sh *shell) readAll(ctx context.Context, in *stdin) ([]byte, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	var all []byte
	for {
		piece, err := sh.next(ctx, in)
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		all = append(all, piece...)
		if most := sh.begin.Limits.Output; most > 0 && int64(len(all)) > most {
			return nil, refuse("input", "it has at most %d bytes", most)
		}
	}
}
