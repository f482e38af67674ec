package audit

import (
	"strings"
	"testing"
)

// What a witness holds against a log stands until that witness takes it back.
func TestAlarmStands(t *testing.T) {
	dir := t.TempDir()
	l := openTest(t, dir)
	fill(t, l, 3)
	say := func(who, outcome string) {
		mustAppend(t, l, Entry{Type: Witnessed, Object: who, Outcome: outcome, Reason: "ROLLBACK: by " + who})
	}
	say("w1", "rollback")
	say("w2", "refused")
	say("w2", "ok")
	fill(t, l, 2)
	if rep := verifyDir(t, dir, nil); rep.Bad == nil || rep.Bad.Entry != 4 || !strings.Contains(rep.Bad.What, "by w1") {
		t.Errorf("found %v", rep.Bad)
	}
	say("w1", "ok")
	if rep := verifyDir(t, dir, nil); rep.Bad != nil {
		t.Errorf("found %v", rep.Bad)
	}
	// A checkpoint that the log's key signed and that the log does not have is held against it; anybody's is not.
	other := t.TempDir()
	o := openTest(t, other)
	fill(t, o, 40)
	if err := KeepContradiction(dir, o.Checkpoint()); err != nil {
		t.Fatal(err)
	}
	if rep := verifyDir(t, dir, nil); rep.Bad != nil {
		t.Errorf("another log's checkpoint: %v", rep.Bad)
	}
	rolled := copyDir(t, dir)
	fill(t, l, 9)
	if err := ReplaceFile(rolled+"/"+contradictionFile, l.Checkpoint(), 0o600); err != nil {
		t.Fatal(err)
	}
	if rep := verifyDir(t, rolled, nil); rep.Bad == nil || !strings.Contains(rep.Bad.What, "missing") {
		t.Errorf("a newer checkpoint: %v", rep.Bad)
	}
}
