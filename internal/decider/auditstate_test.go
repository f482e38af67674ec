package decider

import (
	"errors"
	"strings"
	"testing"

	"gatehouse/internal/console"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

// The log's state is for those who may see sessions; who asks is an entry, refusals included, and pages lead to the log's beginning.
func TestAuditState(t *testing.T) {
	b := newBench(t)
	vic, bot := b.connect(policy.Person, "vic"), b.connect(policy.Agent, "bot")
	for range 60 {
		_ = b.connect(policy.Agent, "bot")
	}
	who := console.Credential{Connection: vic}
	var seen int
	before := ""
	for {
		state, err := b.door.AuditState(t.Context(), who, before)
		if err != nil || state.Size == 0 || !strings.HasPrefix(state.Checkpoint, state.Key[:strings.IndexByte(state.Key, '+')]) || state.At.IsZero() {
			t.Fatalf("%+v, %v", state, err)
		}
		if before == "" && (state.Entries[0].Type != string(audit.Read) || state.Entries[0].Verb != string(console.AuditRead) || state.Entries[0].Actor != "person:vic") {
			t.Errorf("the newest entry is not this reading: %+v", state.Entries[0])
		}
		seen += len(state.Entries)
		if before = state.Next; before == "" {
			if last := state.Entries[len(state.Entries)-1]; last.Seq != 0 || last.Type != string(audit.LogStart) {
				t.Errorf("the last page ends with %+v", last)
			}
			break
		}
	}
	if seen < 60 {
		t.Errorf("%d entries in all pages", seen)
	}
	var forbidden *console.ForbiddenError
	if _, err := b.door.AuditState(t.Context(), console.Credential{Connection: bot}, ""); !errors.As(err, &forbidden) {
		t.Errorf("an agent: %v", err)
	}
	for _, bad := range []string{"x", "5.1", "-3.-9", "1.1", "99999999999999999999.1"} {
		if _, err := b.door.AuditState(t.Context(), who, bad); !errors.Is(err, console.ErrAuditPage) {
			t.Errorf("page %q: %v", bad, err)
		}
	}
	entries := b.entries()
	if last := entries[len(entries)-1]; last.Type != audit.Read {
		t.Errorf("the last entry is %+v", last)
	}
}
