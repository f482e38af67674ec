package console

import (
	"strings"

	"gatehouse/policy/access"
)

// showView prints what helps to decide a request, below its facts. Every part of it is foreign text.
func (in *invocation) showView(v AccessView) {
	in.facts(present([]Fact{{"hash", v.Hash}, {"missing", v.Missing}, {"you", answerText(v)}}))
	for _, r := range v.Rules {
		in.facts([]Fact{{"rule", r.ID + ": " + r.Pattern}})
	}
	in.showPreview(v.Preview)
	for _, d := range v.Denials {
		in.facts([]Fact{{"denied", Ago(d.At, in.c.cfg.Now()) + ", " + d.Code + " on " + d.Target + ": " + d.What}})
	}
	for _, r := range v.Similar {
		in.facts([]Fact{{"like it", r.ID + " " + OutcomeText(r, in.c.cfg.Now())}})
	}
}

// answerText says whether the caller can answer.
func answerText(v AccessView) string {
	switch {
	case v.Answer:
		return "can answer it by " + strings.Join(v.Ways, " or ") + ": approve " + v.Request.ID + ", or decline " + v.Request.ID + " --reason TEXT"
	case v.Hinders != "":
		return "cannot answer it: " + v.Hinders
	}
	return ""
}

// showPreview prints what was found on the target.
func (in *invocation) showPreview(p *access.Preview) {
	if p == nil {
		return
	}
	in.printf("Found on the target %s:\n", Ago(p.At, in.c.cfg.Now()))
	for _, g := range p.Globs {
		text := strings.Join(g.Matches, " ")
		if g.More > 0 {
			text += " and " + count(g.More, "more file")
		}
		in.facts([]Fact{{"matches", g.Pattern + ": " + text}})
	}
	for _, f := range p.Files {
		in.facts([]Fact{{f.Kind, strings.TrimSpace(f.Path + "  " + Bytes(f.Size) + "  " + f.Mode)}})
		for _, l := range lines(f.Diff) {
			in.printf("    %s\n", Visible(l))
		}
	}
	for _, n := range p.Notes {
		in.facts([]Fact{{"note", n}})
	}
	if len(p.Screen) > 0 {
		in.println("The last lines it was shown there:")
	}
	for _, l := range p.Screen {
		in.printf("    %s\n", Visible(l))
	}
}

func lines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}
