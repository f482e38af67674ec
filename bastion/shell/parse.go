// Package shell turns a client's command line into a vetted policy.Plan.
//
// It trusts nothing about the line. It guarantees that a plan means what bash would make of the line: the same commands,
// joined alike, each with the same argv byte for byte. What is not made of literal words, pipes and lists is refused by
// name and column, never passed on and never rewritten.
//
// Two readers must agree: a scanner (scan.go) that knows only quoting and refuses everything that expands or nests, and
// mvdan.cc/sh, which sees only what the scanner let through and therefore never recurses deeply on foreign text.
package shell

import (
	"errors"
	"fmt"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"gatehouse/policy"
)

// maxLine bounds a line in bytes; a longer one is refused before anything reads it.
const maxLine = 64 << 10

// Refusal says why a line is not a plan. Column counts bytes of the line from 1.
type Refusal struct {
	Construct string // what was found, "command substitution"
	Column    int
	Reason    string // what would be right
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("%s at column %d: %s", r.Construct, r.Column, r.Reason)
}

// Parse reads a line. Its error is a *Refusal.
func Parse(line string) (policy.Plan, error) {
	if len(line) > maxLine {
		return policy.Plan{}, &Refusal{"long line", maxLine + 1, "a line has at most 65536 bytes"}
	}
	plan, err := parse(line)
	if err != nil {
		return policy.Plan{}, err
	}
	if err := plan.Validate(); err != nil {
		return policy.Plan{}, &Refusal{"command", 1, err.Error()}
	}
	return plan, nil
}

func parse(line string) (policy.Plan, error) {
	if encoded, ok := strings.CutPrefix(line, ArgvPrefix); ok {
		return parseArgv(encoded)
	}
	if err := scan(line); err != nil {
		return policy.Plan{}, err
	}
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(line), "")
	if err != nil {
		return policy.Plan{}, syntaxRefusal(err)
	}
	return filePlan(file)
}

// syntaxRefusal turns the parser's errors into ours.
func syntaxRefusal(err error) error {
	var parse syntax.ParseError
	if errors.As(err, &parse) {
		return &Refusal{"syntax error", column(parse.Pos), parse.Text}
	}
	var lang syntax.LangError
	if errors.As(err, &lang) {
		return &Refusal{"syntax error", column(lang.Pos), lang.Feature + " is not supported"}
	}
	return &Refusal{"syntax error", 1, err.Error()}
}

// column counts bytes of the whole line, newlines included.
func column(p syntax.Pos) int {
	if !p.IsValid() {
		return 1
	}
	return int(p.Offset()) + 1
}
