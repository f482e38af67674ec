package shell

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// word reads one word up to the blank or operator that ends it.
func (s *scanner) word() (*token, error) {
	start := s.at
	if s.line[s.at] == '#' {
		return nil, s.refuse("comment", "quote the #, or leave the comment out")
	}
	w := &token{}
	for s.at < len(s.line) && strings.IndexByte(" \t\n;|&()<>", s.line[s.at]) < 0 {
		chars, err := s.unquoted()
		if err != nil {
			return nil, err
		}
		w.chars = append(w.chars, chars...)
	}
	w.end = s.at
	s.found.words[start] = w
	s.adjoins = true
	return w, nil
}

// unquoted reads one step of a word outside quotes: a character, an escape, a quoted string or what stands for a literal.
func (s *scanner) unquoted() ([]char, error) {
	at := s.at
	switch s.line[at] {
	case '\\':
		return s.escaped()
	case '\'':
		return s.singleQuoted()
	case '"':
		return s.doubleQuoted()
	case '$', '`':
		c, err := s.dollar(false)
		return []char{c}, err
	}
	r, size := utf8.DecodeRuneInString(s.line[at:])
	if r >= utf8.RuneSelf && unicode.IsSpace(r) {
		return nil, s.refuse("non-ASCII space", "it separates nothing: use a space, or quote it")
	}
	s.at += size
	return []char{{text: s.line[at:s.at], at: at}}, nil
}

func (s *scanner) escaped() ([]char, error) {
	at := s.at
	_, size := utf8.DecodeRuneInString(s.line[at+1:])
	switch {
	case size == 0:
		return nil, s.refuse("trailing backslash", "it escapes nothing")
	case s.line[at+1] == '\n':
		return nil, s.refuse("line continuation", "write the command on one line")
	}
	s.at += 1 + size
	return []char{{text: s.line[at+1 : s.at], at: at + 1, quoted: true, escape: true}}, nil
}

// singleQuoted reads a string in single quotes. An empty one is a character without text: it makes a word of nothing.
func (s *scanner) singleQuoted() ([]char, error) {
	open := s.at + 1
	length := strings.IndexByte(s.line[open:], '\'')
	if length < 0 {
		return nil, s.refuse("open quote", "the ' is never closed")
	}
	s.at = open + length + 1
	return literal(s.line[open:open+length], open), nil
}

// literal makes quoted characters of a text that begins at an offset, behind its quote.
func literal(text string, at int) []char {
	chars := []char{{at: at - 1, quoted: true}}
	for i, r := range text {
		chars = append(chars, char{text: string(r), at: at + i, quoted: true})
	}
	return chars
}

func (s *scanner) doubleQuoted() ([]char, error) {
	open := s.at
	s.at++
	chars := []char{}
	for s.at < len(s.line) {
		at := s.at
		switch s.line[at] {
		case '"':
			s.at++
			if len(chars) == 0 {
				chars = literal("", at) // the first quote is just before
			}
			return chars, nil
		case '$', '`':
			c, err := s.dollar(true)
			if err != nil {
				return nil, err
			}
			chars = append(chars, c)
			continue
		case '\\':
			next := s.line[at+1:]
			if strings.HasPrefix(next, "\n") {
				return nil, s.refuse("line continuation", "write the command on one line")
			}
			if next != "" && strings.IndexByte("$`\"\\", next[0]) >= 0 {
				at++
			}
		}
		_, size := utf8.DecodeRuneInString(s.line[at:])
		s.at = at + size
		chars = append(chars, char{text: s.line[at:s.at], at: at, quoted: true})
	}
	s.at = open
	return nil, s.refuse("open quote", `the " is never closed`)
}

// dollar reads what a $ or ` begins: $HOME, an echo of a literal, or nothing, which is the $ itself.
func (s *scanner) dollar(quoted bool) (char, error) {
	at, rest := s.at, s.line[s.at:]
	for _, name := range []string{"${HOME}", "$HOME"} {
		if strings.HasPrefix(rest, name) && (name[1] == '{' || !nameByte(rest[len(name):])) {
			s.at += len(name)
			return char{text: name, at: at, home: true, quoted: quoted}, nil
		}
	}
	construct, advice := expansion(rest, !quoted)
	switch construct {
	case "":
		s.at++
		return char{text: "$", at: at, quoted: true}, nil
	case "command substitution":
		text, length, ok := foldEcho(rest, quoted)
		if !ok {
			break
		}
		s.at += length
		return char{text: text, at: at, quoted: true}, nil
	}
	return char{}, s.refuse(construct, advice)
}

// nameByte reports whether the text begins with a character that goes on with a variable's name.
func nameByte(text string) bool {
	return text != "" && (text[0] == '_' || text[0] >= '0' && text[0] <= '9' || text[0] >= 'a' && text[0] <= 'z' || text[0] >= 'A' && text[0] <= 'Z')
}

// expansion names what a $ or ` begins and says what to write instead; a $ that begins nothing is a literal.
func expansion(rest string, unquoted bool) (construct, advice string) {
	const literally = "; in single quotes it would be literal"
	if rest[0] == '`' {
		return "command substitution", "run the command first and write its output, or join the commands by a pipe or xargs" + literally
	}
	if len(rest) == 1 {
		return "", ""
	}
	switch c := rest[1]; {
	case c == '\'' && unquoted:
		return "ANSI-C quoting", "use plain quotes; programs can send the exact argv instead"
	case c == '"' && unquoted:
		return "locale quoting", "use plain quotes"
	case strings.HasPrefix(rest, "$((") || c == '[':
		return "arithmetic expansion", "write the result" + literally
	case c == '(':
		return "command substitution", "run the command first and write its output, or join the commands by a pipe or xargs" + literally
	case c == '{' || strings.IndexByte("@*#?$!-", c) >= 0 || nameByte(rest[1:]):
		return "parameter expansion", "write the value; of variables only $HOME is known, at the beginning of a word" + literally
	}
	return "", ""
}

// foldEcho reads $(echo WORDS) or the same in backquotes, where the words are literal without backslashes and begin with
// no -, and returns what it stands for. Outside double quotes that must be one word that nothing expands.
func foldEcho(rest string, quoted bool) (text string, length int, ok bool) {
	end := byte('`')
	i := 1
	if rest[0] == '$' {
		end, i = ')', 2
	}
	var words []string
	for {
		blank := i
		for i < len(rest) && (rest[i] == ' ' || rest[i] == '\t') {
			i++
		}
		if i == len(rest) {
			return "", 0, false
		}
		if rest[i] == end {
			break
		}
		if i == blank && len(words) > 0 {
			return "", 0, false
		}
		word, size := echoWord(rest[i:])
		if size == 0 {
			return "", 0, false
		}
		words, i = append(words, word), i+size
	}
	if len(words) == 0 || words[0] != "echo" || len(words) > 1 && strings.HasPrefix(words[1], "-") {
		return "", 0, false
	}
	text = strings.TrimRight(strings.Join(words[1:], " "), "\n")
	if !quoted && (text == "" || strings.ContainsAny(text, " \t\n*?[]")) {
		return "", 0, false
	}
	return text, i + 1, true
}

// echoWord reads a word of plain characters and single quotes.
func echoWord(rest string) (word string, size int) {
	var b strings.Builder
	for i := 0; i < len(rest); {
		c := rest[i]
		switch {
		case c == '\'':
			text, _, closed := strings.Cut(rest[i+1:], "'")
			if !closed || strings.ContainsAny(text, "\\`") {
				return "", 0
			}
			b.WriteString(text)
			i += len(text) + 2
		case nameByte(rest[i:]) || strings.IndexByte("./:=,@%+-", c) >= 0:
			b.WriteByte(c)
			i++
		default:
			return b.String(), i
		}
	}
	return b.String(), len(rest)
}
