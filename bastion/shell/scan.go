package shell

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxWords bounds the runs of unquoted bytes between blanks, operators included, and so the parser's recursion over keywords.
const maxWords = 8192

// scanner reads a line once, knowing only quotes and backslashes. Until the first refusal it is always right about what is
// quoted, because everything that could change that (expansions, here-documents, comments) is itself refused.
type scanner struct {
	line  string
	at    int
	words int
}

// scan refuses a line that has characters which deceive, or anything that expands, redirects, groups or nests.
func scan(line string) error {
	if err := scanCharacters(line); err != nil {
		return err
	}
	s := &scanner{line: line}
	for s.at < len(line) {
		if err := s.unquoted(); err != nil {
			return err
		}
	}
	return nil
}

// scanCharacters looks at every character, quoted or not.
func scanCharacters(line string) error {
	for i, r := range line {
		switch {
		case r == '\t' || r == '\n':
		case r == utf8.RuneError && !strings.HasPrefix(line[i:], "\uFFFD"):
			return &Refusal{"invalid UTF-8", i + 1, "a line is UTF-8"}
		case r == 0:
			return &Refusal{"NUL", i + 1, "no argument can hold it"}
		case unicode.IsControl(r):
			return &Refusal{"control character", i + 1, "only tab and newline are accepted; programs can send the exact argv instead"}
		case unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp):
			return &Refusal{"invisible character", i + 1, "format, bidirectional and separator characters deceive whoever reads the line"}
		}
	}
	return nil
}

// unquoted reads one step of unquoted text: a character, an escape or a whole quoted string.
func (s *scanner) unquoted() error {
	rest := s.line[s.at:]
	switch c := rest[0]; c {
	case '\\':
		return s.escape()
	case '\'':
		return s.singleQuoted()
	case '"':
		return s.doubleQuoted()
	case ' ', '\t', '\n', ';', '|', '&':
		return s.operator(rest)
	case '#':
		if s.wordStart() {
			return s.refuse("comment", "quote the #, or leave the comment out")
		}
	case '~':
		if s.wordStart() || strings.IndexByte("=:", s.line[s.at-1]) >= 0 {
			return s.refuse("tilde expansion", "write the path in full, or quote the ~")
		}
	case '$', '`':
		if construct := expansion(rest, true); construct != "" {
			return s.refuse(construct, "only literal words are accepted; in single quotes it would be literal")
		}
	default:
		if construct := forbidden(rest); construct != "" {
			return s.refuse(construct, "only literal words, |, &&, || and ; are accepted; quoted it would be literal")
		}
		if r, size := utf8.DecodeRuneInString(rest); r >= utf8.RuneSelf {
			if unicode.IsSpace(r) {
				return s.refuse("non-ASCII space", "it separates nothing: use a space, or quote it")
			}
			s.at += size - 1
		}
	}
	s.at++
	return nil
}

// forbidden names the construct that an unquoted character begins, if it begins one.
func forbidden(rest string) string {
	next := byte(0)
	if len(rest) > 1 {
		next = rest[1]
	}
	switch rest[0] {
	case '*', '?', '[':
		return "glob"
	case '{', '}':
		return "brace"
	case '(', ')':
		return "parenthesis"
	case '<', '>':
		switch {
		case next == '(':
			return "process substitution"
		case strings.HasPrefix(rest, "<<<"):
			return "here-string"
		case strings.HasPrefix(rest, "<<"):
			return "here-document"
		}
		return "redirection"
	}
	return ""
}

// expansion names what a $ or ` begins; a $ that begins nothing is a literal.
func expansion(rest string, unquoted bool) string {
	if rest[0] == '`' {
		return "command substitution"
	}
	if len(rest) == 1 {
		return ""
	}
	switch c := rest[1]; {
	case c == '\'' && unquoted:
		return "ANSI-C quoting"
	case c == '"' && unquoted:
		return "locale quoting"
	case strings.HasPrefix(rest, "$((") || c == '[':
		return "arithmetic expansion"
	case c == '(':
		return "command substitution"
	case c == '{' || c == '_' || strings.IndexByte("@*#?$!-", c) >= 0,
		c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
		return "parameter expansion"
	}
	return ""
}

// operator reads a blank or one of the operators.
func (s *scanner) operator(rest string) error {
	size := 1
	switch {
	case strings.HasPrefix(rest, "&&"), strings.HasPrefix(rest, "||"):
		size = 2
	case strings.HasPrefix(rest, "&>"):
		return s.refuse("redirection", "quoted it would be literal")
	case rest[0] == '&':
		return s.refuse("background", "a command cannot be left running; for both to succeed write &&")
	case strings.HasPrefix(rest, "|&"):
		return s.refuse("|&", "standard error cannot be piped: write |")
	case strings.HasPrefix(rest, ";;"), strings.HasPrefix(rest, ";&"):
		return s.refuse("case terminator", "commands are separated by one ;")
	}
	s.at += size
	s.words++
	if s.words > maxWords {
		return s.refuse("long line", "a line has at most 4096 words")
	}
	return nil
}

func (s *scanner) escape() error {
	_, size := utf8.DecodeRuneInString(s.line[s.at+1:])
	switch {
	case size == 0:
		return s.refuse("trailing backslash", "it escapes nothing")
	case s.line[s.at+1] == '\n':
		return s.refuse("line continuation", "write the command on one line")
	}
	s.at += 1 + size
	return nil
}

func (s *scanner) singleQuoted() error {
	length := strings.IndexByte(s.line[s.at+1:], '\'')
	if length < 0 {
		return s.refuse("open quote", "the ' is never closed")
	}
	s.at += length + 2
	return nil
}

func (s *scanner) doubleQuoted() error {
	open := s.at
	for s.at++; s.at < len(s.line); s.at++ {
		switch s.line[s.at] {
		case '"':
			s.at++
			return nil
		case '$', '`':
			if construct := expansion(s.line[s.at:], false); construct != "" {
				return s.refuse(construct, "only literal words are accepted; in single quotes it would be literal")
			}
		case '\\':
			if strings.HasPrefix(s.line[s.at+1:], "\n") {
				return s.refuse("line continuation", "write the command on one line")
			}
			s.at++
		}
	}
	s.at = open
	return s.refuse("open quote", `the " is never closed`)
}

// wordStart reports whether the current byte begins a word.
func (s *scanner) wordStart() bool {
	return s.at == 0 || strings.IndexByte(" \t\n;|&", s.line[s.at-1]) >= 0
}

func (s *scanner) refuse(construct, reason string) error {
	return &Refusal{construct, s.at + 1, reason}
}
