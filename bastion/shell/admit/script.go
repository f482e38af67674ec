package admit

import (
	"io"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"gatehouse/bastion/shell/wire"
)

// Command is one complete command of a script: all that bash reads before it runs anything of it.
type Command struct {
	Text string
	File *syntax.File // nil where it is refused
	Line int          // of the script, from 1, that it begins on
}

// Reader reads a script command by command, as bash does: the first runs before the next is read, and a fault in the third stops neither.
type Reader struct {
	from io.Reader
	in   Place
	line int
}

// Script reads a script from r, from which it takes no byte beyond the line that ends a command: what follows is the command's own to read.
// An r that is an io.ByteReader is read by that; another by single bytes.
func Script(r io.Reader, in Place) *Reader { return &Reader{from: r, in: in, line: 1} }

// Next is the next command. What is refused comes with its text; io.EOF is the end. A script that ends within a command is refused.
func (s *Reader) Next() (Command, *wire.Refused, error) {
	c := Command{Line: s.line}
	var text strings.Builder
	for {
		line, err := s.readLine()
		text.WriteString(line)
		c.Text = text.String()
		if err != nil && (err != io.EOF || c.Text == "") {
			return c, nil, err
		}
		s.line += strings.Count(line, "\n")
		if err == nil && Incomplete(c.Text, s.in) {
			continue
		}
		if err == nil && strings.TrimSpace(c.Text) == "" {
			text.Reset()
			c.Line = s.line
			continue
		}
		file, refused := Admit(c.Text, s.in)
		c.File = file
		return c, refused, nil
	}
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
	if bound(text) != nil {
		return false
	}
	_, err := parse(text, syntax.LangBash)
	if err != nil {
		return syntax.IsIncomplete(err) || documentOpen(err)
	}
	return continued(text)
}

// documentOpen says whether a here-document's end is missing.
func documentOpen(err error) bool { return strings.Contains(err.Error(), "unclosed here-document") }

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
