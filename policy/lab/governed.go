package lab

import (
	"fmt"
	"strings"

	"gatehouse/policy"
)

// Outliner says what a governed shell would make of a text before any of it runs.
type Outliner func(login policy.Login, text string) Outline

// Outline is what a text of a governed shell is made of.
type Outline struct {
	Refused  *Refusal       // nothing of the text runs
	Commands []ShellCommand // in the order of the text
	Omitted  int            // commands after the first 256
	Moves    bool           // it changes the directory, so that what follows may run elsewhere than at home
	Exports  []string       // names that go with the commands after them
}

// Refusal is why a text is not read.
type Refusal struct {
	Construct string `json:"construct"`
	Column    int    `json:"column"` // bytes of the text from 1
	Reason    string `json:"reason"`
}

// ShellCommand is one command of a text.
type ShellCommand struct {
	Column int         // bytes of the text that it stands in, from 1
	Text   string      // as it was written
	Name   string      // its program, where the text settles it
	Chain  []string    // the texts that it stands in: "bash -c"
	Plan   policy.Plan // what is decided, where all its words are known; Op is "" where they are not
	Inside bool        // the shell itself is it: a builtin, or a function of the text
	Piped  bool        // its input is another command's, or the text's
	Loop   bool        // that input is one that a loop around it reads
}

// ShellStep is what becomes of one command of a governed shell's text.
type ShellStep struct {
	Column   int              `json:"column"`
	Text     string           `json:"text"`
	Chain    []string         `json:"chain,omitempty"`
	How      string           `json:"how"`                // "decided", "shell" or "when it runs"
	Decision *policy.Decision `json:"decision,omitempty"` // of one that is decided
	Rules    int              `json:"rules,omitempty"`    // of the others: how many rules are about its program
	Name     string           `json:"name,omitempty"`     // its program, where that is known
}

// The ways in which a command is dealt with.
const (
	stepDecided = "decided"
	stepShell   = "shell"
	stepLater   = "when it runs"
)

// ShellText is what a governed shell would do with a line.
type ShellText struct {
	Refused *Refusal    `json:"refused,omitempty"`
	Steps   []ShellStep `json:"steps,omitempty"`
	Omitted int         `json:"omitted,omitempty"`
	Moves   bool        `json:"moves,omitempty"`
	Exports []string    `json:"exports,omitempty"`
}

// ExplainShell adds to an explanation what a governed shell would make of the line, where the decision gives it to one.
func ExplainShell(e *Explanation, p *policy.Policy, ask Ask, outline Outliner) {
	if !e.Decision.Governed() || ask.Line == "" {
		return
	}
	o := outline(ask.Login, ask.Line)
	e.Shell = &ShellText{Refused: o.Refused, Omitted: o.Omitted, Moves: o.Moves, Exports: o.Exports}
	for i, c := range o.Commands {
		e.Shell.Steps = append(e.Shell.Steps, step(p, ask, int64(i)+1, c))
	}
}

// step decides one command as the shell would ask for it, where its words are known.
func step(p *policy.Policy, ask Ask, n int64, c ShellCommand) ShellStep {
	s := ShellStep{Column: c.Column, Text: c.Text, Chain: c.Chain, Name: c.Name, How: stepLater}
	r, _ := Ask{As: ask.As, Target: ask.Target, Login: ask.Login, PTY: ask.PTY, Task: ask.Task, Source: ask.Source, Env: ask.Env, Now: ask.Now, Granted: ask.Granted}.request(p, nil)
	r.Step = &policy.Step{N: n, Line: 1, Chain: c.Chain, Piped: c.Piped, Inherit: c.Loop, Any: ask.PTY}
	switch {
	case c.Inside:
		s.How = stepShell
	case c.Plan.Op != "":
		r.Plan = c.Plan
		d := p.Decide(r)
		s.How, s.Decision = stepDecided, &d
	case c.Name != "":
		r.Plan = policy.Plan{Op: policy.OpRun, Argv: policy.Argv{c.Name}}
		for _, trace := range p.Trace(r) {
			s.Rules += len(trace.Rules)
		}
	}
	return s
}

// shell renders what a governed shell would do.
func (e Explanation) shell(b *strings.Builder) {
	switch {
	case !e.Decision.Governed():
		return
	case e.Shell == nil:
		b.WriteString("\na governed shell gives a prompt; each command typed there is decided by itself\n")
		return
	case e.Shell.Refused != nil:
		fmt.Fprintf(b, "\na governed shell refuses the line, and nothing of it runs: %s at column %d: %s\n", e.Shell.Refused.Construct, e.Shell.Refused.Column, Show(e.Shell.Refused.Reason))
		return
	}
	b.WriteString("\na governed shell reads the line. Of its commands:\n")
	for _, s := range e.Shell.Steps {
		in := ""
		if len(s.Chain) > 0 {
			in = " of " + Show(strings.Join(s.Chain, ", "))
		}
		fmt.Fprintf(b, "  column %d%s: %s\n      %s\n", s.Column, in, Show(s.Text), s.outcome())
	}
	e.Shell.notes(b)
}

// outcome is what becomes of a command, in words.
func (s ShellStep) outcome() string {
	switch {
	case s.How == stepShell:
		return "the shell itself: its words need no rule; files that it opens go by the roles' files"
	case s.Decision != nil:
		return Outcome(*s.Decision)
	case s.Name == "":
		return "decided when it runs: the text does not settle which program it is"
	case s.Rules == 0:
		return fmt.Sprintf("denied when it runs: no rule is about %q", Show(s.Name))
	case s.Rules == 1:
		return fmt.Sprintf("decided when it runs, by its final words: 1 rule is about %q", Show(s.Name))
	}
	return fmt.Sprintf("decided when it runs, by its final words: %d rules are about %q", s.Rules, Show(s.Name))
}

func (t *ShellText) notes(b *strings.Builder) {
	if t.Omitted > 0 {
		fmt.Fprintf(b, "  … and %d more\n", t.Omitted)
	}
	if t.Moves {
		b.WriteString("it changes the directory: the decisions above are those at home, dirs and relative paths may make others\n")
	}
	if len(t.Exports) > 0 {
		fmt.Fprintf(b, "it exports %s: what runs after that is denied unless the role's env lists it\n", Show(strings.Join(t.Exports, ", ")))
	}
}
