package web

import (
	"fmt"
	"html/template"
	"strings"
	"time"

	"gatehouse/internal/console"
	"gatehouse/policy"
	"gatehouse/policy/access"
)

// accessFunctions are what the templates about privileges call.
func accessFunctions() template.FuncMap {
	return template.FuncMap{
		"pieces":    pieces,
		"scope":     scopeText,
		"need":      needText,
		"left":      left,
		"yeses":     yeses,
		"seconds":   func(n int64) string { return strings.TrimSuffix(console.Took(time.Duration(n)*time.Second), " 00s") },
		"statetone": stateTone,
		"moment":    func(at, now time.Time) momentView { return momentView{at, now} },
		"asked":     func(q access.Request, now time.Time) askedView { return askedView{q, now} },
		"given":     func(g access.Grant, now time.Time) givenView { return givenView{g, now} },
		"difflines": diffLines,
		"textlines": textLines,
	}
}

// momentView, askedView and givenView are what a part of a page needs beside the time of now.
type momentView struct{ At, Now time.Time }

type askedView struct {
	Request access.Request
	Now     time.Time
}

type givenView struct {
	Grant access.Grant
	Now   time.Time
}

// scopeText says in one line what a scope gives. Its words are foreign: show them through visible.
func scopeText(s access.Scope) string {
	switch {
	case s.Kind == access.CommandScope && s.Command != nil:
		return s.Command.Plan.String()
	case s.Kind == access.PatternScope:
		return s.Pattern
	case s.Glass:
		return "role " + s.Role + ", break-glass"
	}
	return "role " + s.Role
}

// needText says who must approve: "2 of sre and 1 of leads".
func needText(need []policy.Approval) string {
	parts := make([]string, 0, len(need))
	for _, n := range need {
		part := fmt.Sprintf("%d of %s", n.Approvals, strings.Join(n.From, " or "))
		if len(n.From) == 0 {
			part = fmt.Sprintf("%d people", n.Approvals)
		}
		if n.By != "" {
			part += " by " + n.By
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, " and ")
}

// left says how long it is until a moment: "4m 10s left", "over".
func left(until, now time.Time) string {
	d := until.Sub(now).Truncate(time.Second)
	switch {
	case d <= 0:
		return "over"
	case d < time.Minute:
		return fmt.Sprintf("%ds left", d/time.Second)
	}
	return console.Took(d) + " left"
}

// stateTone is the colour and icon of a request's state; the word stands beside it.
func stateTone(s access.State) string {
	switch s {
	case access.Pending:
		return "ask"
	case access.Approved:
		return "allow"
	case access.Declined, access.Void:
		return "deny"
	}
	return "other"
}

// yeses counts the people who have approved.
func yeses(votes []access.Vote) int {
	n := 0
	for _, v := range votes {
		if v.Yes {
			n++
		}
	}
	return n
}

// diffLine is a line of a unified diff. The line comes from a target: it is shown in pieces like everything foreign.
type diffLine struct {
	Kind   string // "added", "removed", "place" or "same"
	Pieces []piece
}

func diffLines(diff string) []diffLine {
	var out []diffLine
	for line := range strings.Lines(diff) {
		line = strings.TrimSuffix(line, "\n")
		kind := "same"
		switch {
		case strings.HasPrefix(line, "@@"), strings.HasPrefix(line, "--- "), strings.HasPrefix(line, "+++ "):
			kind = "place"
		case strings.HasPrefix(line, "+"):
			kind = "added"
		case strings.HasPrefix(line, "-"):
			kind = "removed"
		}
		out = append(out, diffLine{kind, pieces(line)})
	}
	return out
}

// textLines takes a text of several lines apart.
func textLines(text string) [][]piece {
	var out [][]piece
	for line := range strings.Lines(text) {
		out = append(out, pieces(strings.TrimSuffix(line, "\n")))
	}
	return out
}
