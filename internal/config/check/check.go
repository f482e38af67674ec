// Package check lists everything that is wrong with a file of the configuration, each fault with its place: what its JSON Schema sees
// (unknown words, with the nearest that there is) and what only package config knows.
//
// Files are judged as they lie; nothing that they name is opened.
package check

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"gatehouse/internal/config"
	"gatehouse/internal/config/schema"
)

// maxFile bounds a file; maxFaults what is listed of it.
const (
	maxFile   = 4 << 20
	maxFaults = 100
)

// Result is what was found in a file.
type Result struct {
	Format string          // gatehouse.yaml or targets.yaml
	Faults []*config.Error // by place, at most 100; none: the service takes the file
}

// File judges a file. Which of the two formats it has is seen from its fields. The error is that it cannot be read.
func File(path string) (Result, error) {
	data, err := read(path)
	if err != nil {
		return Result{}, err
	}
	if err := config.CheckShape(path, data); err != nil {
		return Result{Format: "gatehouse.yaml", Faults: config.Placed(err)}, nil
	}
	tree, err := parser.ParseBytes(data, 0)
	if err != nil {
		return Result{Format: "gatehouse.yaml", Faults: []*config.Error{syntax(path, err)}}, nil
	}
	f, load, faults := schema.Files[0], configFaults, config.Faults
	if isInventory(tree) {
		f, load, faults = schema.Files[1], inventoryFaults, config.InventoryFaults
	}
	judged, err := bySchema(f, path, tree, data)
	if err != nil {
		return Result{}, err
	}
	values := slices.Concat(faults(path), judged.forms, load(path))
	if judged.lacks {
		values = slices.DeleteFunc(values, func(e *config.Error) bool {
			return e.Line == 1 && e.Column == 1 && strings.Contains(e.Msg, "is missing")
		})
	}
	return Result{Format: f.Name, Faults: tidy(judged.faults, values)}, nil
}

// read reads a file of a bounded size.
func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("check %s: %w", path, errors.Unwrap(err))
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("larger than %d bytes", maxFile)
	}
	if err != nil {
		return nil, fmt.Errorf("check %s: %w", path, err)
	}
	return data, nil
}

func configFaults(path string) []*config.Error {
	_, err := config.Load(path)
	return config.Placed(err)
}

func inventoryFaults(path string) []*config.Error {
	_, err := config.LoadInventory(path)
	return config.Placed(err)
}

// isInventory sees a targets.yaml: it has hosts under targets, where gatehouse.yaml has a path.
func isInventory(tree *ast.File) bool {
	hosts := false
	for _, doc := range tree.Docs {
		for _, pair := range pairs(doc.Body) {
			switch keyOf(pair) {
			case "data", "ssh", "policy":
				return false
			case "targets":
				hosts = pair.Value.Type() != ast.StringType
			}
		}
	}
	return hosts
}

// syntax is the fault of a text that is no YAML.
func syntax(path string, err error) *config.Error {
	at := &config.Error{File: path, Line: 1, Column: 1, Msg: strings.TrimSpace(err.Error())}
	var y yaml.Error
	if errors.As(err, &y) && y.GetToken() != nil {
		at.Line, at.Column, at.Msg = y.GetToken().Position.Line, y.GetToken().Position.Column, y.GetMessage()
	}
	return at
}

// tidy adds to the faults of a structure those of values that stand where nothing was found yet, and sorts all by place.
func tidy(structure, values []*config.Error) []*config.Error {
	type place struct {
		line, column int
		msg          string // of what has no place of its own
	}
	seen, out := map[place]bool{}, []*config.Error{}
	for i, fault := range slices.Concat(structure, values) {
		at := place{fault.Line, fault.Column, ""}
		if i < len(structure) || at == (place{1, 1, ""}) {
			at.msg = fault.Msg
		}
		if !seen[at] {
			out = append(out, fault)
		}
		seen[at], seen[place{fault.Line, fault.Column, ""}] = true, true
	}
	slices.SortStableFunc(out, func(a, b *config.Error) int { return cmp.Or(a.Line-b.Line, a.Column-b.Column) })
	return out[:min(len(out), maxFaults)]
}
