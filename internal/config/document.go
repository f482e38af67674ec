package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// maxFile bounds a configuration file.
const maxFile = 4 << 20

// Error is a fault in a file, at a place.
type Error struct {
	File         string
	Line, Column int // 1-based
	Msg          string
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Msg)
}

// document is a parsed file, kept to give errors their place.
type document struct {
	name string
	file *ast.File
}

// decode reads exactly one YAML document into v; how is yaml.Strict, but where faults are only listed.
func decode(name string, data []byte, v any, how ...yaml.DecodeOption) (document, error) {
	if err := CheckShape(name, data); err != nil {
		return document{}, err
	}
	err := yaml.NewDecoder(bytes.NewReader(data), how...).Decode(v)
	if errors.Is(err, io.EOF) {
		return document{}, &Error{File: name, Line: 1, Column: 1, Msg: "the file is empty"}
	}
	if err != nil {
		return document{}, located(name, err)
	}
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return document{}, located(name, err)
	}
	if len(file.Docs) > 1 {
		return document{}, &Error{File: name, Line: 1, Column: 1, Msg: "more than one document in the file"}
	}
	return document{name: name, file: file}, nil
}

// located turns the YAML library's error into ours.
func located(name string, err error) error {
	var y yaml.Error
	if !errors.As(err, &y) || y.GetToken() == nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	pos := y.GetToken().Position
	return &Error{File: name, Line: pos.Line, Column: pos.Column, Msg: y.GetMessage()}
}

// errorAt places an error at a YAML path, or at the file's start where the path is not in the file.
func (d document) errorAt(at, format string, args ...any) error {
	e := &Error{File: d.name, Line: 1, Column: 1, Msg: fmt.Sprintf(format, args...)}
	path, err := yaml.PathString(at)
	if err != nil {
		return e
	}
	node, err := path.FilterFile(d.file)
	if err != nil || node == nil {
		return e
	}
	pos := node.GetToken().Position
	e.Line, e.Column = pos.Line, pos.Column
	return e
}
