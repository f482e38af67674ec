package keep

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"gatehouse/internal/store"
	"gatehouse/recorder"
	"gatehouse/recorder/retain"
)

// A file that was put in a recording's place after the entry, and before a crash let the removal go on, stays: the entry is about
// another one.
func TestResumeOfAnotherFile(t *testing.T) {
	for _, kind := range []string{store.Deleted, store.Shredded} {
		h := newHouse(t)
		s := h.session("web-1", "op/allow[0]", 2*day)
		info, err := os.Stat(h.path(s))
		h.must(err)
		h.must(h.note(t.Context(), Disposal{Kind: kind, What: recorder.Doomed{Session: s.ID, SHA256: s.Recording, Size: info.Size()}, Why: "why"}))
		h.must(h.index.PutFate(t.Context(), store.Fate{Session: s.ID, Kind: kind, Why: "why", At: h.now}))
		other, err := os.ReadFile(h.path(h.session("web-2", "op/allow[0]", day)))
		h.must(err)
		h.must(os.WriteFile(h.path(s), other, 0o600))
		h.restart(retain.Rule{Target: "none", Keep: day})
		h.sweep(Report{Failed: 1})
		left, err := os.ReadFile(h.path(s))
		h.must(err)
		if _, err := os.Stat(recorder.KeyPath(h.path(s))); err != nil || !bytes.Equal(left, other) {
			t.Errorf("%s: what was put there is gone, or its key: %v", kind, err)
		}
	}
}

// A key file that was overwritten is as good as missing, and is found without an identity.
func TestKeyOverwritten(t *testing.T) {
	h := newHouse(t)
	s := h.session("web-1", "op/allow[0]", 2*day)
	info, err := os.Stat(recorder.KeyPath(h.path(s)))
	h.must(err)
	h.must(os.WriteFile(recorder.KeyPath(h.path(s)), make([]byte, info.Size()), 0o600))
	if r := h.verify(); r.Bad == nil || r.Bad.Session != s.ID || !strings.Contains(r.Bad.What, "overwritten") {
		t.Errorf("%+v, %v", r, r.Bad)
	}
}
