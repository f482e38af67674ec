// Package shell turns a client's command line into a vetted policy.Plan.
//
// It trusts nothing about the line. It guarantees that a plan means what bash would make of the line: the same commands,
// joined alike, with the same directory, redirections and variables, each with the same argv byte for byte. What only the
// target can answer (globs, the login's home) stays in the plan by name. The text of a literal bash -c or sh -c is read in
// place, as bash or as what every sh agrees on. What is not understood is refused by name and column, never passed on and
// never rewritten.
//
// Two readers must agree: a scanner (scan.go) that knows only quoting and the operators it lets through and makes the words,
// and mvdan.cc/sh, which sees only what the scanner let through, therefore never recurses deeply on foreign text, and says
// how the words are joined. Each word and operator of the one must be one of the other, at the same place.
//
// Where a plan knowingly differs from the line: builtins that are also programs (echo, test, printf, kill) are the programs;
// login shells read no profile; $HOME is one word, whatever is in it.
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

// Context is what is known of where a line will run.
type Context struct {
	Login policy.Login // ~LOGIN is ~; with none known, every ~NAME is refused
}

// Parse reads a line without knowing the login. Its error is a *Refusal.
func Parse(line string) (policy.Plan, error) {
	return ParseFor(Context{}, line)
}

// ParseFor reads a line. Its error is a *Refusal.
func ParseFor(c Context, line string) (policy.Plan, error) {
	if len(line) > maxLine {
		return policy.Plan{}, &Refusal{"long line", maxLine + 1, "a line has at most 65536 bytes"}
	}
	plan, err := parse(c, line)
	if err != nil {
		return policy.Plan{}, err
	}
	if err := plan.Validate(); err != nil {
		return policy.Plan{}, &Refusal{"command", 1, err.Error()}
	}
	return plan, nil
}

func parse(c Context, line string) (policy.Plan, error) {
	if encoded, ok := strings.CutPrefix(line, ArgvPrefix); ok {
		return parseArgv(c, encoded)
	}
	return parseText(line, dialect{context: c}, options{})
}

// dialect says how a text is read.
type dialect struct {
	context Context
	sh      bool // the text of sh -c: only what every sh agrees on
	depth   int  // of texts in texts
}

// options are those of set that change what a plan is.
type options struct{ errexit, pipefail bool }

// parseText reads the text of a line or of a shell's -c.
func parseText(text string, d dialect, o options) (policy.Plan, error) {
	found, err := scan(text)
	if err != nil {
		return policy.Plan{}, err
	}
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(text), "")
	if err != nil {
		return policy.Plan{}, syntaxRefusal(err)
	}
	r := &reader{dialect: d, found: found}
	plan, err := r.file(file, o)
	if err != nil {
		return policy.Plan{}, err
	}
	return plan, r.agreed()
}

// reader makes a plan of one text.
type reader struct {
	dialect
	found tokens
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

func refuse(n syntax.Node, construct, reason string) error {
	return &Refusal{construct, column(n.Pos()), reason}
}
