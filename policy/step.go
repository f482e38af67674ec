package policy

import (
	"errors"
	"fmt"
)

// The bounds of what is said of a step.
const (
	maxChain     = 64
	maxChainText = 4096 // of one text, in bytes
)

// Validate reports whether what is said of a step has the shape that it promises.
func (s *Step) Validate() error {
	if s.N < 1 || s.Line < 0 {
		return errors.New("a step has a number from 1")
	}
	if len(s.Chain) > maxChain {
		return fmt.Errorf("a step comes through at most %d texts", maxChain)
	}
	for _, link := range s.Chain {
		if len(link) > maxChainText {
			return fmt.Errorf("what a step comes through has at most %d bytes", maxChainText)
		}
		if err := checkText("what a step comes through", link); err != nil {
			return err
		}
	}
	return nil
}

// ValidateStep reports whether the plan is what a governed shell's command may be: one command, with its own redirections, variables,
// directory, umask and launchers, whose words the shell has expanded.
func (p Plan) ValidateStep() error {
	if p.Op != OpRun {
		return errors.New("a governed shell's command is one command")
	}
	if p.Not || len(p.Globs)+len(p.Tildes) > 0 {
		return errors.New("a governed shell's command has no words left to expand, and its own exit status")
	}
	return p.Validate()
}

// decideStep decides one command of a governed shell, as if it had come alone: no shell of any kind takes its place. Where it may have a
// terminal and can do without, it is decided with one first.
func decideStep(roles []applied, r *Request) Decision {
	if err := r.Plan.ValidateStep(); err != nil {
		return deny(CodeUnsupportedSyntax, err.Error())
	}
	if err := r.Step.Validate(); err != nil {
		return deny(CodeUnsupportedSyntax, err.Error())
	}
	d := newQuestion(roles, r).answer()
	if r.PTY && r.Step.Any && d.Verdict == Deny {
		without := *r
		without.PTY = false
		return newQuestion(roles, &without).answer()
	}
	d.PTY = r.PTY && d.Verdict != Deny
	return d
}

// piped gives the command of a step the shell's pipe in the place of the client's input.
func (q *question) piped() {
	for i := range q.leaves {
		if l := &q.leaves[i]; l.input == inputClient {
			l.input = inputPipe
		}
	}
}

// inherits reports whether the command of a step runs without the input that is around it, where its rule takes none.
func (q *question) inherits() bool { return q.r.Step != nil && q.r.Step.Inherit }
