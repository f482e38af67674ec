package policy_test

import (
	"testing"

	"gatehouse/policy"
)

// TestDenialsCount: whatever a role with a limit of denials denies counts against it, also lines that are no plan.
func TestDenialsCount(t *testing.T) {
	p := parsed(t, startsPolicy)
	id, _ := p.Identity(policy.Agent, "bot", "")
	for claim, plan := range map[string]policy.Plan{
		"no rule":      {Op: policy.OpRun, Argv: policy.Argv{"rm"}},
		"no plan":      {Op: policy.OpShell, Text: "echo $(rm x)"},
		"a shell":      {Op: policy.OpShell},
		"not its form": {Op: policy.OpPipe},
	} {
		d := p.Decide(policy.Request{Identity: id, Target: "web-1", Login: "deploy", Plan: plan, Facts: policy.Facts{Assume: true}})
		if d.Verdict != policy.Deny || d.Obligations.Denials != 5 {
			t.Errorf("%s: %s, %d denials", claim, d.Verdict, d.Obligations.Denials)
		}
	}
}
