package search

import (
	"slices"
	"strings"
	"time"
)

// matches says whether a row is what the query looks for, its session apart.
func (q *Query) matches(r row, started time.Time) bool {
	at := started.Add(r.at)
	if !q.Since.IsZero() && at.Before(q.Since) || !q.Until.IsZero() && !at.Before(q.Until) {
		return false
	}
	folded := fold(r.text)
	for _, t := range q.terms {
		if !t.in(folded) {
			return false
		}
	}
	return true
}

// admits says whether a session is what the query looks for.
func (q *Query) admits(s *Session) bool {
	return (q.Agent == "" || s.Identity == "agent:"+q.Agent) && (q.Person == "" || s.Identity == "person:"+q.Person) &&
		(q.Owner == "" || slices.Contains(owners(q.Owner), s.Owner)) && (q.Target == "" || s.Target == q.Target) &&
		(q.Task == "" || s.Task == q.Task) && (q.Login == "" || s.Login == q.Login) && (q.Verdict == "" || s.Verdict == q.Verdict) &&
		(q.Session == "" || s.ID == q.Session)
}

// owners are the principals that an owner's name means.
func owners(name string) []string {
	if strings.Contains(name, ":") {
		return []string{name}
	}
	return []string{"group:" + name, "person:" + name}
}

// whose writes the query's filters for FTS5.
func (q *Query) whose() (all []string) {
	whose := func(name, prefix, value string) {
		if value != "" {
			all = append(all, `whose : "`+tag(name, prefix+value)+`"`)
		}
	}
	whose("identity", "agent:", q.Agent)
	whose("identity", "person:", q.Person)
	whose("target", "", q.Target)
	whose("task", "", q.Task)
	whose("login", "", q.Login)
	whose("verdict", "", q.Verdict)
	if q.Owner != "" {
		var any []string
		for _, o := range owners(q.Owner) {
			any = append(any, `whose : "`+tag("owner", o)+`"`)
		}
		all = append(all, "("+strings.Join(any, " OR ")+")")
	}
	return all
}

// hit makes a hit of a row that matches.
func (q *Query) hit(r row, kind string) Hit {
	h := Hit{At: r.at, Command: r.command, Kind: kind, Text: r.text, Marks: q.marks(r.text)}
	if len(h.Text) > maxHitText {
		h.cut()
	}
	return h
}

// marks finds the bytes that the query's words have found.
func (q *Query) marks(text string) [][2]int {
	folded, from := fold(text), offsets(text)
	var marks [][2]int
	for _, t := range q.terms {
		for begin, end := 0, 0; !t.not && len(marks) < maxMarks*maxTerms; {
			if begin, end = t.at(folded, end); begin < 0 {
				break
			}
			marks = append(marks, [2]int{from[begin], from[end]})
		}
	}
	slices.SortFunc(marks, func(a, b [2]int) int { return a[0] - b[0] })
	var out [][2]int
	for _, m := range marks {
		if n := len(out); n > 0 && m[0] <= out[n-1][1] {
			out[n-1][1] = max(out[n-1][1], m[1])
		} else {
			out = append(out, m)
		}
	}
	return out[:min(len(out), maxMarks)]
}

// ellipsis stands where a row was cut.
const ellipsis = "…"

// cut leaves what is around the first match.
func (h *Hit) cut() {
	begin := 0
	if len(h.Marks) > 0 {
		begin = len(cut(h.Text, max(0, h.Marks[0][0]-beforeMark)))
	}
	text, shift := cut(h.Text[begin:], maxHitText), -begin
	end := begin + len(text)
	if end < len(h.Text) {
		text += ellipsis
	}
	if begin > 0 {
		text, shift = ellipsis+text, shift+len(ellipsis)
	}
	var marks [][2]int
	for _, m := range h.Marks {
		if m[0] < end {
			marks = append(marks, [2]int{m[0] + shift, min(m[1], end) + shift})
		}
	}
	h.Text, h.Marks = text, marks
}
