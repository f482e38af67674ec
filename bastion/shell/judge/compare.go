package judge

import (
	"fmt"
	"strings"

	"gatehouse/bastion/shell"
	"gatehouse/policy"
)

// Compare parses a line and runs it under bash, and its plan under each of the shells. accepted is false for a line that is
// no plan. problem says in which shell the plan does something else.
func (b *Box) Compare(line string, shells ...string) (accepted bool, problem string, err error) {
	plan, err := shell.Parse(line)
	if err != nil {
		return false, "", nil
	}
	want, err := b.Bash(line)
	if err != nil {
		return true, "", err
	}
	if want.Status == 2 && strings.Contains(line, "sh") {
		want.Status = 1 // dash's status of what cannot be opened; a plan has bash's
	}
	problem, err = b.comparePlan(plan, want, shells)
	if problem == "" || err != nil {
		return true, problem, err
	}
	for range 3 { // commands that run at once can end in either order
		again, err := b.Bash(line)
		if again.Status == 2 && want.Status == 1 {
			again.Status = 1
		}
		if err != nil || Differ(want, again) != "" {
			return true, "", err
		}
	}
	problem, err = b.comparePlan(plan, want, shells)
	return true, problem, err
}

// comparePlan says how the plan differs from an outcome.
func (b *Box) comparePlan(plan policy.Plan, want Outcome, shells []string) (string, error) {
	final, err := b.Final(plan)
	if err != nil {
		return "", err
	}
	if err := final.ValidateFinal(); err != nil {
		return "the final plan is not valid: " + err.Error(), nil
	}
	text := final.Line([]policy.EnvVar{{Name: "GATEHOUSE_SESSION", Value: "s-1"}})
	for _, sh := range shells {
		got, err := b.Run(sh, text)
		if err != nil {
			return "", err
		}
		if got.Status == 2 && want.Status == 1 {
			got.Status = 1
		}
		if how := Differ(want, got); how != "" {
			return fmt.Sprintf("%s: %s; the line was %s", sh, how, text), nil
		}
		if leaves := len(final.Commands()); len(got.Calls) > leaves && !startsAny(final) {
			return fmt.Sprintf("%s: %d calls of %d commands", sh, len(got.Calls), leaves), nil
		}
	}
	return "", nil
}

// startsAny reports whether a command of the plan starts others: by its words, or as a shell that is no part of the plan.
func startsAny(p policy.Plan) bool {
	for _, part := range p.Parts {
		if startsAny(part) {
			return true
		}
	}
	return len(p.Starts) > 0 || p.Op == policy.OpRun && strings.HasSuffix(p.Argv[0], "sh")
}
