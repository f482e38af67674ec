package check

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"gatehouse/internal/config"
	"gatehouse/internal/config/schema"
	"gatehouse/policy/command"
)

// bySchema lists what a file's schema finds wrong with it.
func bySchema(f schema.File, path string, tree *ast.File, data []byte) (*judge, error) {
	compiled, err := compile(f)
	if err != nil {
		return nil, err
	}
	var value any
	if err := yaml.Unmarshal(data, &value); err != nil {
		return &judge{faults: []*config.Error{syntax(path, err)}}, nil
	}
	asJSON, err := json.Marshal(value)
	if err != nil {
		return &judge{faults: []*config.Error{{File: path, Line: 1, Column: 1, Msg: "not what JSON can say: " + err.Error()}}}, nil
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		return nil, fmt.Errorf("check %s: %w", path, err)
	}
	var invalid *jsonschema.ValidationError
	if err := compiled.Validate(doc); err == nil {
		return &judge{}, nil
	} else if !errors.As(err, &invalid) {
		return nil, err
	}
	j := &judge{path: path, tree: tree, schema: compiled}
	j.list(invalid)
	return j, nil
}

func compile(f schema.File) (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(f.Text))
	if err != nil {
		return nil, fmt.Errorf("schema of %s: %w", f.Name, err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(f.ID, doc); err != nil {
		return nil, fmt.Errorf("schema of %s: %w", f.Name, err)
	}
	return c.Compile(f.ID)
}

// judge turns what a schema says into faults with places.
type judge struct {
	path   string
	tree   *ast.File
	schema *jsonschema.Schema
	faults []*config.Error // of the file's structure: words, sections
	forms  []*config.Error // of single values; package config says these better, where it comes so far
	lacks  bool            // something is missing
}

// list goes down to what is wrong in the end.
func (j *judge) list(e *jsonschema.ValidationError) {
	switch k := e.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		for _, word := range k.Properties {
			at := j.keyPlace(e.InstanceLocation, word)
			at.Msg = fmt.Sprintf("unknown field %q%s", word, nearest(word, fields(j.at(e.InstanceLocation))))
			j.faults = append(j.faults, at)
		}
	case *kind.Required:
		for _, word := range k.Missing {
			j.lacks = true
			j.fault(e.InstanceLocation, "%s is missing", word)
		}
	case *kind.PropertyNames:
		at := j.keyPlace([]string{"targets"}, k.Property) // the only section whose words are names; the library's place is not kept
		at.Msg = fmt.Sprintf("%q is not a name (lower-case letters, digits, . _ -)", k.Property)
		j.faults = append(j.faults, at)
	case *kind.Type:
		if len(e.InstanceLocation) == 0 && k.Got == "null" {
			break // that the file is empty is said elsewhere
		}
		j.fault(e.InstanceLocation, "%s, want %s", article(k.Got), article(strings.Join(k.Want, " or ")))
	case *kind.Enum:
		if slices.Equal(e.InstanceLocation, []string{"version"}) {
			n, _ := strconv.Atoi(fmt.Sprint(k.Got))
			j.form(e.InstanceLocation, "%s", config.VersionFault(n))
			break
		}
		var words []string
		for _, w := range k.Want {
			if w != "" {
				words = append(words, fmt.Sprint(w))
			}
		}
		j.form(e.InstanceLocation, "%q is none of %s%s", fmt.Sprint(k.Got), strings.Join(words, ", "), nearest(fmt.Sprint(k.Got), words))
	case *kind.Pattern:
		j.form(e.InstanceLocation, "%q has not the form that is wanted here%s", k.Got, j.wanted(e.InstanceLocation))
	default:
		if len(e.Causes) == 0 {
			j.form(e.InstanceLocation, "%s", e.ErrorKind.LocalizedString(english))
		}
	}
	for _, cause := range e.Causes {
		if k, ok := cause.ErrorKind.(*kind.Type); ok && slices.Equal(k.Want, []string{"null"}) {
			continue // a section may be empty: that it is not is no fault
		}
		if _, ok := e.ErrorKind.(*kind.PropertyNames); !ok {
			j.list(cause)
		}
	}
}

// english is how the library says what we have no words for.
var english = message.NewPrinter(language.English)

func article(kind string) string {
	return map[string]string{"object": "a section", "array": "a list", "string": "a text", "integer": "a whole number", "number": "a number", "boolean": "true or false", "null": "nothing"}[kind]
}

// nearest is the end of a message about an unknown word.
func nearest(word string, known []string) string {
	if word == "" {
		return ""
	}
	if near := command.Nearest(word, known); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	if len(known) == 0 || len(known) > 12 {
		return ""
	}
	return "; there are " + strings.Join(known, ", ")
}

// wanted says what a field means, from its schema.
func (j *judge) wanted(location []string) string {
	s := j.at(location)
	if s == nil || s.Description == "" {
		return ""
	}
	return ": " + s.Description
}

// at is the schema of a place in the file.
func (j *judge) at(location []string) *jsonschema.Schema {
	s := plain(j.schema)
	for _, step := range location {
		if s == nil {
			return nil
		}
		next := s.Properties[step]
		if next == nil {
			next, _ = s.AdditionalProperties.(*jsonschema.Schema)
		}
		if items, ok := s.Items.(*jsonschema.Schema); ok {
			next = items
		}
		if s.Items2020 != nil {
			next = s.Items2020
		}
		s = plain(next)
	}
	return s
}

// plain is what a schema stands for: behind a reference, and without the null that lets a section stand empty.
func plain(s *jsonschema.Schema) *jsonschema.Schema {
	for s != nil {
		switch {
		case s.Ref != nil:
			s = s.Ref
		case len(s.AnyOf) == 2 && (s.AnyOf[0].Ref != nil || len(s.AnyOf[0].Properties) > 0 || s.AnyOf[0].Items2020 != nil || s.AnyOf[0].AdditionalProperties != nil):
			s = s.AnyOf[0]
		default:
			return s
		}
	}
	return nil
}

// fields are the words that a section may have.
func fields(s *jsonschema.Schema) []string {
	if s == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(s.Properties))
}

func (j *judge) form(location []string, format string, args ...any) {
	j.fault(location, format, args...)
	last := len(j.faults) - 1
	j.faults, j.forms = j.faults[:last], append(j.forms, j.faults[last])
}

func (j *judge) fault(location []string, format string, args ...any) {
	at := &config.Error{File: j.path, Line: 1, Column: 1, Msg: fmt.Sprintf(format, args...)}
	node := j.node(location)
	if all := pairs(node); len(all) > 0 {
		node = all[0].Key // a section begins with its first word
	}
	if node != nil {
		at.Line, at.Column = node.GetToken().Position.Line, node.GetToken().Position.Column
	}
	j.faults = append(j.faults, at)
}

// keyPlace is where a word stands as a key.
func (j *judge) keyPlace(location []string, word string) *config.Error {
	at := &config.Error{File: j.path, Line: 1, Column: 1}
	for _, pair := range pairs(j.node(location)) {
		if keyOf(pair) == word {
			at.Line, at.Column = pair.Key.GetToken().Position.Line, pair.Key.GetToken().Position.Column
		}
	}
	return at
}

// node is what stands at a place; nil if nothing does.
func (j *judge) node(location []string) ast.Node {
	if len(j.tree.Docs) == 0 {
		return nil
	}
	node := j.tree.Docs[0].Body
	for _, step := range location {
		node = below(node, step)
	}
	return node
}

func below(node ast.Node, step string) ast.Node {
	if list, ok := bare(node).(*ast.SequenceNode); ok {
		if i, err := strconv.Atoi(step); err == nil && i < len(list.Values) {
			return list.Values[i]
		}
		return nil
	}
	for _, pair := range pairs(node) {
		if keyOf(pair) == step {
			return pair.Value
		}
	}
	return nil
}

// pairs are the keys and values of a mapping.
func pairs(node ast.Node) []*ast.MappingValueNode {
	switch n := bare(node).(type) {
	case *ast.MappingNode:
		return n.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}
	}
	return nil
}

// bare is a node without its anchor or tag.
func bare(node ast.Node) ast.Node {
	switch n := node.(type) {
	case *ast.AnchorNode:
		return bare(n.Value)
	case *ast.TagNode:
		return bare(n.Value)
	}
	return node
}

func keyOf(pair *ast.MappingValueNode) string {
	if s, ok := pair.Key.(*ast.StringNode); ok {
		return s.Value
	}
	return pair.Key.String()
}
