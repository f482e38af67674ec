package lab

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"gatehouse/policy"
)

// errByHand says that a piece of YAML is written in a way that is not edited here.
var errByHand = errors.New("this must be edited by hand")

// document is a YAML file with the edits to be made in it. The text is changed where the edits are and nowhere else, so that
// comments and layout stay.
type document struct {
	text  string
	lines []int // byte offsets of the lines' beginnings
	root  *ast.MappingNode
	edits []edit
}

// edit replaces the bytes from start to end.
type edit struct {
	start, end int
	with       string
}

func parseDocument(text []byte) (*document, error) {
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, err
	}
	d := &document{text: string(text), lines: []int{0}}
	for i := range d.text {
		if d.text[i] == '\n' {
			d.lines = append(d.lines, i+1)
		}
	}
	if len(file.Docs) == 1 {
		d.root, _ = file.Docs[0].Body.(*ast.MappingNode)
	}
	return d, nil
}

// apply makes the edits. They do not overlap.
func (d *document) apply() string {
	slices.SortStableFunc(d.edits, func(a, b edit) int { return a.start - b.start })
	var b strings.Builder
	at := 0
	for _, e := range d.edits {
		if e.start < at {
			continue // inside of what is removed
		}
		b.WriteString(d.text[at:e.start])
		b.WriteString(e.with)
		at = e.end
	}
	b.WriteString(d.text[at:])
	return b.String()
}

// entry finds a key of a mapping.
func entry(m *ast.MappingNode, key string) *ast.MappingValueNode {
	if m == nil {
		return nil
	}
	for _, v := range m.Values {
		if k, ok := v.Key.(*ast.StringNode); ok && k.Value == key {
			return v
		}
	}
	return nil
}

// mappingAt follows keys through mappings.
func (d *document) mappingAt(keys ...string) *ast.MappingNode {
	m := d.root
	for _, key := range keys {
		e := entry(m, key)
		if e == nil {
			return nil
		}
		m, _ = e.Value.(*ast.MappingNode)
	}
	return m
}

// offset is the byte at which a token begins. Columns count characters.
func (d *document) offset(t *token.Token) int {
	line := min(t.Position.Line, len(d.lines)) - 1
	at := d.lines[line]
	for range t.Position.Column - 1 {
		if at >= len(d.text) || d.text[at] == '\n' {
			break
		}
		_, size := utf8.DecodeRuneInString(d.text[at:])
		at += size
	}
	return at
}

// scalar is the span of a text that stands on one line, and whether it is quoted.
func (d *document) scalar(n ast.Node) (start, end int, quote byte, err error) {
	s, ok := n.(*ast.StringNode)
	if !ok {
		return 0, 0, 0, errByHand
	}
	t := s.GetToken()
	start = d.offset(t)
	if t.Type == token.StringType {
		if !strings.HasPrefix(d.text[start:], t.Value) || strings.Contains(t.Value, "\n") {
			return 0, 0, 0, errByHand
		}
		return start, start + len(t.Value), 0, nil
	}
	quote = d.text[start]
	if quote != '"' && quote != '\'' {
		return 0, 0, 0, errByHand
	}
	end = closing(d.text, start)
	if end < 0 || strings.Contains(d.text[start:end], "\n") {
		return 0, 0, 0, errByHand
	}
	return start, end, quote, nil
}

// closing is the byte after the quote that closes the one at start, -1 if there is none.
func closing(text string, start int) int {
	quote := text[start]
	for i := start + 1; i < len(text); i++ {
		switch {
		case quote == '"' && text[i] == '\\':
			i++
		case text[i] == quote && quote == '\'' && i+1 < len(text) && text[i+1] == quote:
			i++
		case text[i] == quote:
			return i + 1
		}
	}
	return -1
}

// setText replaces a text.
func (d *document) setText(n ast.Node, value string) error {
	start, end, quote, err := d.scalar(n)
	if err != nil {
		return err
	}
	with := strconv.Quote(value) // YAML has the same escapes
	if quote == '\'' && !strings.Contains(value, "'") {
		with = "'" + value + "'"
	}
	d.edits = append(d.edits, edit{start, end, with})
	return nil
}

// removeItems takes items out of the list that a key has; with all of them the key goes too, unless something takes their place.
func (d *document) removeItems(m *ast.MappingNode, key string, gone map[int]bool, replaced bool) error {
	e := entry(m, key)
	if e == nil || len(gone) == 0 {
		return nil
	}
	list, ok := e.Value.(*ast.SequenceNode)
	if !ok {
		return errByHand
	}
	if list.IsFlowStyle {
		spans, err := d.spans(d.offset(list.Start), len(list.Values))
		if err != nil {
			return err
		}
		if len(gone) == len(list.Values) && !replaced {
			return d.removeKey(m, e)
		}
		d.removeSpans(spans, gone)
		return nil
	}
	for i, item := range list.Entries {
		if gone[i] {
			start, end := d.block(item.Start)
			d.edits = append(d.edits, edit{start, end, ""})
		}
	}
	if len(gone) == len(list.Values) && !replaced {
		return d.removeKey(m, e)
	}
	return nil
}

// removeKey takes a key and its value out of a mapping.
func (d *document) removeKey(m *ast.MappingNode, e *ast.MappingValueNode) error {
	if !m.IsFlowStyle {
		start, end := d.block(e.Key.GetToken())
		d.edits = slices.DeleteFunc(d.edits, func(inner edit) bool { return inner.start >= start && inner.end <= end })
		if list, ok := e.Value.(*ast.SequenceNode); ok && !list.IsFlowStyle && len(list.Entries) > 0 {
			_, end = d.block(list.Entries[len(list.Entries)-1].Start) // its dashes may stand below the key itself
			d.edits = slices.DeleteFunc(d.edits, func(inner edit) bool { return inner.start >= start && inner.end <= end })
		}
		d.edits = append(d.edits, edit{start, end, ""})
		return nil
	}
	spans, err := d.spans(d.offset(m.Start), len(m.Values))
	if err != nil {
		return err
	}
	if len(m.Values) == 1 {
		return errByHand
	}
	d.removeSpans(spans, map[int]bool{slices.Index(m.Values, e): true})
	return nil
}

// block is the lines of a list's item or a mapping's key in block style: from the line of its first token to the last one that is
// further in. Comments and empty lines after it stay.
func (d *document) block(t *token.Token) (start, end int) {
	line := t.Position.Line - 1
	last := line
	for next := line + 1; next < len(d.lines); next++ {
		text := d.line(next)
		trimmed := strings.TrimSpace(text)
		inside := len(text)-len(strings.TrimLeft(text, " ")) >= t.Position.Column
		if trimmed == "" || trimmed[0] == '#' && !inside {
			continue
		}
		if !inside {
			break
		}
		last = next
	}
	end = len(d.text)
	if last+1 < len(d.lines) {
		end = d.lines[last+1]
	}
	return d.lines[line], end
}

func (d *document) line(n int) string {
	end := len(d.text)
	if n+1 < len(d.lines) {
		end = d.lines[n+1]
	}
	return d.text[d.lines[n]:end]
}

// span is the bytes of one item between brackets.
type span struct{ start, end int }

// spans cuts what stands between the bracket at start and its closing one into items.
func (d *document) spans(start, want int) ([]span, error) {
	var out []span
	depth, from := 0, start+1
	for i := start; i < len(d.text); i++ {
		switch c := d.text[i]; c {
		case '"', '\'':
			if before := d.text[i-1]; strings.IndexByte(" ,[{:\n", before) >= 0 {
				if i = closing(d.text, i) - 1; i < 0 {
					return nil, errByHand
				}
			}
		case '#':
			if d.text[i-1] == ' ' || d.text[i-1] == '\n' {
				return nil, errByHand
			}
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		case ',':
			if depth == 1 {
				out, from = append(out, d.trimmed(from, i)), i+1
			}
		}
		if depth == 0 {
			if last := d.trimmed(from, i); last.start < last.end {
				out = append(out, last)
			}
			if len(out) != want {
				return nil, errByHand
			}
			return out, nil
		}
	}
	return nil, errByHand
}

func (d *document) trimmed(start, end int) span {
	text := d.text[start:end]
	left := len(text) - len(strings.TrimLeft(text, " \n\t"))
	right := len(text) - len(strings.TrimRight(text, " \n\t"))
	return span{start + left, max(end-right, start+left)}
}

// removeSpans takes items and their commas out.
func (d *document) removeSpans(spans []span, gone map[int]bool) {
	last := -1 // of those that stay
	for i := range spans {
		if !gone[i] {
			last = i
		}
	}
	for i, s := range spans {
		switch {
		case !gone[i]:
		case i < last:
			d.edits = append(d.edits, edit{s.start, spans[i+1].start, ""})
		case i > 0 && last >= 0:
			d.edits = append(d.edits, edit{spans[i-1].end, s.end, ""})
		default:
			d.edits = append(d.edits, edit{s.start, s.end, ""})
		}
	}
}

// appendItems adds lines to the list that a key of the root has, or adds the key at the end of the file. kept says how many
// items the list still has.
func (d *document) appendItems(key string, items []string, kept int) error {
	if len(items) == 0 {
		return nil
	}
	e := entry(d.root, key)
	if e == nil {
		with := ""
		if !strings.HasSuffix(d.text, "\n") {
			with = "\n"
		}
		d.edits = append(d.edits, edit{len(d.text), len(d.text), with + "\n" + key + ":\n  - " + strings.Join(items, "\n  - ") + "\n"})
		return nil
	}
	list, ok := e.Value.(*ast.SequenceNode)
	if !ok {
		return errByHand
	}
	if list.IsFlowStyle {
		spans, err := d.spans(d.offset(list.Start), len(list.Values))
		if err != nil {
			return err
		}
		comma := ", "
		if kept == 0 {
			comma = ""
		}
		at := spans[len(spans)-1].end
		d.edits = append(d.edits, edit{at, at, comma + strings.Join(items, ", ")})
		return nil
	}
	dash := list.Entries[len(list.Entries)-1].Start
	_, at := d.block(dash)
	indent := "\n" + strings.Repeat(" ", dash.Position.Column-1) + "- "
	with := strings.TrimPrefix(indent, "\n") + strings.Join(items, indent) + "\n"
	if at == len(d.text) && !strings.HasSuffix(d.text, "\n") {
		with = "\n" + with
	}
	d.edits = append(d.edits, edit{at, at, with})
	return nil
}

// pattern is the text of the i-th rule of a list: the item itself, or what stands in its run.
func pattern(role *ast.MappingNode, kind policy.RuleKind, i int) ast.Node {
	e := entry(role, string(kind))
	if e == nil {
		return nil
	}
	list, ok := e.Value.(*ast.SequenceNode)
	if !ok || i >= len(list.Values) {
		return nil
	}
	m, ok := list.Values[i].(*ast.MappingNode)
	if !ok {
		return list.Values[i]
	}
	if run := entry(m, "run"); run != nil {
		return run.Value
	}
	return nil
}
