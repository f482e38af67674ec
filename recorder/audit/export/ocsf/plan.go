package ocsf

import "strings"

// plan is what is read of a decision's plan: the shape of policy.Plan in the log.
type plan struct {
	Op    string   `json:"op"`
	Parts []plan   `json:"parts"`
	Argv  []string `json:"argv"`
	Text  string   `json:"text"`
}

// maxDepth and maxLine bound how much of a plan is shown.
const (
	maxDepth = 16
	maxLine  = 8 << 10
)

// commandOf is what was asked, or runs, for people to read: it is no shell syntax, and nothing executes it.
func commandOf(d details) string {
	p := &d.Plan
	if d.Final != nil {
		p = d.Final
	}
	var b strings.Builder
	p.write(&b, 0)
	text := first(b.String(), d.What)
	return strings.ToValidUTF8(text[:min(len(text), maxLine)], "")
}

func (p *plan) write(b *strings.Builder, depth int) {
	if depth > maxDepth || b.Len() > maxLine {
		return
	}
	switch {
	case len(p.Argv) > 0:
		b.WriteString(strings.Join(p.Argv, " "))
	case p.Text != "":
		b.WriteString(p.Text)
	case len(p.Parts) == 0:
		b.WriteString(p.Op) // a subsystem, a forward, a shell
	}
	for i := range p.Parts {
		if i > 0 {
			b.WriteString(" " + p.Op + " ")
		}
		p.Parts[i].write(b, depth+1)
	}
}
