package registry

import (
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"gatehouse/internal/revoke"
)

// TestRevocations: what was stored comes back as it was, after a restart too, and a damaged row is not passed over.
func TestRevocations(t *testing.T) {
	path := filepath.Join(t.TempDir(), "registry.db")
	open := func() *Registry {
		r, err := Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = r.Close() })
		return r
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	r := open()
	at := time.Unix(1700000000, 0).UTC()
	one := revoke.Revocation{ID: "rev_1", By: "local:root", Reason: "stolen", At: at, Handles: []revoke.Handle{{Kind: revoke.Agent, Value: "bot"}, {Kind: revoke.Task, Value: "a: b"}}}
	two := revoke.Revocation{ID: "rev_2", By: "person:ann", Reason: "é'\"", At: at, Until: at.Add(time.Hour), Handles: []revoke.Handle{{Kind: revoke.Certificate, Value: "7"}}}
	must(r.AddRevocation(t.Context(), one))
	must(r.AddRevocation(t.Context(), two))
	if err := r.AddRevocation(t.Context(), one); err == nil {
		t.Error("one id twice")
	}
	must(r.NoteRevocation(t.Context(), "rev_2"))
	must(r.Close())
	r = open()
	all, unnoted, err := r.Revocations(t.Context())
	must(err)
	if !reflect.DeepEqual(all, []revoke.Revocation{one, two}) || !reflect.DeepEqual(unnoted, map[string]bool{"rev_1": true}) {
		t.Errorf("read %+v, not noted %v", all, unnoted)
	}
	must(r.RemoveRevocations(t.Context(), "rev_1", "rev_9"))
	if all, _, err := r.Revocations(t.Context()); err != nil || len(all) != 1 || all[0].ID != "rev_2" {
		t.Errorf("after a removal: %+v, %v", all, err)
	}
	if _, err := r.db.Exec("UPDATE revocations SET handle = 'agent:'"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.Revocations(t.Context()); err == nil {
		t.Error("a damaged row was passed over")
	}
}

// TestKRLVersion: versions grow, over restarts, with a clock that goes back, and after a backup is restored.
func TestKRLVersion(t *testing.T) {
	path := filepath.Join(t.TempDir(), "registry.db")
	var last uint64
	for _, now := range []int64{1000, 1000, 999, 2000, 5} {
		r, err := Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		v, err := r.NextKRLVersion(t.Context(), time.Unix(now, 0))
		if err != nil || v <= last || v < uint64(now) {
			t.Errorf("at %d: %d after %d, %v", now, v, last, err)
		}
		last = v
		_ = r.Close()
	}
}
