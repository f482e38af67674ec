package shell

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// The bounds of what is read before the parser sees anything.
const (
	maxSteps = 8192 // runs of unquoted bytes between blanks, operators included, and so the parser's recursion over keywords
	maxNest  = 16   // parentheses and braces that are open at once
)

// scanner reads a line once, knowing only quotes, backslashes, here-documents and the operators that it lets through.
// Until the first refusal it is always right about what is quoted, because everything else that could change that is
// itself refused. What it read must be what mvdan.cc/sh reads (agree.go).
type scanner struct {
	line    string
	at      int
	steps   int
	nest    int
	begin   bool // a command may begin here, so that { would open a group
	adjoins bool // a word ended just before
	pending []*hereDoc
	found   tokens
}

// tokens is what a scanner found, by offset.
type tokens struct {
	words     map[int]*token
	joints    map[int]string // | && ||
	redirs    map[int]string
	opens     map[int]byte // ( and {
	documents map[int]*hereDoc
}

// token is one word: where it ends, and its characters.
type token struct {
	end   int
	chars []char
}

// char is a piece of a word, mostly one character.
type char struct {
	text   string
	at     int  // offset in the line
	quoted bool // it means itself
	escape bool // by a backslash outside quotes
	home   bool // $HOME or ${HOME}
}

// hereDoc is a here-document: its delimiter's word, and its body once it is read.
type hereDoc struct {
	delimiter *token
	tabs      bool // <<-
	body      string
}

// scan refuses a line that has characters which deceive, or anything that is not let through.
func scan(line string) (tokens, error) {
	if err := scanCharacters(line); err != nil {
		return tokens{}, err
	}
	s := &scanner{line: line, begin: true, found: tokens{map[int]*token{}, map[int]string{}, map[int]string{}, map[int]byte{}, map[int]*hereDoc{}}}
	for s.at < len(line) {
		if err := s.step(); err != nil {
			return tokens{}, err
		}
	}
	if len(s.pending) > 0 {
		return tokens{}, s.refuse("here-document", "its text and the line that ends it are missing")
	}
	return s.found, nil
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

// step reads a blank, an operator or a word.
func (s *scanner) step() error {
	if s.steps++; s.steps > maxSteps {
		return s.refuse("long line", "a line has at most 4096 words")
	}
	adjoins := s.adjoins
	s.adjoins = false
	start := s.at
	switch c := s.line[start]; c {
	case ' ', '\t':
		s.at++
		return nil
	case '\n':
		s.at++
		s.begin = true
		return s.documents()
	case ';', '|', '&':
		return s.operator()
	case '(':
		return s.open(adjoins)
	case ')':
		s.at++
		s.begin = true
		s.nest = max(s.nest-1, 0)
		return nil
	case '<', '>':
		return s.redirection(s.at)
	case '#': // a word that it is a part of has read it
		return s.comment()
	case '\\':
		if strings.HasPrefix(s.line[start:], "\\\n") { // between words it is a blank
			s.at += 2
			return nil
		}
	}
	return s.wordOrDescriptor()
}

// comment reads up to the end of the line. A backslash there says nothing to shells, but the parser takes it for more.
func (s *scanner) comment() error {
	text, _, _ := strings.Cut(s.line[s.at:], "\n")
	if strings.HasSuffix(text, `\`) {
		return s.refuse("comment", "it cannot end with a backslash")
	}
	s.at += len(text)
	return nil
}

// operator reads one of the operators that join commands.
func (s *scanner) operator() error {
	rest := s.line[s.at:]
	switch {
	case strings.HasPrefix(rest, "&&"), strings.HasPrefix(rest, "||"):
		s.found.joints[s.at] = rest[:2]
		s.at++
	case strings.HasPrefix(rest, "&>"):
		return s.redirection(s.at)
	case rest[0] == '&':
		return s.refuse("background", "a command cannot be left running; for both to succeed write &&")
	case strings.HasPrefix(rest, "|&"):
		return s.refuse("|&", "write 2>&1 | instead")
	case strings.HasPrefix(rest, ";;"), strings.HasPrefix(rest, ";&"):
		return s.refuse("case terminator", "commands are separated by one ;")
	case rest[0] == '|':
		s.found.joints[s.at] = "|"
	}
	s.at++
	s.begin = true
	return nil
}

// open reads a parenthesis that begins a group.
func (s *scanner) open(adjoins bool) error {
	switch {
	case strings.HasPrefix(s.line[s.at:], "(("):
		return s.refuse("arithmetic", "for a group in a group write ( (")
	case adjoins:
		return s.refuse("parenthesis", "functions, arrays and extended globs are not accepted; quoted it would be literal")
	}
	return s.opened('(')
}

func (s *scanner) opened(c byte) error {
	if s.nest++; s.nest > maxNest {
		return s.refuse("nesting", "groups are nested at most 16 deep")
	}
	s.found.opens[s.at] = c
	s.at++
	s.begin = true
	return nil
}

// redirections are the operators that are read, the longest first. What is false is refused by name.
var redirections = []struct {
	text string
	ok   bool
	name string
}{
	{"&>>", true, ""}, {"&>", true, ""},
	{"<<<", true, ""}, {"<<-", true, ""}, {"<<", true, ""},
	{"<(", false, "process substitution"}, {">(", false, "process substitution"},
	{"<>", false, "redirection <>"}, {"<&", false, "redirection <&"}, {">|", false, "redirection >|"},
	{">>", true, ""}, {">&", true, ""}, {"<", true, ""}, {">", true, ""},
}

// redirection reads an operator whose descriptor, if any, begins at from, and the word behind it.
func (s *scanner) redirection(from int) error {
	for _, r := range redirections {
		if !strings.HasPrefix(s.line[s.at:], r.text) {
			continue
		}
		if !r.ok {
			return &Refusal{r.name, s.at + 1, "only <, >, >>, &>, 2>&1, >&2, << and <<< are accepted; quoted it would be literal"}
		}
		s.found.redirs[s.at] = s.line[from : s.at+len(r.text)]
		at := s.at
		s.begin = false
		s.at += len(r.text)
		for s.at < len(s.line) && (s.line[s.at] == ' ' || s.line[s.at] == '\t') {
			s.at++
		}
		if s.at == len(s.line) || strings.IndexByte("\n;|&<>()", s.line[s.at]) >= 0 {
			return s.refuse("redirection", "the file's name is missing")
		}
		start := s.at
		word, err := s.word()
		if err != nil {
			return err
		}
		if after := s.line[s.at:] + " "; strings.Trim(s.line[start:s.at], "0123456789") == "" && (after[0] == '<' || after[0] == '>') {
			return disagree(start) // bash takes the number for a descriptor
		}
		if r.text == "<<" || r.text == "<<-" {
			doc := &hereDoc{delimiter: word, tabs: r.text == "<<-"}
			s.found.documents[at] = doc
			s.pending = append(s.pending, doc)
		}
		return nil
	}
	return s.refuse("redirection", "it is not understood")
}

// wordOrDescriptor reads a word, the number before a redirection, or a brace that stands for a group.
func (s *scanner) wordOrDescriptor() error {
	rest := s.line[s.at:]
	if digits := len(rest) - len(strings.TrimLeft(rest, "0123456789")); digits > 0 && digits < len(rest) && (rest[digits] == '<' || rest[digits] == '>') {
		from := s.at
		s.at += digits
		return s.redirection(from)
	}
	if s.begin && s.alone('{') {
		return s.opened('{')
	}
	if s.begin && s.alone('}') {
		s.at++
		s.nest = max(s.nest-1, 0)
		return nil // begin stays: } may follow }
	}
	if s.begin && s.alone('!') && strings.IndexByte("()<>;|&", (s.line + " ")[s.at+1]) < 0 {
		s.at++
		return nil // begin stays: a command follows
	}
	s.begin = false
	_, err := s.word()
	return err
}

// alone reports whether the current byte is c and a whole word.
func (s *scanner) alone(c byte) bool {
	next := s.at + 1
	return s.line[s.at] == c && (next == len(s.line) || strings.IndexByte(" \t\n;|&()<>", s.line[next]) >= 0)
}

// documents reads the bodies of the here-documents of the line that just ended.
func (s *scanner) documents() error {
	for _, doc := range s.pending {
		if err := s.document(doc); err != nil {
			return err
		}
	}
	s.pending = nil
	return nil
}

func (s *scanner) document(doc *hereDoc) error {
	end, quoted := "", false
	for _, c := range doc.delimiter.chars {
		if c.home {
			return &Refusal{"here-document", c.at + 1, "the word that ends it is literal"}
		}
		end += c.text
		quoted = quoted || c.quoted
	}
	var body strings.Builder
	for s.at < len(s.line) {
		line, _, ended := strings.Cut(s.line[s.at:], "\n")
		start := s.at
		s.at = min(s.at+len(line)+1, len(s.line))
		if doc.tabs {
			line = strings.TrimLeft(line, "\t")
		}
		if line == end {
			doc.body = body.String()
			return nil
		}
		if i := strings.IndexAny(line, "$`\\"); !quoted && i >= 0 {
			return &Refusal{"here-document", start + strings.Index(s.line[start:], line) + i + 1, "something expands in it: quote the word after <<"}
		}
		if body.WriteString(line); ended {
			body.WriteByte('\n')
		}
	}
	return s.refuse("here-document", "the line that ends it is missing")
}

func (s *scanner) refuse(construct, reason string) error {
	return &Refusal{construct, s.at + 1, reason}
}
