// Package clidoc makes what is generated from the command line and from the formats of the configuration: what a shell
// completes, and manual pages.
//
// It reads kong's model of the verbs, which is what parses them too, so nothing can be told that is not so. It trusts that
// model, and nothing that a user has typed: words are only compared.
package clidoc

import (
	"slices"

	"github.com/alecthomas/kong"
)

// Graft puts the verbs of another program in the place of those that only pass their arguments on to it: each passthrough verb
// of node, however deep, gets what the verb of the same name has there, and the flags that all verbs have there.
func Graft(node, from *kong.Node) {
	for _, child := range node.Children {
		at := slices.IndexFunc(from.Children, func(n *kong.Node) bool { return n.Name == child.Name })
		if at < 0 {
			continue
		}
		there := from.Children[at]
		if !child.Passthrough {
			Graft(child, there)
			continue
		}
		child.Help, child.Detail = there.Help, there.Detail
		child.Flags, child.Positional, child.Children = slices.Concat(there.Flags, own(from)), there.Positional, there.Children
	}
}

// own are a node's flags but --help, which every program has.
func own(n *kong.Node) []*kong.Flag {
	return slices.DeleteFunc(slices.Clone(n.Flags), func(f *kong.Flag) bool { return f.Name == "help" || f.Hidden })
}

// flags are all flags that may follow the path of a verb, nearest first.
func flags(path []*kong.Node) []*kong.Flag {
	var all []*kong.Flag
	for _, n := range slices.Backward(path) {
		for _, f := range n.Flags {
			if !f.Hidden && !slices.ContainsFunc(all, func(g *kong.Flag) bool { return g.Name == f.Name }) {
				all = append(all, f)
			}
		}
	}
	return all
}

// verbs are a node's verbs that people are told of.
func verbs(n *kong.Node) []*kong.Node {
	return slices.DeleteFunc(slices.Clone(n.Children), func(c *kong.Node) bool { return c.Hidden || c.Type != kong.CommandNode })
}
