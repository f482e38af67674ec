package config

import (
	"bytes"
	"fmt"

	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"
)

// The bounds of a text's shape, far above what a configuration needs: without them a text of a few kilobytes makes the parser take all memory.
const (
	maxNesting     = 32
	maxYAMLAliases = 8        // each may multiply what another stands for
	maxLine        = 64 << 10 // of a line: the lexer's time grows with its square
)

// CheckShape refuses a text that is nested too deep, or that aliases make far larger than it is. It is called before a text is parsed.
func CheckShape(name string, data []byte) error {
	at := &Error{File: name, Line: 1, Column: 1}
	if len(data) > maxFile {
		at.Msg = fmt.Sprintf("larger than %d bytes", maxFile)
		return at
	}
	for line := range bytes.Lines(data) {
		if len(line) > maxLine {
			at.Msg = fmt.Sprintf("a line of more than %d bytes", maxLine)
			return at
		}
		at.Line++
	}
	s := shape{}
	for _, t := range lexer.Tokenize(string(data)) {
		if why := s.next(t); why != "" {
			at.Line, at.Column, at.Msg = t.Position.Line, t.Position.Column, why
			return at
		}
	}
	return nil
}

// shape is what was seen of a text so far.
type shape struct {
	flow    int // brackets and braces that are open
	run     int // entries that begin on one line, each in the one before
	line    int
	aliases int
	anchors int
}

// next says what is wrong with the text at a token, or nothing.
func (s *shape) next(t *token.Token) string {
	if t.Position.Line != s.line {
		s.line, s.run = t.Position.Line, 0
	}
	switch t.Type {
	case token.MappingStartType, token.SequenceStartType:
		s.flow++
	case token.MappingEndType, token.SequenceEndType:
		s.flow--
	case token.SequenceEntryType, token.MappingKeyType:
		s.run++
	case token.AnchorType:
		s.anchors++
	case token.AliasType:
		s.aliases++
	}
	switch {
	case s.flow > maxNesting || s.run > maxNesting || (t.Position.IndentNum > 2*maxNesting && t.Position.IndentLevel > maxNesting):
		return fmt.Sprintf("nested deeper than %d", maxNesting)
	case s.aliases > maxYAMLAliases || s.anchors > maxYAMLAliases:
		return fmt.Sprintf("more than %d anchors or aliases", maxYAMLAliases)
	}
	return ""
}
