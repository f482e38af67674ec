// Package check connects to a target as Gatehouse would, finds out what it accepts and refuses, and says what is missing, weak or
// about to expire.
//
// It trusts the decider's answers and the target's host key, once that is recognised; before, nothing is authenticated. What is
// tried on the wire is seen (which certificates open, whether forwarding is refused). What the pinned script prints is the target's
// word: a hostile target can lie about itself, and no finding rests on it that Gatehouse's own safety needs. Everything from a
// target is bounded in bytes and time, read strictly, and shown with its control characters made visible. What could not be
// found out is "not checked" and never "ok".
package check

import (
	"fmt"

	"gatehouse/internal/answer"
)

// Level is how good a finding is.
type Level string

// The levels.
const (
	OK         Level = "ok"
	Weak       Level = "weak"        // works, and leaves a way that it should not
	Broken     Level = "broken"      // does not work, or opens what must be closed
	NotChecked Level = "not checked" // could not be found out; Says has why
)

// Finding is one thing that was looked at.
type Finding struct {
	Login string `json:"login,omitempty"` // empty: of the whole target
	What  string `json:"what"`
	Level Level  `json:"level"`
	Says  string `json:"says"`
	Do    string `json:"do,omitempty"` // what would make it ok
}

// String is the finding on one line.
func (f Finding) String() string {
	what := f.What
	if f.Login != "" {
		what = f.Login + ": " + what
	}
	text := fmt.Sprintf("%s: %s: %s", what, f.Level, f.Says)
	if f.Do != "" {
		text += " (" + f.Do + ")"
	}
	return text
}

// Report is what a check of one target found.
type Report struct {
	Target   string    `json:"target"`
	Reached  bool      `json:"reached"` // it answered as an SSH server
	Findings []Finding `json:"findings"`
	Accepted []string  `json:"accepted,omitempty"` // fingerprints of the target CA's keys that every login accepts
	HostCA   string    `json:"host_ca,omitempty"`  // fingerprint of the host CA's key behind the certificate that it showed
}

// Good reports whether everything was looked at and is ok.
func (r Report) Good() bool {
	for _, f := range r.Findings {
		if f.Level != OK {
			return false
		}
	}
	return r.Reached
}

// findings collects what is found about one login, or the target.
type findings struct {
	login string
	list  []Finding
}

func (f *findings) add(level Level, what, do, format string, args ...any) {
	f.list = append(f.list, Finding{Login: f.login, What: what, Level: level, Says: shown(fmt.Sprintf(format, args...)), Do: do})
}

// maxSays bounds a finding's text; a target's words may be in it.
const maxSays = 400

func shown(s string) string {
	if len(s) > maxSays {
		s = s[:maxSays] + "…"
	}
	return answer.Visible(s)
}
