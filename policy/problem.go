package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
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
	nearest, distance := "", len(word)/2+1
	for _, k := range known {
		if d := editDistance(word, k); d < distance {
			nearest, distance = k, d
		}
	}
	if nearest != "" {
		return fmt.Sprintf("; did you mean %q?", nearest)
	}
	if len(known) > 12 {
		return ""
	}
	return "; there are " + strings.Join(known, ", ")
}

// editDistance counts the single-byte changes between two words. Words here are short names.
func editDistance(a, b string) int {
	if max(len(a), len(b)) > 64 {
		return 64
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
