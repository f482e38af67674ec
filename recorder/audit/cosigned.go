package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

const (
	cosignedHistory   = "cosignatures" // old cosigned checkpoints, at most one an hour
	contradictionFile = "contradicted" // a signed checkpoint that a witness holds against the log
	alarmPrefix       = "alarm-"       // why a witness contradicts the log, as long as it does
	cosignedEvery     = time.Hour
)

// KeepCosigned makes a checkpoint with its cosignatures the newest cosigned one of the log in dir. Once an hour it is added to
// the history as well.
func KeepCosigned(dir string, msg []byte, now time.Time) error {
	path := filepath.Join(dir, cosignedHistory)
	st, err := os.Stat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err != nil || now.Sub(st.ModTime()) >= cosignedEvery {
		if err := appendHistory(path, now, msg); err != nil {
			return fmt.Errorf("history of cosigned checkpoints: %w", err)
		}
	}
	return ReplaceFile(filepath.Join(dir, cosignedFile), msg, 0o644)
}

func appendHistory(path string, now time.Time, msg []byte) error {
	line, err := json.Marshal(historyLine{now.UTC(), string(msg)})
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	return errors.Join(err, f.Sync(), f.Close())
}

// Cosigned returns the newest cosigned checkpoint of the log in dir; nil if there is none.
func Cosigned(dir string) ([]byte, error) {
	msg, err := readSmall(filepath.Join(dir, cosignedFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return msg, err
}

// KeepContradiction keeps a signed checkpoint that a witness holds and that the log contradicts; Verify compares with it. One
// that is there stays: the first is the nearest to what happened.
func KeepContradiction(dir string, msg []byte) error {
	path := filepath.Join(dir, contradictionFile)
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	return ReplaceFile(path, msg, 0o644)
}

// contradiction is what KeepContradiction kept, if the log's key signed it: anybody can write a file.
func contradiction(dir string, key note.Verifier) (Checkpoint, bool) {
	msg, err := readSmall(filepath.Join(dir, contradictionFile))
	if err != nil || len(msg) > maxCheckpoint || len(bytes.TrimSpace(msg)) == 0 {
		return Checkpoint{}, false
	}
	cp, err := OpenCheckpoint(msg, key)
	return cp, err == nil
}

// alarmPath is the file that says that a witness contradicts the log. Names are hashed: they may hold anything.
func alarmPath(dir, witness string) string {
	sum := sha256.Sum256([]byte(witness))
	return filepath.Join(dir, alarmPrefix+hex.EncodeToString(sum[:8]))
}

// RaiseAlarm remembers over restarts that a witness contradicts the log in dir.
func RaiseAlarm(dir, witness, text string) error {
	return ReplaceFile(alarmPath(dir, witness), []byte(text+"\n"), 0o600)
}

// EndAlarm forgets that.
func EndAlarm(dir, witness string) error {
	if err := os.Remove(alarmPath(dir, witness)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// StandingAlarm is what RaiseAlarm remembered; empty if there is no alarm.
func StandingAlarm(dir, witness string) (string, error) {
	text, err := readSmall(alarmPath(dir, witness))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return strings.TrimSpace(string(text)), err
}
