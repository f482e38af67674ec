package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/sqlite"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// database/sql's opener may still be between its last statement and its return when Close returns.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("database/sql.(*DB).connectionOpener"))
}

func TestSQLite(t *testing.T) {
	storetest.RunSessions(t, func(t *testing.T, dir string) store.Sessions {
		return openSQLite(t, filepath.Join(dir, "gatehouse.db"))
	})
}

func TestDisk(t *testing.T) {
	storetest.RunBlobs(t, func(t *testing.T, dir string) store.Blobs {
		d, err := store.OpenDisk(dir)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { d.Close() })
		return d
	})
}

func openSQLite(t testing.TB, path string) *store.SQLite {
	t.Helper()
	s, err := store.OpenSQLite(store.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// TestOpenSQLiteRefuses: what is not ours, or not ours yet, is left as it is.
func TestOpenSQLiteRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gatehouse.db")
	if err := openSQLite(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	openTest(t, path, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, 1)")
	if _, err := store.OpenSQLite(store.Config{Path: path}); !errors.Is(err, sqlite.ErrNewerSchema) {
		t.Errorf("a newer schema: %v", err)
	}
	other := filepath.Join(t.TempDir(), "other.db")
	text := strings.Repeat("this is not a database\n", 1000)
	if err := os.WriteFile(other, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.OpenSQLite(store.Config{Path: other}); err == nil || !strings.Contains(err.Error(), "not a database") {
		t.Errorf("another file: %v", err)
	}
	if left, err := os.ReadFile(other); err != nil || string(left) != text {
		t.Errorf("the other file was changed: %v", err)
	}
	if _, err := store.OpenSQLite(store.Config{}); err == nil {
		t.Error("opened without a path")
	}
}

// TestSQLiteFiles: sqlite3 finds nothing wrong, and nobody else can read the files; whatever is in the folder's name.
func TestSQLiteFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a folder?with#odd%20names")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "gatehouse.db")
	s := openSQLite(t, path)
	if err := s.Put(context.Background(), store.Session{ID: "ses_1", State: store.Live}); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 3 {
		t.Errorf("%d files, want the database, its log and its index: %v", len(entries), err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v, %v", e.Name(), info.Mode(), err)
		}
	}
	if got := openTest(t, path, "PRAGMA integrity_check; SELECT id, state FROM sessions; PRAGMA journal_mode"); got != "ok\nses_1|live\nwal\n" {
		t.Errorf("sqlite3 says %q", got)
	}
}

// TestSQLiteClose: a closed store takes nothing, and closes once.
func TestSQLiteClose(t *testing.T) {
	s := openSQLite(t, filepath.Join(t.TempDir(), "gatehouse.db"))
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for {
				err := s.Put(context.Background(), store.Session{ID: fmt.Sprintf("ses_%d", i), State: store.Live})
				if errors.Is(err, store.ErrClosed) {
					return
				}
				if err != nil {
					t.Errorf("Put while closing: %v", err)
					return
				}
			}
		})
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
	if _, err := s.List(context.Background(), store.Filter{}); err == nil {
		t.Error("a closed store lists")
	}
}

// BenchmarkPut is one caller, who waits for his own fsync, and sixty-four, who share them.
func BenchmarkPut(b *testing.B) {
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			s := openSQLite(b, filepath.Join(b.TempDir(), "gatehouse.db"))
			b.SetParallelism(callers)
			if callers == 1 {
				for i := 0; b.Loop(); i++ {
					putOne(b, s, i)
				}
				return
			}
			var mu sync.Mutex
			n := 0
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					mu.Lock()
					n++
					i := n
					mu.Unlock()
					putOne(b, s, i)
				}
			})
		})
	}
}

func putOne(b *testing.B, s store.Sessions, i int) {
	session := store.Session{
		ID: fmt.Sprintf("ses_%026d", i), Identity: "agent:release-bot", Target: "web-1", Command: "systemctl status app-api",
		State: store.Live, Started: time.Unix(int64(i), 0).UTC(),
	}
	if err := s.Put(context.Background(), session); err != nil {
		b.Fatal(err)
	}
}

// sqlite runs the real sqlite3 on a database.
func openTest(t *testing.T, path, statement string) string {
	t.Helper()
	out, err := exec.Command("sqlite3", path, statement).CombinedOutput()
	if err != nil {
		t.Fatalf("sqlite3 %q: %v\n%s", statement, err, out)
	}
	return string(out)
}
