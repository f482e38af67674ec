package clidoc

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// exampleTitle stands over the examples in what --help prints.
const exampleTitle = "For example:"

// Examples gives the verbs of a program their examples, for --help and the pages: lines by the verb's path ("policy check"), without
// the program's name. A verb that is not there is an error, and so is one with verbs of its own.
func Examples(lines map[string][]string) kong.Option {
	return kong.PostBuild(func(k *kong.Kong) error {
		left := maps.Clone(lines)
		walk(k.Model.Node, "", func(path string, n *kong.Node) {
			if found := left[path]; len(found) > 0 {
				n.Detail = strings.TrimLeft(n.Detail+"\n\n"+exampleText(k.Model.Name, found), "\n")
				delete(left, path)
			}
		})
		if len(left) > 0 {
			return fmt.Errorf("examples of verbs that there are not: %q", slices.Sorted(maps.Keys(left)))
		}
		return nil
	})
}

func exampleText(program string, lines []string) string {
	text := exampleTitle + "\n"
	for _, line := range lines {
		text += "\n    " + program + " " + line
	}
	return text
}

// walk visits each verb that does something itself and that people are told of, with the words that lead to it.
func walk(n *kong.Node, path string, visit func(path string, n *kong.Node)) {
	below := verbs(n)
	if len(below) == 0 {
		visit(path, n)
	}
	for _, c := range below {
		walk(c, strings.TrimSpace(path+" "+c.Name), visit)
	}
}

// Lacking lists the verbs that say nothing of themselves, or have no example.
func Lacking(app *kong.Node) []string {
	var out []string
	walk(app, "", func(path string, n *kong.Node) {
		if n.Help == "" || !strings.Contains(n.Detail, exampleTitle) {
			out = append(out, path)
		}
	})
	return out
}
