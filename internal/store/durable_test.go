package store

import (
	"path/filepath"
	"testing"
)

// TestWritesAreSynced: no test can pull the plug, so this one asks SQLite whether it syncs each commit.
func TestWritesAreSynced(t *testing.T) {
	s, err := OpenSQLite(Config{Path: filepath.Join(t.TempDir(), "gatehouse.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal", "temp_store": "2", "busy_timeout": "5000"} {
		var got string
		if err := s.writer.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %s, want %s: %v", pragma, got, want, err)
		}
	}
}
