package process

import (
	"io"
	"strconv"
	"strings"
)

// print writes to standard output with one write, as bash does: what runs at the same time does not come between.
func (b *builtin) print(text string) error {
	if _, err := io.WriteString(b.hc.Stdout, text); err != nil {
		if readerGone(b.hc) {
			return b.hc.Builtin(b.ctx, []string{"exit", "141"})
		}
		return b.say(1, "write error: %v", err)
	}
	return nil
}

// echo is the builtin; sh's has -n only, and always reads escapes.
func (b *builtin) echo() error {
	args, newline, escapes := b.args, true, b.shell.posix
	for len(args) > 0 && echoOption(args[0], b.shell.posix) {
		for _, c := range args[0][1:] {
			switch c {
			case 'n':
				newline = false
			case 'e':
				escapes = true
			case 'E':
				escapes = false
			}
		}
		args = args[1:]
	}
	text := strings.Join(args, " ")
	if escapes {
		expanded, stop := unescape(text, true)
		text, newline = expanded, newline && !stop
	}
	if newline {
		text += "\n"
	}
	return b.print(text)
}

func echoOption(arg string, posix bool) bool {
	letters := "neE"
	if posix {
		return arg == "-n"
	}
	return len(arg) > 1 && arg[0] == '-' && strings.Trim(arg[1:], letters) == ""
}

// unescape reads the escapes of echo -e and %b. stop is \c: nothing comes after it.
func unescape(text string, echo bool) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			b.WriteByte(text[i])
			continue
		}
		i++
		if text[i] == 'c' {
			return b.String(), true
		}
		i += escape(&b, text[i:], echo) - 1
	}
	return b.String(), false
}

// simple are the escapes of one letter.
var simpleEscapes = map[byte]byte{'a': 7, 'b': 8, 'e': 27, 'E': 27, 'f': 12, 'n': 10, 'r': 13, 't': 9, 'v': 11, '\\': '\\'}

// escape writes what an escape means, whose text begins behind the backslash, and says how long it is.
func escape(b *strings.Builder, text string, echo bool) int {
	c := text[0]
	if plain, ok := simpleEscapes[c]; ok {
		b.WriteByte(plain)
		return 1
	}
	switch {
	case c == '0' && echo:
		n := digits(text[1:], 3, 8)
		b.WriteByte(byte(number8(text[1:1+n], 8)))
		return 1 + n
	case c >= '0' && c <= '7' && !echo:
		n := digits(text, 3, 8)
		b.WriteByte(byte(number8(text[:n], 8)))
		return n
	case c == 'x' || c == 'u' || c == 'U':
		most := map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]
		n := digits(text[1:], most, 16)
		if n == 0 {
			break
		}
		if v := number8(text[1:1+n], 16); c == 'x' {
			b.WriteByte(byte(v))
		} else {
			b.WriteRune(rune(v))
		}
		return 1 + n
	case !echo && (c == '"' || c == '\'' || c == '?'):
		b.WriteByte(c)
		return 1
	}
	b.WriteByte('\\')
	b.WriteByte(c)
	return 1
}

func digits(text string, most, base int) int {
	n := 0
	for n < most && n < len(text) {
		if _, err := strconv.ParseUint(text[n:n+1], base, 8); err != nil {
			break
		}
		n++
	}
	return n
}

func number8(text string, base int) uint64 {
	n, _ := strconv.ParseUint(text, base, 32)
	return n
}
