package admit

import (
	"io"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"gatehouse/bastion/shell/wire"
)

// Command is one complete command of a script: all that bash reads before it runs anything of it.
type Command struct {
	Text   string
	Parsed string       // the text whose offsets File has: Text, behind as many empty lines as LINENO wants
	File   *syntax.File // nil where it is refused
	Line   int          // of the script, from 1, that it begins on
}

// Reader reads a script command by command, as bash does: the first runs before the next is read, and a fault in the third stops neither.
// What earlier commands say of functions and variables counts for the later ones.
type Reader struct {
	from io.Reader
	in   Place
	line int

	known known
}

// maxAgain is how many bytes are parsed, altogether, to see where one command ends.
const maxAgain = 8 << 20

// Script reads a script from r, from which it takes no byte beyond the line that ends a command: what follows is the command's own to read.
// An r that is an io.ByteReader is read by that; another by single bytes.
func Script(r io.Reader, in Place) *Reader {
	in.piece = true
	return &Reader{from: r, in: in, line: 1, known: newKnown()}
}

// Next is the next command. What is refused comes with its text; io.EOF is the end. A script that ends within a command is refused.
func (s *Reader) Next() (Command, *wire.Refused, error) {
	c := Command{Line: s.line}
	var text strings.Builder
	again, missing := 0, ""
	for {
		line, err := s.readLine()
		text.WriteString(line)
		c.Text = text.String()
		if err != nil && (err != io.EOF || c.Text == "") {
			return c, nil, err
		}
		s.line += strings.Count(line, "\n")
		if err == nil && text.Len() <= MaxText && !mayEnd(line, missing) {
			continue
		}
		if again += text.Len(); again > maxAgain {
			return c, refuse(len(c.Text), longText), nil
		}
		more := false
		if more, missing = unfinished(c.Text, s.in); err == nil && more {
			continue
		}
		if err == nil && strings.TrimSpace(c.Text) == "" {
			text.Reset()
			c.Line = s.line
			continue
		}
		refused := s.admit(&c)
		return c, refused, nil
	}
}

// maxLineNumber is how far down a script LINENO is known.
const maxLineNumber = 64 << 10

// admit judges a command by what is known of the script so far.
func (s *Reader) admit(c *Command) *wire.Refused {
	if refused := bound(c.Text); refused != nil {
		return refused
	}
	above := 0
	if strings.Contains(c.Text, "LINENO") {
		if above = c.Line - 1; above > maxLineNumber {
			return refuseText(syntax.Pos{}, notUnderstood, "LINENO is not known so far down a script")
		}
	}
	c.Parsed = strings.Repeat("\n", above) + c.Text
	file, refused := tree(c.Parsed, s.in)
	if refused == nil {
		s.known.add(file)
		w := &walker{text: c.Parsed, in: s.in, known: s.known}
		refused = w.file(file)
	}
	if refused != nil {
		refused.Column = max(refused.Column-above, 1)
		return refused
	}
	repair(file, s.in, s.known)
	s.known.passed()
	c.File = file
	return nil
}

// readLine reads a line with its end, or what is left. It stops at the bound of a text.
func (s *Reader) readLine() (string, error) {
	var line []byte
	for len(line) <= MaxText {
		b, err := s.readByte()
		if err != nil {
			return string(line), err
		}
		if line = append(line, b); b == '\n' {
			break
		}
	}
	return string(line), nil
}

func (s *Reader) readByte() (byte, error) {
	if r, ok := s.from.(io.ByteReader); ok {
		return r.ReadByte()
	}
	var one [1]byte
	_, err := io.ReadFull(s.from, one[:])
	return one[0], err
}

// Incomplete says whether more input may make a whole command of a text that ends with a line: a prompt then shows PS2. A text that is
// refused whatever follows is not incomplete.
func Incomplete(text string, in Place) bool {
	more, _ := unfinished(text, in)
	return more
}

// unfinished is Incomplete, and what a later line must have so that the text may be whole: "" where that is not known.
func unfinished(text string, _ Place) (more bool, missing string) {
	if bound(text) != nil {
		return false, ""
	}
	_, err := parse(text, syntax.LangBash)
	if err != nil {
		return documentOpen(err) || syntax.IsIncomplete(err), missingIn(err)
	}
	return continued(text), ""
}

// documentOpen says whether a here-document's end is missing.
func documentOpen(err error) bool { return strings.Contains(err.Error(), "unclosed here-document") }

// missingIn is what the parser says that it has not found: the last word of its message, behind a newline where it is a whole line.
func missingIn(err error) string {
	said := err.Error()
	if _, stop, document := strings.Cut(said, "unclosed here-document "); document {
		word, fail := strconv.Unquote(stop)
		if fail != nil {
			return ""
		}
		return "\n" + word
	}
	word, fail := strconv.Unquote(said[strings.LastIndexByte(said, ' ')+1:])
	if fail != nil {
		return ""
	}
	return word
}

// mayEnd says whether a line has what is missing.
func mayEnd(line, missing string) bool {
	if stop, document := strings.CutPrefix(missing, "\n"); document {
		return strings.TrimLeft(strings.TrimSuffix(line, "\n"), "\t") == stop
	}
	switch missing {
	case "":
		return true
	case "}", "fi", "done", "esac":
	default:
		return strings.Contains(line, missing) || strings.HasSuffix(line, "\\\n")
	}
	for at := 0; ; at++ {
		i := strings.Index(line[at:], missing)
		if i < 0 {
			return strings.HasSuffix(line, "\\\n")
		}
		if at += i; at == 0 || strings.IndexByte(" \t;&|()`", line[at-1]) >= 0 {
			return true
		}
	}
}

// continued says whether a text's last line ends in a backslash that is no comment's.
func continued(text string) bool {
	line, ok := strings.CutSuffix(text, "\n")
	if !ok {
		return false
	}
	backslashes := len(line) - len(strings.TrimRight(line, `\`))
	if backslashes%2 == 0 {
		return false
	}
	file, err := parse(line[:len(line)-1]+"x\n", syntax.LangBash)
	if err != nil {
		return false
	}
	ends := true
	syntax.Walk(file, func(n syntax.Node) bool {
		if c, ok := n.(*syntax.Comment); ok && int(c.End().Offset()) >= len(line)-1 {
			ends = false
		}
		return true
	})
	return ends
}
