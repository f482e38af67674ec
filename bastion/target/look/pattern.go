package look

import (
	"fmt"
	"strings"
)

// set is a set of bytes.
type set [4]uint64

func (s *set) add(b byte)     { s[b>>6] |= 1 << (b & 63) }
func (s set) has(b byte) bool { return s[b>>6]&(1<<(b&63)) != 0 }
func (s set) not() (n set) {
	for i := range s {
		n[i] = ^s[i]
	}
	return n
}

// element is a part of a pattern: one byte of a set, or with star any number of any bytes.
type element struct {
	star bool
	one  set
}

// pattern is one component of a glob.
type pattern struct {
	elements []element
	literal  string // the name, where it has no *, ? or [ ]: backslashes are taken off
	magic    bool
	dot      bool // a leading dot is written out
}

// parsePattern reads one component as bash does in the C locale, where ? is one byte: *, ?, [ ] with ranges, classes and ! or ^, and
// a backslash before what stands for itself. A bracket that is not closed stands for itself. What shells disagree about is an
// error: a range that runs backwards or ends in a class, a class of no name, [. .] and [= =].
func parsePattern(text string) (pattern, error) {
	var p pattern
	var literal strings.Builder
	exactly := func(b byte) {
		var one set
		one.add(b)
		p.elements = append(p.elements, element{one: one})
		literal.WriteByte(b)
	}
	for i := 0; i < len(text); i++ {
		switch b := text[i]; b {
		case '*':
			p.magic = true
			p.elements = append(p.elements, element{star: true})
		case '?':
			p.magic = true
			p.elements = append(p.elements, element{one: set{}.not()})
		case '[':
			one, n, err := parseBracket(text[i:])
			switch {
			case err != nil:
				return pattern{}, err
			case n == 0:
				exactly(b)
			default:
				p.magic = true
				p.elements = append(p.elements, element{one: one})
				i += n - 1
			}
		case '\\':
			if i++; i == len(text) {
				return pattern{}, fmt.Errorf("a backslash before nothing")
			}
			exactly(text[i])
		default:
			exactly(b)
		}
	}
	p.dot = strings.HasPrefix(text, ".") || strings.HasPrefix(text, `\.`)
	if !p.magic {
		p.literal = literal.String()
	}
	return p, nil
}

// parseBracket reads a bracket expression and returns how long it is; 0: it is not closed.
func parseBracket(text string) (one set, n int, err error) {
	i := 1
	negated := i < len(text) && (text[i] == '!' || text[i] == '^')
	if negated {
		i++
	}
	for first := true; i < len(text); first = false {
		if text[i] == ']' && !first {
			if negated {
				one = one.not()
			}
			return one, i + 1, nil
		}
		if strings.HasPrefix(text[i:], "[:") {
			used, err := one.addClass(text[i:])
			if err != nil || used == 0 {
				return set{}, 0, err
			}
			i += used
			if i+1 < len(text) && text[i] == '-' && text[i+1] != ']' {
				return set{}, 0, fmt.Errorf("a range that begins with a class")
			}
			continue
		}
		from, used, err := bracketByte(text[i:])
		if err != nil || used == 0 {
			return set{}, 0, err
		}
		i += used
		to := from
		if i+1 < len(text) && text[i] == '-' && text[i+1] != ']' {
			if to, used, err = bracketByte(text[i+1:]); err != nil || used == 0 {
				return set{}, 0, err
			}
			i += 1 + used
		}
		if to < from {
			return set{}, 0, fmt.Errorf("a range that runs backwards, %q to %q", from, to)
		}
		for b := int(from); b <= int(to); b++ {
			one.add(byte(b))
		}
	}
	return set{}, 0, nil
}

// bracketByte reads one byte of a bracket expression, with its backslash.
func bracketByte(text string) (b byte, used int, err error) {
	switch {
	case text[0] == '\\' && len(text) == 1:
		return 0, 0, nil
	case text[0] == '\\':
		return text[1], 2, nil
	case len(text) > 1 && text[0] == '[' && (text[1] == '.' || text[1] == '=' || text[1] == ':'):
		return 0, 0, fmt.Errorf("[%c in brackets", text[1])
	}
	return text[0], 1, nil
}

// classes are POSIX's, in the C locale.
var classes = map[string]func(b byte) bool{
	"alnum":  func(b byte) bool { return isAlpha(b) || isDigit(b) },
	"alpha":  isAlpha,
	"blank":  func(b byte) bool { return b == ' ' || b == '\t' },
	"cntrl":  func(b byte) bool { return b < 0x20 || b == 0x7f },
	"digit":  isDigit,
	"graph":  isGraph,
	"lower":  isLower,
	"print":  func(b byte) bool { return b == ' ' || isGraph(b) },
	"punct":  func(b byte) bool { return isGraph(b) && !isAlpha(b) && !isDigit(b) },
	"space":  func(b byte) bool { return b == ' ' || b >= '\t' && b <= '\r' },
	"upper":  isUpper,
	"xdigit": func(b byte) bool { return isDigit(b) || b >= 'a' && b <= 'f' || b >= 'A' && b <= 'F' },
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }
func isLower(b byte) bool { return b >= 'a' && b <= 'z' }
func isUpper(b byte) bool { return b >= 'A' && b <= 'Z' }
func isAlpha(b byte) bool { return isLower(b) || isUpper(b) }
func isGraph(b byte) bool { return b > 0x20 && b < 0x7f }

// addClass adds a class's bytes and returns how long its name is; 0: it is not closed.
func (s *set) addClass(text string) (used int, err error) {
	end := strings.Index(text, ":]")
	if end < 0 {
		return 0, nil
	}
	in, ok := classes[text[2:max(2, end)]]
	if !ok {
		return 0, fmt.Errorf("[:%s:] is no class", text[2:max(2, end)])
	}
	for b := range 256 {
		if in(byte(b)) {
			s.add(byte(b))
		}
	}
	return end + 2, nil
}

// match reports whether a name is the pattern's. A leading dot is only matched by a dot that is written out.
func (p pattern) match(name string) bool {
	if strings.HasPrefix(name, ".") && !p.dot {
		return false
	}
	e, i := 0, 0
	star, from := -1, 0 // where to go on when what follows the last star does not match
	for i < len(name) {
		switch {
		case e < len(p.elements) && p.elements[e].star:
			star, from = e, i
			e++
		case e < len(p.elements) && p.elements[e].one.has(name[i]):
			e, i = e+1, i+1
		case star >= 0:
			from++
			e, i = star+1, from
		default:
			return false
		}
	}
	for e < len(p.elements) && p.elements[e].star {
		e++
	}
	return e == len(p.elements)
}

// Component is one component of a glob, for those who read folders by themselves.
type Component struct{ pattern }

// ParseComponent reads one, as a Looker does in its globs.
func ParseComponent(text string) (Component, error) {
	p, err := parsePattern(text)
	return Component{p}, err
}

// Literal is the name that it is, where nothing in it stands for other names.
func (c Component) Literal() (name string, ok bool) { return c.literal, !c.magic }

// Match reports whether it stands for a name.
func (c Component) Match(name string) bool { return c.match(name) }
