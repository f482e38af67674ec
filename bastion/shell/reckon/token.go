package reckon

import "strings"

// token is one of an expression: the byte of an operator, or one of these.
type token int

const (
	end token = iota
	number
	variable
	assign // =
	assignWith
	equal
	unequal
	atMost
	atLeast
	left
	right
	and
	or
	power
	preIncrement
	preDecrement
	postIncrement
	postDecrement
	conditional
)

// pairs are the operators of two bytes.
var pairs = map[string]token{"==": equal, "!=": unequal, "<=": atMost, ">=": atLeast, "<<": left, ">>": right, "&&": and, "||": or, "**": power}

// alone are the operators of one byte.
const alone = "=><+-*/%!()&|^~?:,"

func white(c byte) bool  { return c == ' ' || c == '\t' || c == '\n' }
func letter(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' }
func digit(c byte) bool  { return c >= '0' && c <= '9' }

// peek is the byte n behind the present one; 0 where the text has ended.
func (e *expression) peek(n int) byte {
	if e.at+n < len(e.text) {
		return e.text[e.at+n]
	}
	return 0
}

// blank skips blanks and says whether the text has ended.
func (e *expression) blank() bool {
	for white(e.peek(0)) {
		e.at++
	}
	return e.at >= len(e.text)
}

// take makes a token the present one.
func (e *expression) take(t token, bytes int) {
	e.last, e.tok = e.tok, t
	e.at += bytes
}

// next reads one token.
func (e *expression) next() error {
	if e.blank() {
		e.take(end, 0)
		return nil
	}
	c := e.peek(0)
	switch {
	case letter(c):
		return e.variable()
	case digit(c):
		return e.number()
	}
	return e.operator(c)
}

// number reads one with its base.
func (e *expression) number() error {
	n := 0
	for c := e.peek(n); letter(c) || digit(c) || c == '#' || c == '@'; c = e.peek(n) {
		n++
	}
	v, fault := integer(e.text[e.at : e.at+n])
	if fault != "" {
		return e.fault(fault)
	}
	e.num = v
	e.take(number, n)
	return nil
}

// variable reads a name, with a subscript that stands right behind it, and fetches its value where it is not about to be set.
func (e *expression) variable() error {
	n := 1
	for c := e.peek(n); letter(c) || digit(c); c = e.peek(n) {
		n++
	}
	v := name{base: e.text[e.at : e.at+n]}
	if e.peek(n) == '[' {
		size := subscript(e.text[e.at+n:])
		if size == 0 {
			return e.fault("bad array subscript")
		}
		v.subscript, v.has = e.text[e.at+n+1:e.at+n+size-1], true
		n += size
	}
	ahead := *e
	ahead.take(variable, n)
	ahead.quiet = 1
	if err := ahead.next(); err != nil {
		return err
	}
	if e.tok == preIncrement || e.tok == preDecrement || ahead.tok != assign {
		var err error
		if e.num, err = e.fetch(v); err != nil {
			return err
		}
	} else {
		e.num = 0
	}
	e.name = v
	e.take(variable, n)
	return nil
}

// subscript is how long one is, with its brackets; 0 where it has no end.
func subscript(s string) int {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '[':
			depth++
		case ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return 0
}

// operator reads one of the longest that there is.
func (e *expression) operator(c byte) error {
	c1 := e.peek(1)
	if t, ok := pairs[string([]byte{c, c1})]; ok {
		if (t == left || t == right) && e.peek(2) == '=' {
			e.under = t
			e.take(assignWith, 3)
			return nil
		}
		e.take(t, 2)
		return nil
	}
	switch {
	case (c == '+' || c == '-') && c1 == c:
		e.twice(c)
	case c1 == '=' && strings.IndexByte("*/%+-&^|", c) >= 0:
		e.under = token(c) << 8
		e.take(assignWith, 2)
	case c == '=':
		e.take(assign, 1)
	case strings.IndexByte(alone, c) < 0:
		return e.fault("syntax error: invalid arithmetic operator")
	default:
		e.take(token(c)<<8, 1)
	}
	return nil
}

// twice reads ++ or --: of the variable before it, of the one behind it, or one sign of two.
func (e *expression) twice(c byte) {
	after, before := postIncrement, preIncrement
	if c == '-' {
		after, before = postDecrement, preDecrement
	}
	if e.tok == variable || e.tok == number && (e.last == preIncrement || e.last == preDecrement) {
		e.take(after, 2)
		return
	}
	i := 2
	for white(e.peek(i)) {
		i++
	}
	if letter(e.peek(i)) {
		e.take(before, 2)
		return
	}
	e.take(token(c)<<8, 1)
}

// integer reads a constant: decimal, 0 and octal, 0x and hexadecimal, or base#digits.
func integer(s string) (n int64, fault string) {
	base, based := int64(10), false
	if s[0] == '0' {
		if s = s[1:]; s == "" {
			return 0, ""
		}
		if base, based = 8, true; s[0] == 'x' || s[0] == 'X' {
			base, s = 16, s[1:]
		}
	}
	for i := range len(s) {
		c := s[i]
		if c == '#' {
			switch {
			case based:
				return 0, "invalid number"
			case n < 2 || n > 64:
				return 0, "invalid arithmetic base"
			case i+1 == len(s) || s[i+1] == '#':
				return 0, "invalid integer constant"
			}
			base, n, based = n, 0, true
			continue
		}
		d := digitOf(c, base)
		if d >= base {
			return 0, "value too great for base"
		}
		n = n*base + d
	}
	return n, ""
}

// digitOf is what a digit is worth. Up to base 36 capitals are the small letters.
func digitOf(c byte, base int64) int64 {
	switch {
	case digit(c):
		return int64(c - '0')
	case c >= 'a' && c <= 'z':
		return int64(c-'a') + 10
	case c >= 'A' && c <= 'Z' && base <= 36:
		return int64(c-'A') + 10
	case c >= 'A' && c <= 'Z':
		return int64(c-'A') + 36
	case c == '@':
		return 62
	}
	return 63
}
