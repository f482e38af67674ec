// Package reckon works out arithmetic as bash 5.2 does: $((…)), ((…)), let, subscripts and the numbers of [[ … ]].
//
// It reads a text whose expansions are made already. Numbers are 64 bits wide and wrap; a variable's value is an expression of its own, to
// any depth that MaxDepth allows; what is not reckoned with (behind ?, && and ||) is read and changes nothing. The order in which values are
// fetched and faults are found is bash's. What a fault says is not: bash names the token at which it stopped.
package reckon

import (
	"errors"
	"fmt"
)

// MaxDepth is how deep values may be in each other, as in bash, and parentheses too.
const MaxDepth = 1024

// Variables are what an expression reads and sets. Both methods are given a subscript as it stands in the expression, without brackets;
// has says that there is one. An error of theirs ends the expression and is returned as it is.
type Variables interface {
	// Get is a variable's value; empty where it is not set.
	Get(name, subscript string, has bool) (string, error)
	// Set gives a variable a value.
	Set(name, subscript string, has bool, value int64) error
}

// Fault is what is wrong with an expression.
type Fault struct{ Text, Reason string }

func (f *Fault) Error() string { return fmt.Sprintf("%s: %s", f.Text, f.Reason) }

// Value works out an expression. Nothing is 0.
func Value(text string, in Variables) (int64, error) { return value(text, in, 0, false) }

// errDepth is bash's word for values that are in each other without end.
const errDepth = "expression recursion level exceeded"

func value(text string, in Variables, depth int, quiet bool) (int64, error) {
	e := &expression{text: text, in: in, depth: depth}
	if quiet {
		e.quiet = 1
	}
	if depth >= MaxDepth {
		return 0, e.fault(errDepth)
	}
	if e.blank() {
		return 0, nil
	}
	if err := e.next(); err != nil {
		return 0, err
	}
	n, err := e.comma()
	if err == nil && e.tok != end {
		err = e.fault("syntax error in expression")
	}
	return n, err
}

// expression is one that is being read.
type expression struct {
	text  string
	in    Variables
	depth int // of values, and of parentheses
	quiet int // more than 0: nothing is fetched or set

	at    int   // in the text, behind the token
	tok   token // what is looked at
	last  token // what was before it
	num   int64 // of a number, or a variable's value
	name  name  // of a variable
	under token // what an assignment does beside: + of +=
}

// name is a variable, or an element.
type name struct {
	base, subscript string
	has             bool
}

func (e *expression) fault(reason string) error { return &Fault{Text: e.text, Reason: reason} }

// IsFault says that an error is one of the expression, and not of its variables.
func IsFault(err error) bool {
	var f *Fault
	return errors.As(err, &f)
}

// fetch is the value of a variable: that of the expression that it holds.
func (e *expression) fetch(n name) (int64, error) {
	if e.quiet > 0 {
		return 0, nil
	}
	text, err := e.in.Get(n.base, n.subscript, n.has)
	if err != nil || text == "" {
		return 0, err
	}
	return value(text, e.in, e.depth+1, false)
}

func (e *expression) set(n name, v int64) error {
	if e.quiet > 0 {
		return nil
	}
	return e.in.Set(n.base, n.subscript, n.has, v)
}
