package registry

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

// TestTrust: the latest sighting stands, kinds are apart, a dropped key is forgotten, and a restart changes nothing.
func TestTrust(t *testing.T) {
	path := filepath.Join(t.TempDir(), File)
	r, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t1 := time.Date(2026, 11, 22, 12, 0, 0, 1, time.UTC)
	for _, s := range []struct {
		kind, name, key string
		at              time.Time
	}{
		{TrustHost, "web-1", "SHA256:old", t1}, {TrustHost, "web-1", "SHA256:new", t1.Add(time.Second)}, {TrustHost, "web-1", "SHA256:new", t1},
		{TrustTarget, "web-1", "SHA256:old", t1}, {TrustHost, "db-1", "SHA256:old", t1}, {TrustHost, "web-1", "SHA256:old", t1.Add(2 * time.Second)},
	} {
		if err := r.SawTrust(t.Context(), s.kind, s.name, s.key, s.at); err != nil {
			t.Fatal(err)
		}
	}
	want := []Seen{{"db-1", "SHA256:old", t1}, {"web-1", "SHA256:old", t1.Add(2 * time.Second)}, {"web-1", "SHA256:new", t1.Add(time.Second)}}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if r, err = Open(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	if got, err := r.Trust(t.Context(), TrustHost); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
	if err := r.ForgetTrust(t.Context(), "SHA256:old"); err != nil {
		t.Fatal(err)
	}
	if got, err := r.Trust(t.Context(), TrustHost); err != nil || len(got) != 1 || got[0] != want[2] {
		t.Errorf("after the old key is forgotten: %v, %v", got, err)
	}
	if got, err := r.Trust(t.Context(), TrustTarget); err != nil || len(got) != 0 {
		t.Errorf("after the old key is forgotten: %v, %v", got, err)
	}
}

// TestTrustBound: at the bound a new name is refused and a known one goes on.
func TestTrustBound(t *testing.T) {
	r, err := Open(t.Context(), filepath.Join(t.TempDir(), File))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	fill := fmt.Sprintf("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) INSERT INTO trust_seen SELECT 'face', 'agent:a' || i, 'SHA256:k', 1 FROM n", maxTrust)
	if _, err := r.db.ExecContext(t.Context(), fill); err != nil {
		t.Fatal(err)
	}
	if err := r.SawTrust(t.Context(), TrustFace, "agent:b", "SHA256:k", time.Now()); !errors.Is(err, ErrFull) {
		t.Errorf("a name over the bound: %v", err)
	}
	if err := r.SawTrust(t.Context(), TrustFace, "agent:a1", "SHA256:k", time.Now()); err != nil {
		t.Errorf("a known name at the bound: %v", err)
	}
	if err := r.SawTrust(t.Context(), TrustHost, "web-1", "SHA256:k", time.Now()); err != nil {
		t.Errorf("another kind: %v", err)
	}
}
