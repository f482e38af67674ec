package main

import (
	"fmt"

	"github.com/alecthomas/kong"

	"gatehouse/internal/clidoc"
	"gatehouse/internal/console"
)

// CompletionCmd prints what a shell reads to complete this program's lines.
type CompletionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help says where the script goes.
func (CompletionCmd) Help() string {
	return "make install and the package put the scripts where each shell looks. By hand: bash reads it by source, zsh from a folder of " +
		"fpath in a file named _gatehouse, fish from ~/.config/fish/completions/gatehouse.fish."
}

// Run prints the script.
func (c *CompletionCmd) Run() error {
	script, err := clidoc.Script(c.Shell, "gatehouse")
	if err != nil {
		return &exitError{exitUsage, err}
	}
	fmt.Print(script)
	return nil
}

// CompleteCmd answers the scripts of completion: the kind of what may stand in the last word's place, then the words.
type CompleteCmd struct {
	Words []string `arg:"" optional:"" help:"The words of the line so far, after --."`
}

// Run prints the answer.
func (c *CompleteCmd) Run() error {
	app, err := wholeModel()
	if err != nil {
		return err
	}
	fmt.Print(clidoc.Complete(app, c.Words))
	return nil
}

// wholeModel is the model of all verbs, with the console's own in the place of those that ask it over ssh.
func wholeModel() (*kong.Node, error) {
	parser, err := newParser(&cli{})
	if err != nil {
		return nil, err
	}
	there, err := console.Model("gatehouse")
	if err != nil {
		return nil, err
	}
	clidoc.Graft(parser.Model.Node, there)
	return parser.Model.Node, nil
}
