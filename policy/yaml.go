package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// The bounds of a file's nesting; the YAML parser recurses, and is slow on deep text.
const (
	maxFlowDepth = 32 // [ … ] and { … } inside each other
	maxIndent    = 64 // columns
	maxEntries   = 8  // "- - -" on one line
)

// parseYAML reads one file as a syntax tree. It returns nil for a file without content.
func parseYAML(f File, found *problems) ast.Node {
	whole := place{file: f.Name}
	tokens := lexer.Tokenize(string(f.Data))
	if at, ok := tooDeep(tokens); ok {
		found.add(place{f.Name, at.Line, at.Column}, "this is nested too deeply for a policy")
		return nil
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		found.add(syntaxPlace(f.Name, err), "%s", syntaxMessage(err))
		return nil
	}
	if len(file.Docs) > 1 {
		found.add(whole, "a policy file is one YAML document, without --- between parts")
		return nil
	}
	if len(file.Docs) == 0 {
		return nil
	}
	return file.Docs[0].Body
}

// tooDeep reports the first token that is nested deeper than a policy ever is.
func tooDeep(tokens token.Tokens) (*token.Position, bool) {
	flow, entries, line := 0, 0, 0
	for _, t := range tokens {
		if t.Position.Line != line {
			line, entries = t.Position.Line, 0
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow = max(0, flow-1)
		case token.SequenceEntryType, token.MappingKeyType, token.AnchorType, token.TagType:
			entries++
			if t.Position.Column > maxIndent && flow == 0 {
				return t.Position, true
			}
		case token.MappingValueType:
			if t.Prev != nil && t.Prev.Position.Column > maxIndent && flow == 0 {
				return t.Position, true
			}
		}
		if flow > maxFlowDepth || entries > maxEntries {
			return t.Position, true
		}
	}
	return nil, false
}

// yamlError is what the YAML parser's errors have in common.
type yamlError interface {
	GetToken() *token.Token
	GetMessage() string
}

func syntaxPlace(file string, err error) place {
	var e yamlError
	if errors.As(err, &e) && e.GetToken() != nil {
		return place{file, e.GetToken().Position.Line, e.GetToken().Position.Column}
	}
	return place{file: file}
}

func syntaxMessage(err error) string {
	var e yamlError
	if errors.As(err, &e) {
		return "this is not YAML: " + e.GetMessage()
	}
	return "this is not YAML: " + err.Error()
}

// value is a node of a file, with what it is called in messages.
type value struct {
	reader *reader
	node   ast.Node
	what   string // "the roles of agent release-bot"
}

// reader reads the values of one file and gathers their problems.
type reader struct {
	file  string
	found *problems
}

// field is one key of a mapping.
type field struct {
	key string
	at  place
	value
}

func (v value) at() place {
	n := v.node
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 && !m.IsFlowStyle {
		n = m.Values[0].Key
	}
	if n == nil || n.GetToken() == nil {
		return place{file: v.reader.file}
	}
	p := n.GetToken().Position
	return place{v.reader.file, p.Line, p.Column}
}

func (v value) problem(format string, args ...any) {
	v.reader.found.add(v.at(), format, args...)
}

// expect says what should stand where something else does.
func (v value) expect(wanted string) {
	got := "something else"
	switch v.node.(type) {
	case nil, *ast.NullNode:
		got = "nothing"
	case *ast.MappingNode:
		got = "a mapping"
	case *ast.SequenceNode:
		got = "a list"
	case *ast.StringNode, *ast.LiteralNode:
		got = "text"
	case *ast.IntegerNode, *ast.FloatNode:
		got = "a number"
	case *ast.BoolNode:
		got = "a truth value"
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MergeKeyNode:
		got = "an anchor, alias or tag, which a policy does not use"
	}
	v.problem("%s must be %s, found %s", v.what, wanted, got)
}

// mapping returns the keys of a mapping in order; a key that stands there twice is a problem.
func (v value) mapping() []field {
	m, ok := v.node.(*ast.MappingNode)
	if !ok {
		v.expect("a mapping")
		return nil
	}
	var fields []field
	for _, entry := range m.Values {
		key, ok := entry.Key.(*ast.StringNode)
		if !ok {
			value{v.reader, entry.Key, "a key of " + v.what}.expect("plain text")
			continue
		}
		f := field{key: key.Value, value: value{v.reader, entry.Value, fmt.Sprintf("%s in %s", key.Value, v.what)}}
		f.at = value{v.reader, key, ""}.at()
		if i := slices.IndexFunc(fields, func(other field) bool { return other.key == f.key }); i >= 0 {
			v.reader.found.add(f.at, "%q stands in %s twice, first in line %d", f.key, v.what, fields[i].at.line)
			continue
		}
		fields = append(fields, f)
	}
	return fields
}

// fields hands the value of each key to its function; a key without one is a problem.
func (v value) fields(known map[string]func(value)) {
	for _, f := range v.mapping() {
		if read, ok := known[f.key]; ok {
			read(f.value)
			continue
		}
		names := make([]string, 0, len(known))
		for name := range known {
			names = append(names, name)
		}
		slices.Sort(names)
		v.reader.found.add(f.at, "%s has no field %q%s", v.what, f.key, didYouMean(f.key, names))
	}
}

func (v value) isMapping() bool { _, ok := v.node.(*ast.MappingNode); return ok }

func (v value) isList() bool { _, ok := v.node.(*ast.SequenceNode); return ok }

func (v value) isEmptyList() bool {
	s, ok := v.node.(*ast.SequenceNode)
	return ok && len(s.Values) == 0
}

// list returns the items of a list, which may not be empty.
func (v value) list() []value {
	s, ok := v.node.(*ast.SequenceNode)
	if !ok {
		v.expect("a list")
		return nil
	}
	if len(s.Values) == 0 {
		v.problem("%s is empty: leave it out, or list something", v.what)
	}
	items := make([]value, len(s.Values))
	for i, n := range s.Values {
		items[i] = value{v.reader, unsplit(n), "an item of " + v.what}
	}
	return items
}

// unsplit mends what the YAML parser breaks: in a list inside { }, it reads person:ann as a mapping, though no space follows
// the colon, which YAML calls one plain word.
func unsplit(n ast.Node) ast.Node {
	m, ok := n.(*ast.MappingNode)
	if !ok || m.IsFlowStyle || len(m.Values) != 1 {
		return n
	}
	key, colon, val := m.Values[0].Key.GetToken(), m.Values[0].Start, m.Values[0].Value.GetToken()
	if key.Type != token.StringType || slices.Contains([]token.Type{token.SingleQuoteType, token.DoubleQuoteType}, val.Type) ||
		key.Position.Column+utf8.RuneCountInString(key.Value) != colon.Position.Column ||
		val.Position.Line != colon.Position.Line || val.Position.Column != colon.Position.Column+1 {
		return n
	}
	whole := *key
	whole.Value = key.Value + ":" + val.Value
	return ast.String(&whole)
}

// text returns a text, which may not be empty.
func (v value) text() (string, bool) {
	var text string
	switch n := v.node.(type) {
	case *ast.StringNode:
		text = n.Value
	case *ast.LiteralNode:
		text = strings.TrimRight(n.Value.Value, "\n")
	default:
		v.expect("text (put it in quotes if it looks like something else)")
		return "", false
	}
	if strings.TrimSpace(text) == "" {
		v.problem("%s is empty", v.what)
		return "", false
	}
	return text, true
}

// word returns a text that is one of the known words.
func (v value) word(known ...string) (string, bool) {
	text, ok := v.text()
	if ok && !slices.Contains(known, text) {
		v.problem("%q cannot be %s%s", text, v.what, didYouMean(text, known))
		return "", false
	}
	return text, ok
}

// checked returns a text that valid accepts; shape says what that is.
func (v value) checked(valid func(string) bool, shape string) (string, bool) {
	text, ok := v.text()
	if ok && !valid(text) {
		v.problem("%q cannot be %s: %s", text, v.what, shape)
		return "", false
	}
	return text, ok
}

func (v value) boolean() bool {
	b, ok := v.node.(*ast.BoolNode)
	if !ok {
		v.expect("true or false")
		return false
	}
	return b.Value
}

func (v value) duration(limit time.Duration) (time.Duration, bool) {
	text, ok := v.text()
	if !ok {
		return 0, false
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Second || d > limit {
		v.problem("%q cannot be %s: write a duration such as 15m, from 1s to %s", text, v.what, limit)
		return 0, false
	}
	return d, true
}
