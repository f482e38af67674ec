package process

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// printf is the builtin.
func (b *builtin) printf() error {
	args := b.args
	name := ""
	if len(args) > 1 && args[0] == "-v" {
		name, args = args[1], args[2:]
	}
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	} else if len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' && name == "" {
		return b.say(2, "%s: invalid option", args[0])
	}
	if len(args) == 0 {
		return b.say(2, "usage: printf [-v var] format [arguments]")
	}
	p := &printer{builtin: b, args: args[1:], stored: name != ""}
	status, err := p.format(args[0])
	if err != nil {
		return err
	}
	if name != "" {
		text, _, _ := strings.Cut(p.out.String(), "\x00") // as bash, for which it ends there
		if err := b.set(name, text); err != nil {
			return err
		}
	} else if err := b.print(p.out.String()); err != nil {
		return err
	}
	return code(status, nil)
}

// printer prints arguments by a format.
type printer struct {
	*builtin
	out    strings.Builder
	args   []string
	used   bool // a conversion took an argument
	stored bool // what is printed is a variable's
	status int
	stop   bool
}

// format goes through the format as often as there are arguments left.
func (p *printer) format(f string) (int, error) {
	for {
		p.used = false
		had := len(p.args)
		if err := p.once(f); err != nil {
			return 0, err
		}
		if p.stop || len(p.args) == 0 || len(p.args) == had {
			return p.status, nil
		}
		if most := p.shell.begin.Limits.Output; most > 0 && int64(p.out.Len()) > most {
			return 0, refuse("printf", "it prints at most %d bytes", most)
		}
	}
}

func (p *printer) once(f string) error {
	for i := 0; i < len(f) && !p.stop; i++ {
		switch {
		case f[i] == '\\' && i+1 < len(f):
			if f[i+1] == 'c' {
				p.stop = true
				return nil
			}
			p.undigited(f[i+1:])
			i += escape(&p.out, f[i+1:], false)
		case f[i] == '%' && i+1 < len(f) && f[i+1] == '%':
			p.out.WriteByte('%')
			i++
		case f[i] == '%':
			n, err := p.conversion(f[i:])
			if err != nil {
				return err
			}
			i += n - 1
		default:
			p.out.WriteByte(f[i])
		}
	}
	return nil
}

// spec is one conversion.
type spec struct {
	flags            string
	width, precision int // -1: none
	verb             byte
}

// conversion prints one, and says how long it is in the format.
func (p *printer) conversion(f string) (int, error) {
	s := spec{width: -1, precision: -1}
	i := 1
	for i < len(f) && strings.IndexByte("-+ #0", f[i]) >= 0 {
		s.flags += f[i : i+1]
		i++
	}
	s.width, i = p.size(f, i)
	if s.width < -1 {
		s.flags, s.width = s.flags+"-", -s.width
	}
	if i < len(f) && f[i] == '.' {
		given := i+1 < len(f) && f[i+1] == '*'
		s.precision, i = p.size(f, i+1)
		if given {
			s.precision = max(s.precision, -1) // a negative one is none
		} else {
			s.precision = max(s.precision, 0)
		}
	}
	for i < len(f) && strings.IndexByte("hljzt", f[i]) >= 0 {
		i++
	}
	if i == len(f) {
		return 0, refuse("printf "+f, "the format ends in a conversion")
	}
	s.verb = f[i]
	const most = 1 << 20
	if s.width > most || s.precision > most {
		return 0, refuse("printf "+f[:i+1], "a width is at most %d", most)
	}
	return i + 1, p.convert(s, f[:i+1])
}

// size is a width or a precision; * takes it from the arguments.
func (p *printer) size(f string, i int) (int, int) {
	if i < len(f) && f[i] == '*' {
		return int(p.integer(p.next())), i + 1
	}
	begin := i
	for i < len(f) && f[i] >= '0' && f[i] <= '9' {
		i++
	}
	n, err := strconv.Atoi(f[begin:i])
	if err != nil {
		return -1, i
	}
	return n, i
}

func (p *printer) next() string {
	p.used = true
	if len(p.args) == 0 {
		return ""
	}
	arg := p.args[0]
	p.args = p.args[1:]
	return arg
}

func (p *printer) convert(s spec, text string) error {
	switch s.verb {
	case 's', 'b', 'q', 'c':
		p.text(s)
	case 'd', 'i':
		n := p.integer(p.next())
		p.number(s, "d", n, n < 0)
	case 'u', 'o', 'x', 'X':
		verb := map[byte]string{'u': "d", 'o': "o", 'x': "x", 'X': "X"}[s.verb]
		p.number(s, verb, uint64(p.integer(p.next())), false)
	case 'e', 'E', 'f', 'F', 'g', 'G':
		return p.float(s)
	default:
		return refuse("printf "+text, "the governed shell does not print this")
	}
	return nil
}

// text prints a string; widths count bytes, as bash's do in the C locale, and are refused nothing in UTF-8 but characters that are wider.
func (p *printer) text(s spec) {
	arg := p.next()
	switch s.verb {
	case 'b':
		for i := 0; i+1 < len(arg); i++ {
			if arg[i] == '\\' {
				i++
				p.undigited(arg[i:])
			}
		}
		arg, p.stop = unescape(arg, true)
	case 'q':
		arg = quoteWord(arg)
	case 'c':
		if len(arg) > 1 {
			arg = arg[:1]
		}
		if arg == "" {
			arg = "\x00" // as bash
		}
	}
	if s.precision >= 0 && s.precision < len(arg) && s.verb != 'c' {
		arg = arg[:s.precision]
	}
	p.pad(s, arg)
}

func (p *printer) pad(s spec, text string) {
	fill := ""
	if n := s.width - len(text); n > 0 {
		fill = strings.Repeat(" ", n)
	}
	if strings.Contains(s.flags, "-") {
		p.out.WriteString(text + fill)
	} else {
		p.out.WriteString(fill + text)
	}
}

// number prints an integer. Go's formats are C's for these flags.
func (p *printer) number(s spec, verb string, n any, negative bool) {
	flags := s.flags
	if s.precision >= 0 {
		flags = strings.ReplaceAll(flags, "0", "")
	}
	if s.verb == 'u' || s.verb == 'o' || s.verb == 'x' || s.verb == 'X' {
		flags = strings.NewReplacer("+", "", " ", "").Replace(flags)
	}
	text := fmt.Sprintf("%"+only(flags, "+ #")+precision(s)+verb, n)
	if isZero(n) {
		text = strings.TrimPrefix(strings.TrimPrefix(text, "0x"), "0X")
		if text == "" && s.precision != 0 || text == "00" {
			text = "0"
		}
		if s.precision == 0 {
			text = ""
		}
	}
	if strings.Contains(flags, "0") && !strings.Contains(flags, "-") {
		text = zeros(text, s.width)
	}
	p.pad(s, text)
}

// zeros fills up a number behind its sign or base.
func zeros(text string, width int) string {
	n := width - len(text)
	if n <= 0 {
		return text
	}
	at := 0
	if strings.IndexAny(text, "+- ") == 0 {
		at = 1
	}
	if strings.HasPrefix(text[at:], "0x") || strings.HasPrefix(text[at:], "0X") {
		at += 2
	}
	return text[:at] + strings.Repeat("0", n) + text[at:]
}

func isZero(n any) bool {
	switch n := n.(type) {
	case int64:
		return n == 0
	case uint64:
		return n == 0
	}
	return false
}

func only(flags, kept string) string {
	var b strings.Builder
	for _, c := range kept {
		if strings.ContainsRune(flags, c) {
			b.WriteRune(c)
		}
	}
	return b.String()
}

func precision(s spec) string {
	if s.precision < 0 {
		return ""
	}
	return "." + strconv.Itoa(s.precision)
}

// float prints a floating number, which bash has in 80 bits: what that shows, more than 15 digits, is refused.
func (p *printer) float(s spec) error {
	arg := p.next()
	v, err := strconv.ParseFloat(strings.TrimSpace(arg), 64)
	if arg != "" && (err != nil || math.IsNaN(v) || math.IsInf(v, 0) || strings.ContainsAny(arg, "xX_pP")) {
		if quoted(arg) != nil && (strings.HasPrefix(arg, "'") || strings.HasPrefix(arg, `"`)) {
			return refuse("printf %"+string(s.verb)+" "+arg, "a character has no fraction")
		}
		if strings.ContainsAny(arg[:1], "+-.0123456789") {
			return refuse("printf %"+string(s.verb)+" "+arg, "write a decimal number: bash would read the beginning of it")
		}
		p.bad(arg)
		v = 0
	}
	if s.precision > 15 || math.Abs(v) >= 1e15 {
		return refuse("printf", "a number has at most 15 digits before the point and behind it")
	}
	if s.precision < 0 && s.verb != 'g' && s.verb != 'G' {
		s.precision = 6
	}
	if s.precision < 0 {
		s.precision = 6
	}
	verb := string(s.verb)
	if verb == "F" {
		verb = "f"
	}
	text := fmt.Sprintf("%"+only(s.flags, "+ #")+precision(s)+verb, v)
	if strings.Contains(s.flags, "0") && !strings.Contains(s.flags, "-") {
		text = zeros(text, s.width)
	}
	p.pad(s, text)
	return nil
}

// complain says what is wrong with an argument. The lines that are finished are printed before, as bash does.
func (p *printer) complain(format string, args ...any) {
	text := p.out.String()
	if end := strings.LastIndexByte(text, '\n') + 1; end > 0 && !p.stored && p.print(text[:end]) == nil {
		p.out.Reset()
		p.out.WriteString(text[end:])
	}
	p.say(0, format, args...)
}

// undigited complains of an escape that wants digits and has none.
func (p *printer) undigited(escape string) {
	kind := map[byte]string{'x': "hex", 'u': "unicode", 'U': "unicode"}[escape[0]]
	if kind != "" && digits(escape[1:], 1, 16) == 0 {
		p.complain("missing %s digit for \\%c", kind, escape[0])
	}
}

func (p *printer) bad(arg string) {
	p.complain("%s: invalid number", arg)
	p.status = 1
}

// integer reads a number as C does: decimal, 0octal, 0xhexadecimal, or the code of a character.
func (p *printer) integer(arg string) int64 {
	if strings.HasPrefix(arg, "'") || strings.HasPrefix(arg, `"`) {
		r, _ := utf8.DecodeRuneInString(arg[1:])
		if len(arg) == 1 {
			return 0
		}
		return int64(r)
	}
	text := strings.TrimLeft(arg, " \t\n")
	if text == "" {
		return 0
	}
	sign, body := "", text
	if body[0] == '-' || body[0] == '+' {
		sign, body = body[:1], body[1:]
	}
	base := 10
	switch {
	case strings.HasPrefix(body, "0x") || strings.HasPrefix(body, "0X"):
		base, body = 16, body[2:]
	case strings.HasPrefix(body, "0") && len(body) > 1:
		base, body = 8, body[1:]
	}
	n := digits(body, len(body), base)
	if n < len(body) || n == 0 {
		p.bad(arg)
	}
	v, err := strconv.ParseInt(strings.TrimPrefix(sign, "+")+body[:n], base, 64)
	if err != nil && n > 0 {
		if u, uerr := strconv.ParseUint(body[:n], base, 64); uerr == nil && sign == "" && base != 10 {
			return int64(u)
		}
		p.complain("warning: %s: Numerical result out of range", arg)
	}
	return v
}
