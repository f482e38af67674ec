// Package testshell judges whether a governed shell does what bash does: it runs one text by both, in folders of the same name and content,
// and compares what they print, their status and the files that they leave. It is for tests only.
package testshell

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/tools/txtar"
)

// Case is one text of a shell, with what it finds.
type Case struct {
	Group, Name string
	Script      string
	Stdin       string
	Piped       bool // Script comes by the client's input, as a script
	Files       []File
}

// File is one that is there before.
type File struct {
	Path string
	Mode os.FileMode
	Data string
}

// Load reads the cases of every txtar file of a folder, in the order of their names. In a file
//
//	-- NAME --             is a case's text,
//	-- NAME < --           is its input,
//	-- NAME : PATH MODE -- is a file that it finds; MODE is octal, 644 where there is none,
//	-- : PATH MODE --      is a file that every case of this one finds.
//
// A name that ends in "|" is a text that comes by the client's input.
func Load(folder string) ([]Case, error) {
	names, err := filepath.Glob(filepath.Join(folder, "*.txtar"))
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s has no cases", folder)
	}
	slices.Sort(names)
	var all []Case
	for _, name := range names {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			return nil, err
		}
		cases, err := read(strings.TrimSuffix(filepath.Base(name), ".txtar"), archive.Files)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, cases...)
	}
	return all, nil
}

func read(group string, parts []txtar.File) ([]Case, error) {
	var cases []Case
	var shared []File
	at := map[string]int{}
	for _, part := range parts {
		name, path, isFile := strings.Cut(part.Name, ":")
		name, isInput := strings.CutSuffix(strings.TrimSpace(name), " <")
		if isFile && name == "" {
			f, err := file(path, part.Data)
			if err != nil {
				return nil, err
			}
			shared = append(shared, f)
			continue
		}
		i, known := at[name]
		switch {
		case isFile && known:
			f, err := file(path, part.Data)
			if err != nil {
				return nil, err
			}
			cases[i].Files = append(cases[i].Files, f)
		case isInput && known:
			cases[i].Stdin = string(part.Data)
		case known || isFile || isInput:
			return nil, fmt.Errorf("%q stands twice, or before its case", part.Name)
		default:
			at[name] = len(cases)
			cases = append(cases, Case{Group: group, Name: name, Script: string(part.Data), Piped: strings.HasSuffix(name, "|")})
		}
	}
	for i := range cases {
		cases[i].Files = append(slices.Clone(shared), cases[i].Files...)
	}
	return cases, nil
}

func file(name string, data []byte) (File, error) {
	f := File{Path: strings.TrimSpace(name), Mode: 0o644, Data: string(data)}
	if i := strings.LastIndexByte(f.Path, ' '); i >= 0 {
		if n, err := strconv.ParseUint(f.Path[i+1:], 8, 12); err == nil {
			f.Path, f.Mode = f.Path[:i], os.FileMode(n)
		}
	}
	if !filepath.IsLocal(f.Path) {
		return File{}, fmt.Errorf("%q is no file below the case's folder", f.Path)
	}
	return f, nil
}
