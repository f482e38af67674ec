package decider

import (
	"strings"
	"testing"

	"gatehouse/internal/answer"
	"gatehouse/policy"
)

// TestUnrecorded: a door that has no recording gets nothing that opens a target, unless policy records at best effort; what it
// gets is the decision, in the log.
func TestUnrecorded(t *testing.T) {
	b := newBench(t)
	b.setPolicy(strings.Replace(testPolicy, "    allow: [id]", "    allow: [id]\n    recording: best_effort", 1))
	strict, loose := b.connect(policy.Agent, "bot"), b.connect(policy.Agent, "other")
	for _, words := range [][]string{{"echo", "x"}, {"printf", "x"}} { // plain, pinned
		q := b.question(strict, words...)
		q.Unrecorded = true
		got, err := b.door.Decide(t.Context(), q)
		if err != nil || got.Fault != answer.FaultEvidence || len(got.Certificate)+len(got.Permit) > 0 || got.Line != "" {
			t.Errorf("%s: %+v, %v", words, got, err)
		}
	}
	q := b.question(loose, "id")
	q.Target, q.Unrecorded = "web-2", true
	got, err := b.door.Decide(t.Context(), q)
	if err != nil || got.Fault != "" || len(got.Certificate) == 0 || got.Decision.Recording != policy.BestEffort {
		t.Errorf("best effort: %+v, %v", got, err)
	}
	faults := 0
	for _, e := range b.entries() {
		if strings.Contains(string(e.Data), `"fault":"evidence"`) {
			faults++
		}
	}
	if faults != 2 {
		t.Errorf("%d entries have the fault, want 2", faults)
	}
}
