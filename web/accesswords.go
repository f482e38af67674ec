package web

import (
	"strconv"
	"strings"
	"unicode"

	"gatehouse/internal/console"
	"gatehouse/policy"
)

// planLine is one line of a command as an approver reads it: words stand apart, and nothing hides in them.
type planLine struct {
	Depth  int    // how far it stands in
	Joint  string // what joins it to the line before: "|", "&&", "||", ";"
	Around string // what holds for it: "not", "in /srv", "umask 077"
	Words  []word
}

// word is one word of a command.
type word struct {
	Part   string // "env", "wrap", "program", "arg", "redirect", "data", "shell"
	Note   string // what the target makes of it: "glob", "home", "input"
	Pieces []piece
}

// piece is a part of a text of which every character is of one sort.
type piece struct {
	Text string
	Odd  string // "": plain; "hidden": written out, because it is not to be seen; "foreign": a letter that is not ASCII
}

// pieces takes a text apart, so that a page can mark what does not look like what it is.
func pieces(text string) []piece {
	var out []piece
	begin := 0
	sort := ""
	flush := func(end int) {
		if end > begin {
			out = append(out, piece{console.Visible(text[begin:end]), sort})
		}
		begin = end
	}
	for i, r := range text {
		if now := oddity(text[i:], r); now != sort {
			flush(i)
			sort = now
		}
	}
	flush(len(text))
	return out
}

// oddity says of what sort the character at the beginning of rest is.
func oddity(rest string, r rune) string {
	switch {
	case r == unicode.ReplacementChar && !strings.HasPrefix(rest, string(unicode.ReplacementChar)):
		return "hidden" // not UTF-8
	case !unicode.IsPrint(r):
		return "hidden"
	case r > unicode.MaxASCII:
		return "foreign"
	}
	return ""
}

// planLines lists the commands of a plan in their order.
func planLines(p policy.Plan) []planLine { return appendPlan(nil, p, 0, "") }

func appendPlan(lines []planLine, p policy.Plan, depth int, joint string) []planLine {
	around := aroundPlan(p)
	if p.Op == policy.OpRun || p.Op == policy.OpShell || p.Op == policy.OpGoverned {
		return append(lines, planLine{Depth: depth, Joint: joint, Around: around, Words: append(commandWords(p), redirWords(p.Redirs)...)})
	}
	inner := depth
	if around != "" || len(p.Redirs) > 0 || joint != "" {
		lines = append(lines, planLine{Depth: depth, Joint: joint, Around: strings.TrimSpace(around + " all of:"), Words: redirWords(p.Redirs)})
		inner++
	}
	for i, part := range p.Parts {
		between := ""
		if i > 0 {
			between = string(p.Op)
		}
		lines = appendPlan(lines, part, inner, between)
	}
	return lines
}

// aroundPlan says what holds for a node beside its words.
func aroundPlan(p policy.Plan) string {
	var parts []string
	if p.Not {
		parts = append(parts, "not")
	}
	if p.Dir != "" {
		parts = append(parts, "in "+p.Dir)
	}
	if p.Umask != "" {
		parts = append(parts, "umask "+p.Umask)
	}
	if p.Pipefail {
		parts = append(parts, "pipefail")
	}
	if p.Null {
		parts = append(parts, "without input")
	}
	return strings.Join(parts, ", ")
}

func commandWords(p policy.Plan) []word {
	if p.Op == policy.OpShell || p.Op == policy.OpGoverned {
		text := p.Text
		if text == "" {
			text = p.String()
		}
		return []word{{Part: "shell", Pieces: pieces(text)}}
	}
	var out []word
	for _, v := range p.Env {
		out = append(out, word{Part: "env", Pieces: pieces(v.Name + "=" + v.Value)})
	}
	for _, wrap := range p.Wrap {
		for _, w := range wrap {
			out = append(out, word{Part: "wrap", Pieces: pieces(w)})
		}
	}
	for i, w := range p.Argv {
		out = append(out, word{Part: partOf(i), Note: noteOf(p, i), Pieces: pieces(w)})
	}
	return out
}

func partOf(i int) string {
	if i == 0 {
		return "program"
	}
	return "arg"
}

func noteOf(p policy.Plan, i int) string {
	for _, at := range p.Globs {
		if at == i {
			return "glob"
		}
	}
	for _, at := range p.Tildes {
		if at == i {
			return "home"
		}
	}
	return ""
}

func redirWords(redirs []policy.Redir) []word {
	var out []word
	for _, r := range redirs {
		switch r.Op {
		case policy.RedirData:
			out = append(out, word{Part: "data", Note: "input", Pieces: pieces(r.Data)})
		case policy.RedirDup:
			out = append(out, word{Part: "redirect", Pieces: pieces(strconv.Itoa(r.FD) + ">&" + strconv.Itoa(r.To))})
		default:
			fd := ""
			if r.FD == 2 {
				fd = "2"
			}
			out = append(out, word{Part: "redirect", Pieces: pieces(fd + string(r.Op) + " " + r.Path)})
		}
	}
	return out
}

// oddWords says what a reader may overlook in a command.
func oddWords(lines []planLine) string {
	hidden, foreign := false, false
	for _, l := range lines {
		for _, w := range l.Words {
			for _, p := range w.Pieces {
				hidden, foreign = hidden || p.Odd == "hidden", foreign || p.Odd == "foreign"
			}
		}
	}
	switch {
	case hidden:
		return "The command has characters that do not show, or that turn the text around. They are written out and marked."
	case foreign:
		return "The command has letters that are not plain ASCII; some look like others. They are marked."
	}
	return ""
}
