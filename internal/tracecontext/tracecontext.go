// Package tracecontext checks W3C trace contexts (Trace Context, level 1): what an agent sends in the environment variables
// TRACEPARENT and TRACESTATE. What does not follow the syntax to the letter is no trace context.
package tracecontext

import (
	"encoding/hex"
	"errors"
	"regexp"
	"strings"
)

// The names of the environment variables.
const (
	Parent = "TRACEPARENT"
	State  = "TRACESTATE"
)

// The bounds of a tracestate (sections 3.3.1.1 and 3.3.1.5).
const (
	maxState   = 512
	maxMembers = 32
)

// Max is the length of the longest text that Text gives.
const Max = 55 + 1 + maxState

// ErrSyntax says that a text is no trace context.
var ErrSyntax = errors.New("this is no W3C trace context")

// Context is a place in a trace.
type Context struct {
	TraceID [16]byte
	SpanID  [8]byte
	Flags   byte
	State   string // as it came; empty: none
}

var (
	parentForm = regexp.MustCompile(`^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$`)
	keyForm    = regexp.MustCompile(`^([a-z][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})$`)
	valueForm  = regexp.MustCompile(`^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$`)
)

// New checks the two variables. A state that is no state is left out, as section 3.3 has it: the parent counts without it.
func New(parent, state string) (Context, error) {
	var c Context
	m := parentForm.FindStringSubmatch(parent)
	if m == nil {
		return c, ErrSyntax
	}
	var flags [1]byte
	for i, to := range [][]byte{c.TraceID[:], c.SpanID[:], flags[:]} {
		if _, err := hex.Decode(to, []byte(m[i+1])); err != nil {
			return Context{}, ErrSyntax
		}
	}
	if c.TraceID == [16]byte{} || c.SpanID == [8]byte{} {
		return Context{}, ErrSyntax
	}
	if c.Flags = flags[0]; stateFits(state) {
		c.State = state
	}
	return c, nil
}

// stateFits says whether a text is a tracestate: up to 32 members with keys of their own.
func stateFits(state string) bool {
	if state == "" || len(state) > maxState {
		return false
	}
	members := strings.Split(state, ",")
	keys := map[string]bool{}
	for _, m := range members {
		m = strings.Trim(m, " \t")
		if m == "" {
			continue // allowed, and counts for nothing
		}
		key, value, ok := strings.Cut(m, "=")
		if !ok || keys[key] || !keyForm.MatchString(key) || !valueForm.MatchString(value) {
			return false
		}
		keys[key] = true
	}
	return len(keys) > 0 && len(members) <= maxMembers
}

// Text is the form in which the audit log holds a context: traceparent, and after a space tracestate if there is one.
func (c Context) Text() string {
	text := "00-" + hex.EncodeToString(c.TraceID[:]) + "-" + hex.EncodeToString(c.SpanID[:]) + "-" + hex.EncodeToString([]byte{c.Flags})
	if c.State != "" {
		text += " " + c.State
	}
	return text
}

// Parse reads that form, as strictly as New.
func Parse(text string) (Context, error) {
	parent, state, _ := strings.Cut(text, " ")
	c, err := New(parent, state)
	if err == nil && c.Text() != text {
		err = ErrSyntax
	}
	return c, err
}
