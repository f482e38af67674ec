package web

import (
	"html/template"
	"strings"
	"time"

	"gatehouse/internal/console"
	"gatehouse/policy/access"
)

// accessFunctions are what the templates about privileges call.
func accessFunctions() template.FuncMap {
	return template.FuncMap{
		"pieces":    pieces,
		"scope":     console.ScopeText,
		"need":      console.NeedText,
		"left":      console.Left,
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
