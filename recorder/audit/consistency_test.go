package audit

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// A log goes on from what it signed before; a shorter one and one with another past are named, also by the owner of the key.
func TestConsistency(t *testing.T) {
	dir := t.TempDir()
	l := openTest(t, dir)
	fill(t, l, 11)
	early := l.Checkpoint()
	backup := copyDir(t, dir)
	fill(t, l, 30)
	late := l.Checkpoint()
	l.Close()
	forged := copyDir(t, dir)
	forge(t, forged)
	shortFork := copyDir(t, backup)
	forge(t, shortFork)
	other := t.TempDir()
	openTest(t, other).Close()
	noHashes := copyDir(t, dir)
	if err := os.WriteFile(filepath.Join(noHashes, hashesFile), make([]byte, 64*64), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		dir  string
		old  []byte
		want error
	}{
		{"the same", dir, late, nil},
		{"an older one", dir, early, nil},
		{"an older one, with spoilt hashes", noHashes, early, nil},
		{"an older backup put back", backup, late, ErrRollback},
		{"made anew, as long", forged, late, ErrFork},
		{"made anew, longer", forged, early, ErrFork},
		{"made anew, shorter", shortFork, late, ErrRollback},
		{"made anew, as short", shortFork, early, ErrFork},
		{"another log's", dir, mustRead(t, filepath.Join(other, checkpointFile)), ErrForeign},
	} {
		out, err := Consistency(context.Background(), c.dir, verifierKey(t, c.dir), c.old)
		if !errors.Is(err, c.want) || c.want == nil && (err != nil || out.New.Size != 42) {
			t.Errorf("%s: %+v, %v, want %v", c.name, out, err, c.want)
		}
	}
}

func mustRead(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
