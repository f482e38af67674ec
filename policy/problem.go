package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gatehouse/policy/command"
)

// maxProblems bounds how many problems one ParseError reports.
const maxProblems = 20

// Problem is one mistake in a policy file. Line and Column count from 1; Column counts characters. A Line of 0 means the
// file as a whole.
type Problem struct {
	File    string
	Line    int
	Column  int
	Message string
}

func (p Problem) String() string {
	if p.Line == 0 {
		return p.File + ": " + p.Message
	}
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Message)
}

// ParseError holds what is wrong with a policy: at least one and at most 20 problems, by file and place.
type ParseError struct {
	Problems []Problem
}

func (e *ParseError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// place is where something stands.
type place struct {
	file         string
	line, column int
}

// problems gathers mistakes, so that one run reports several.
type problems struct{ list []Problem }

func (p *problems) add(at place, format string, args ...any) {
	p.list = append(p.list, Problem{at.file, at.line, at.column, fmt.Sprintf(format, args...)})
}

// err returns the *ParseError, nil if there is no problem.
func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	slices.SortStableFunc(p.list, func(a, b Problem) int {
		return cmp.Or(strings.Compare(a.File, b.File), a.Line-b.Line, a.Column-b.Column)
	})
	return &ParseError{p.list[:min(len(p.list), maxProblems)]}
}

// didYouMean is the end of a message about an unknown word: the word that is nearest to it, or all there are.
func didYouMean(word string, known []string) string {
	if len(known) == 0 {
		return ""
	}
	if near := command.Nearest(word, known); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	if len(known) > 12 {
		return ""
	}
	return "; there are " + strings.Join(known, ", ")
}
