package admit

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// test reads [[ … ]].
func (w *walker) test(x syntax.TestExpr) {
	switch x := x.(type) {
	case *syntax.ParenTest:
		w.test(x.X)
	case *syntax.UnaryTest:
		w.unary(x)
		w.test(x.X)
	case *syntax.BinaryTest:
		w.comparison(x)
		w.test(x.X)
		w.test(x.Y)
	}
}

func (w *walker) unary(x *syntax.UnaryTest) {
	switch x.Op {
	case syntax.TsOptSet, syntax.TsRefVar, syntax.TsModif, syntax.TsFdTerm:
		w.refuse(x.Pos(), testOperator)
	case syntax.TsVarSet:
		word, ok := x.X.(*syntax.Word)
		if lit := ""; ok {
			if lit = word.Lit(); element(lit) != nil {
				lit = element(lit).Param.Value
			} else if !syntax.ValidName(lit) {
				w.refuse(x.Pos(), testElement)
			}
			w.refuseIf(x.Pos(), mayRead(lit))
		}
	}
}

func (w *walker) comparison(x *syntax.BinaryTest) {
	switch x.Op {
	case syntax.TsReMatch:
		word, ok := x.Y.(*syntax.Word)
		if !ok {
			return
		}
		w.expressionOf(word)
	case syntax.TsDevIno:
		w.refuse(x.OpPos, testOperator)
	}
}

// expressionOf reads a regular expression that stands in a text.
func (w *walker) expressionOf(word *syntax.Word) {
	for _, part := range word.Parts {
		switch part := part.(type) {
		case *syntax.Lit:
			if !sameRegexp(part.Value, w.known.matches) {
				w.refuse(part.Pos(), regexpDialect)
			}
		case *syntax.DblQuoted:
			if (&syntax.Word{Parts: part.Parts}).Lit() == "" && len(part.Parts) > 0 {
				w.refuse(part.Pos(), regexpQuoted)
			}
		case *syntax.SglQuoted:
			if part.Dollar {
				w.refuse(part.Pos(), regexpQuoted)
			}
		case *syntax.ParamExp:
			for _, value := range w.known.written[part.Param.Value] {
				if !sameRegexp(value, w.known.matches) {
					w.refuse(part.Pos(), regexpDialect)
				}
			}
		}
	}
}

// sameRegexp says whether POSIX's extended expressions and RE2 read a piece of an expression alike, what it matches included. Groups
// that are kept make the alternatives matter: POSIX takes the longest, RE2 the first. (prefixFree says where that is one.)
func sameRegexp(s string, kept bool) bool {
	if kept && !prefixFree(s) {
		return false
	}
	for i := 0; i < len(s); i++ {
		rest := s[i:]
		switch c := s[i]; {
		case c == '\\':
			if i++; i == len(s) || strings.IndexByte(`.[]{}()*+?|^$/\ -_:;,"'@#%&=<>!~`+"`", s[i]) < 0 || s[i] == '<' || s[i] == '>' || s[i] == '`' || s[i] == '\'' {
				return i < len(s) && strings.IndexByte("swSWb", s[i]) >= 0 && sameRegexp(s[i+1:], kept)
			}
		case c == '[':
			n := bracket(rest)
			if n < 0 {
				return false
			}
			i += n - 1
		case strings.HasPrefix(rest, "(?"), strings.HasPrefix(rest, "(*"), strings.HasPrefix(rest, "(+"), strings.HasPrefix(rest, "(|"), strings.HasPrefix(rest, "|)"), strings.HasPrefix(rest, "()"), strings.HasPrefix(rest, "||"):
			return false
		case (c == '*' || c == '+' || c == '?' || c == '}') && i+1 < len(s) && strings.IndexByte("*+?{", s[i+1]) >= 0:
			return false
		case (c == '*' || c == '+' || c == '?') && (i == 0 || s[i-1] == '^' && (i < 2 || s[i-2] != '\\')):
			return false
		case c == '{':
			n := strings.IndexByte(rest, '}')
			if n < 2 || rest[1] == ',' || strings.Trim(rest[1:n], "0123456789,") != "" || strings.Count(rest[1:n], ",") > 1 || n > 8 {
				return false
			}
			i += n - 1
		}
	}
	return true
}

// bracket is how long a bracket expression is that both read alike.
func bracket(s string) int {
	i := 1
	if i < len(s) && s[i] == '^' {
		i++
	}
	if i < len(s) && s[i] == ']' {
		return -1
	}
	for ; i < len(s); i++ {
		switch {
		case s[i] == ']':
			return i + 1
		case s[i] == '\\':
			return -1
		case strings.HasPrefix(s[i:], "[:"):
			end := strings.Index(s[i:], ":]")
			if end < 0 || s[i:i+end] == "[:<" {
				return -1
			}
			i += end + 1
		case s[i] == '[':
			return -1
		}
	}
	return -1
}
