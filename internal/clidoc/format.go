package clidoc

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/invopop/jsonschema"
)

// File is a format that is to have a page.
type File struct {
	Name   string // gatehouse.yaml
	About  string // what it is, in a phrase
	Schema []byte // JSON Schema
	Date   time.Time
	Also   []string
}

// maxDepth bounds how deep the fields of a format lie in each other.
const maxDepth = 8

// Format is the page of a file's format: each field by its path, what it must be, and what it means.
func Format(f File) (Page, error) {
	var s jsonschema.Schema
	if err := json.Unmarshal(f.Schema, &s); err != nil {
		return Page{}, fmt.Errorf("read schema of %s: %w", f.Name, err)
	}
	var m mdoc
	m.begin(f.Name, 5, f.Date)
	m.raw(".Sh NAME")
	m.macro("Nm", f.Name)
	m.macro("Nd", f.About)
	m.raw(".Sh DESCRIPTION")
	m.text(s.Description)
	m.text("The file is strict YAML: a field that is not listed here is an error, and so is one that is written twice. " +
		"Every error names file, line and column; gatehouse config check lists them all. Relative paths are relative to the file.")
	m.raw(".Bl -tag -width Ds")
	m.fields(&s, s.Definitions, "", maxDepth)
	m.raw(".El")
	m.seeAlso(f.Also)
	return Page{f.Name + ".5", m.String()}, nil
}

// fields lists the fields of a mapping, and those below them.
func (m *mdoc) fields(s *jsonschema.Schema, defs jsonschema.Definitions, prefix string, depth int) {
	if s.Properties == nil || depth == 0 {
		return
	}
	for p := s.Properties.Oldest(); p != nil; p = p.Next() {
		path, value := prefix+p.Key, p.Value
		inner, below := resolve(value, defs), ""
		about := value.Description
		if about == "" {
			about = inner.Description
		}
		switch {
		case inner.Type == "array" && inner.Items != nil:
			inner, below = resolve(inner.Items, defs), "[]."
		case inner.Type == "object" && inner.Properties == nil && inner.AdditionalProperties != nil:
			inner, below = resolve(inner.AdditionalProperties, defs), ".NAME."
		default:
			below = "."
		}
		m.raw(".It Cm " + word(path))
		m.text(strings.TrimSpace(about + " " + constraint(inner, slices.Contains(s.Required, p.Key))))
		m.fields(inner, defs, path+below, depth-1)
	}
}

// resolve is what a schema stands for: behind a reference, and without the null that lets a section stand empty.
func resolve(s *jsonschema.Schema, defs jsonschema.Definitions) *jsonschema.Schema {
	for range maxDepth {
		switch {
		case s.Ref != "":
			s = defs[strings.TrimPrefix(s.Ref, "#/$defs/")]
		case len(s.AnyOf) > 0:
			s = s.AnyOf[0]
		default:
			return s
		}
	}
	return s
}

// constraint says in words what a value must be.
func constraint(s *jsonschema.Schema, needed bool) string {
	var out string
	if len(s.Enum) > 1 {
		var words []string
		for _, v := range s.Enum {
			if v != "" {
				words = append(words, fmt.Sprint(v))
			}
		}
		out = "One of " + strings.Join(words, ", ") + "."
	} else if s.Type == "boolean" {
		out = "true or false."
	}
	if needed {
		out = strings.TrimSpace(out + " It must be there.")
	}
	return out
}
