package backup_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"gatehouse/internal/backup"
	"gatehouse/recorder"
	"gatehouse/recorder/audit"

	"filippo.io/age"
	"golang.org/x/sys/unix"
)

// TestBackupWhileRecordingsGo backs up while encrypted recordings are made, removed and shredded. Whatever the log in a backup
// says of them is so in the backup: it verifies, key files included, and an identity opens what was not shredded.
func TestBackupWhileRecordingsGo(t *testing.T) {
	id, err := age.GenerateX25519Identity()
	must(t, err)
	to, err := recorder.ParseRecipient(id.Recipient().String())
	must(t, err)
	s := startServerWith(t, recorder.Encryption{Recipients: []recorder.Recipient{to}})
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan struct{})
	var removed, busy atomic.Int64
	go func() {
		defer close(gone)
		for n := 0; ctx.Err() == nil; n++ {
			select {
			case session := <-s.done:
				err := s.destroy(session, n%2 == 0)
				for errors.Is(err, recorder.ErrBusy) && ctx.Err() == nil {
					busy.Add(1)
					err = s.destroy(session, n%2 == 0)
				}
				if err == nil {
					removed.Add(1)
				} else if !errors.Is(err, recorder.ErrBusy) {
					t.Error(err)
				}
			case <-ctx.Done():
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-gone })
	opened := 0
	for round := 0; round < 3 || removed.Load() < 4 || opened == 0; round++ {
		file, restored := filepath.Join(t.TempDir(), "b"), filepath.Join(t.TempDir(), "restored")
		_, err := backup.Create(t.Context(), s.data, file)
		must(t, err)
		_, err = backup.Restore(t.Context(), file, restored)
		must(t, err)
		logDir, recordings := filepath.Join(restored, "decider/log"), filepath.Join(restored, "door/recordings")
		key, err := os.ReadFile(filepath.Join(logDir, audit.VerifierFile))
		must(t, err)
		report, err := audit.Verify(t.Context(), audit.VerifyOptions{LogDir: logDir, RecordingsDir: recordings, VerifierKey: strings.TrimSpace(string(key))})
		if err != nil || report.Bad != nil || len(report.StillThere) > 0 {
			t.Errorf("audit verify: %+v, bad: %v, %v", report, report.Bad, err)
		}
		var keys recorder.KeyReport
		must(t, recorder.CheckKeys(t.Context(), recordings, []age.Identity{id}, func(session, why string) {
			// One that was only being made has no header yet.
			if !strings.Contains(why, "no key file") && !strings.Contains(why, "read recording header: unexpected EOF") {
				t.Errorf("%s: %s", session, why)
			}
		}, &keys))
		if opened += keys.Opened; keys.Opened+keys.Lost != keys.Encrypted { // a round may have had none
			t.Errorf("keys: %+v", keys)
		}
	}
	if removed.Load() == 0 {
		t.Error("nothing was destroyed meanwhile")
	}
}

// destroy removes or shreds a recording, after its entry.
func (s *server) destroy(session string, shred bool) error {
	typ, do := audit.RecDelete, s.rec.Destroy
	if shred {
		typ, do = audit.RecShred, s.rec.Shred
	}
	return do(context.Background(), session, func(ctx context.Context, d recorder.Doomed) error {
		data, err := json.Marshal(audit.Disposed{SHA256: d.SHA256, Size: d.Size})
		if err != nil {
			return err
		}
		_, err = s.log.Append(ctx, audit.Entry{Type: typ, Session: session, Outcome: "ok", Data: data})
		return err
	})
}

// TestBackupLocksRecordings: while a backup holds its lock nothing is destroyed, and after it everything can be.
func TestBackupLocksRecordings(t *testing.T) {
	s := startServer(t)
	session := <-s.done
	path, err := recorder.Path(filepath.Join(s.data, "door/recordings"), session)
	must(t, err)
	unlock := lockShared(t, filepath.Join(s.data, "door/recordings"))
	if err := s.destroy(session, false); !errors.Is(err, recorder.ErrBusy) {
		t.Errorf("during a backup: %v", err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
	unlock()
	must(t, s.destroy(session, false))
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after it: %v", err)
	}
}

// lockShared takes the lock of a backup.
func lockShared(t *testing.T, dir string) (unlock func()) {
	t.Helper()
	f, err := os.Open(dir)
	must(t, err)
	must(t, unix.Flock(int(f.Fd()), unix.LOCK_SH))
	return func() { must(t, f.Close()) }
}
