package backup_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/ca"
	"gatehouse/internal/backup"
	"gatehouse/internal/store"
	"gatehouse/recorder"
	"gatehouse/recorder/audit"

	"github.com/oklog/ulid/v2"
	"go.uber.org/goleak"
	"golang.org/x/crypto/ssh"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("database/sql.(*DB).connectionOpener"))
}

// server is the parts of Gatehouse that write to a data folder, at work.
type server struct {
	data  string
	log   *audit.Log
	index *store.SQLite
	rec   *recorder.Recorder
	done  chan string // sessions that have ended
}

func startServer(t *testing.T) *server {
	t.Helper()
	return startServerWith(t, recorder.Encryption{})
}

// startServerWith has recordings encrypted.
func startServerWith(t *testing.T, e recorder.Encryption) *server {
	t.Helper()
	s := &server{data: filepath.Join(t.TempDir(), "data"), done: make(chan string, 1)}
	for _, dir := range []string{"decider/log", "decider/ca", "door/recordings"} {
		must(t, os.MkdirAll(filepath.Join(s.data, dir), 0o700))
	}
	_, err := ca.Open(filepath.Join(s.data, "decider/ca"), nil)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(s.data, "decider/policy.last-good"), []byte("version: 1\n"), 0o640))
	must(t, os.Chown(filepath.Join(s.data, "decider/policy.last-good"), 65534, 65534))
	signer, key, err := audit.LoadOrCreateKey(filepath.Join(s.data, "decider/log"), "test.example/log")
	must(t, err)
	s.log, err = audit.Open(audit.Config{Dir: filepath.Join(s.data, "decider/log"), Signer: signer, VerifierKey: key, Origin: "test.example/log"})
	must(t, err)
	s.index, err = store.OpenSQLite(store.Config{Path: filepath.Join(s.data, "door/gatehouse.db")})
	must(t, err)
	s.rec, err = recorder.New(recorder.Config{Dir: filepath.Join(s.data, "door/recordings"), Encryption: e,
		Commit: func(ctx context.Context, c recorder.Chunk) error { return s.note(ctx, audit.RecChunk, c.Session, c) }})
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for ctx.Err() == nil {
				if err := s.session(ctx); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	t.Cleanup(func() {
		cancel()
		wg.Wait()
		must(t, errors.Join(s.log.Close(), s.index.Close()))
	})
	return s
}

// session lives one session: recorded, committed, closed, indexed.
func (s *server) session(ctx context.Context) error {
	id := "ses_" + ulid.Make().String()
	row := store.Session{ID: id, State: store.Live, Started: time.Now()}
	background := context.WithoutCancel(ctx)
	rec, err := s.rec.Open(background, recorder.Header{Session: id, Started: row.Started})
	if err != nil {
		return err
	}
	if err := errors.Join(s.index.Put(background, row), rec.Write(recorder.Output, bytes.Repeat([]byte(id), 30_000))); err != nil {
		return err
	}
	sum, err := rec.Close(background, recorder.End{State: "ended"})
	if err != nil {
		return err
	}
	row.State = store.Ended
	if err := errors.Join(s.note(background, audit.RecClose, id, sum), s.rec.Settle(id), s.index.Put(background, row)); err != nil {
		return err
	}
	select {
	case s.done <- id:
	case <-ctx.Done():
	default:
	}
	return nil
}

func (s *server) note(ctx context.Context, typ audit.Type, session string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = s.log.Append(ctx, audit.Entry{Type: typ, Session: session, Data: data})
	return err
}

// TestBackupOfABusyServer backs up again and again while sessions come and go. Every backup is a data folder that Gatehouse
// can start from: the log verifies with its recordings, the index is sound, the keys are the same.
func TestBackupOfABusyServer(t *testing.T) {
	s := startServer(t)
	for range 4 {
		before := <-s.done
		file := filepath.Join(t.TempDir(), "gatehouse.backup")
		if _, err := backup.Create(t.Context(), s.data, file); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(file); err != nil || info.Mode() != 0o600 {
			t.Errorf("the file: %v, %v", info.Mode(), err)
		}
		restored := filepath.Join(t.TempDir(), "restored")
		if _, err := backup.Restore(t.Context(), file, restored); err != nil {
			t.Fatal(err)
		}
		checkRestored(t, s.data, restored, before)
	}
}

func checkRestored(t *testing.T, data, restored, session string) {
	t.Helper()
	logDir, recordings := filepath.Join(restored, "decider/log"), filepath.Join(restored, "door/recordings")
	key, err := os.ReadFile(filepath.Join(logDir, audit.VerifierFile))
	must(t, err)
	report, err := audit.Verify(t.Context(), audit.VerifyOptions{LogDir: logDir, RecordingsDir: recordings, VerifierKey: strings.TrimSpace(string(key))})
	if err != nil || report.Bad != nil || report.Signed < 2 {
		t.Errorf("audit verify: %+v, bad: %v, %v", report, report.Bad, err)
	}
	db := filepath.Join(restored, "door/gatehouse.db")
	if out, err := exec.Command("sqlite3", db, "PRAGMA integrity_check").Output(); err != nil || string(out) != "ok\n" {
		t.Errorf("sqlite3: %q, %v", out, err)
	}
	index, err := store.OpenSQLite(store.Config{Path: db})
	must(t, err)
	defer index.Close()
	if got, err := index.Get(t.Context(), session); err != nil || got.State != store.Ended {
		t.Errorf("session %s: %+v, %v", session, got, err)
	}
	ended, err := index.List(t.Context(), store.Filter{State: store.Ended, Limit: store.MaxLimit})
	must(t, err)
	for _, e := range ended {
		path, err := recorder.Path(recordings, e.ID)
		must(t, err)
		if _, err := os.Stat(path); err != nil {
			t.Errorf("an ended session lacks its recording: %v", err)
		}
	}
	was, err := ca.Open(filepath.Join(data, "decider/ca"), nil)
	must(t, err)
	is, err := ca.Open(filepath.Join(restored, "decider/ca"), nil)
	must(t, err)
	if ssh.FingerprintSHA256(was.Target.PublicKey()) != ssh.FingerprintSHA256(is.Target.PublicKey()) {
		t.Error("the target CA has another key")
	}
	info, err := os.Stat(filepath.Join(restored, "decider/policy.last-good"))
	if err != nil || info.Mode() != 0o640 || owner(info) != 65534 {
		t.Errorf("mode %v, owner %d, %v", info.Mode(), owner(info), err)
	}
}

// TestBackupLeavesOut: sockets, temporary files and SQLite's own; and a folder of its own making, nothing else, is left.
func TestBackupLeavesOut(t *testing.T) {
	data := smallData(t)
	for _, name := range []string{".tmp-123", "x.tmp", "serials.lock", "door/gatehouse.db-journal", "decider/.hidden/file"} {
		put(t, filepath.Join(data, name), "left out")
	}
	socket, err := net.Listen("unix", filepath.Join(data, "door/admin.sock"))
	must(t, err)
	defer socket.Close()
	out := t.TempDir()
	_, err = backup.Create(t.Context(), data, filepath.Join(out, "b"))
	must(t, err)
	_, err = backup.Restore(t.Context(), filepath.Join(out, "b"), filepath.Join(out, "restored"))
	must(t, err)
	want := ".\ndecider\ndecider/log\ndecider/log/checkpoint\ndecider/log/entries\ndecider/policy\ndoor\ndoor/empty\ndoor/host_key"
	if got := tree(t, filepath.Join(out, "restored")); got != want {
		t.Errorf("restored\n%s\nwant\n%s", got, want)
	}
	if got := tree(t, out); !strings.HasPrefix(got, ".\nb\nrestored\n") {
		t.Errorf("beside the backup:\n%s", got)
	}
}
