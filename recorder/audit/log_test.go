package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Entries of one call are adjacent, numbers have no gaps, the checkpoint covers what Append acknowledged.
func TestAppendConcurrent(t *testing.T) {
	dir := t.TempDir()
	l := openTest(t, dir)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 50 {
				id := fmt.Sprintf("%d-%d", w, i)
				seq, err := l.Append(t.Context(), Entry{Type: Decision, Object: id}, Entry{Type: CertIssue, Object: id})
				if err != nil {
					t.Error(err)
					return
				}
				cp, err := OpenCheckpoint(l.Checkpoint(), l.verifier)
				if err != nil || cp.Size < seq+2 {
					t.Errorf("entry %d acknowledged, checkpoint %+v, %v", seq, cp, err)
				}
			}
		})
	}
	wg.Wait()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if onDisk, err := os.ReadFile(filepath.Join(dir, checkpointFile)); err != nil || !bytes.Equal(onDisk, l.Checkpoint()) {
		t.Errorf("the checkpoint on the disk is not the newest: %q, %v", onDisk, err)
	}
	entries := readEntries(t, dir)
	if len(entries) != 801 || entries[0].Type != LogStart {
		t.Fatalf("%d entries, the first is %s", len(entries), entries[0].Type)
	}
	for i := 1; i < len(entries); i += 2 {
		if a, b := entries[i], entries[i+1]; a.Type != Decision || b.Type != CertIssue || a.Object != b.Object || a.Node != "door-1" {
			t.Fatalf("entries %d and %d: %+v, %+v", i, i+1, a, b)
		}
	}
	if rep := verifyDir(t, dir, nil); rep.Bad != nil || rep.Signed != 801 {
		t.Errorf("verify: %+v, %v", rep, rep.Bad)
	}
}

func readEntries(t testing.TB, dir string) []Entry {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, entriesFile))
	if err != nil {
		t.Fatal(err)
	}
	var all []Entry
	for line := range bytes.Lines(b) {
		e, err := Parse(bytes.TrimSuffix(line, []byte("\n")))
		if err != nil || e.Seq != int64(len(all)) {
			t.Fatalf("entry %d is %q: %v", len(all), line, err)
		}
		all = append(all, e)
	}
	return all
}

// Our right edge and x/mod's tlog agree on every root and on the stored hashes.
func TestTreeAgainstTlog(t *testing.T) {
	var mine tree
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var out []tlog.Hash
		for _, i := range indexes {
			out = append(out, stored[i])
		}
		return out, nil
	})
	var got []tlog.Hash
	for n := range int64(300) {
		data := fmt.Appendf(nil, "entry %d", n)
		hashes, err := tlog.StoredHashes(n, data, reader)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, hashes...)
		mine.add(leafHash(append([]byte{0}, data...)), func(h tlog.Hash) { got = append(got, h) })
		want, err := tlog.TreeHash(n+1, reader)
		if err != nil || mine.root() != want || len(got) != len(stored) || got[len(got)-1] != stored[len(stored)-1] {
			t.Fatalf("after %d leaves: root %v, tlog %v, %v", n+1, mine.root(), want, err)
		}
	}
}

// Reopening continues the same tree, from the stored hashes or, when they are spoilt, from the entries.
func TestReopen(t *testing.T) {
	dir := t.TempDir()
	for i := range 12 {
		l := openTest(t, dir)
		fill(t, l, i)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		switch i % 3 {
		case 1:
			os.Truncate(filepath.Join(dir, hashesFile), 40)
		case 2:
			os.WriteFile(filepath.Join(dir, hashesFile), make([]byte, 4000), 0o600)
		}
		if rep := verifyDir(t, dir, nil); rep.Bad != nil {
			t.Fatalf("round %d: %v", i, rep.Bad)
		}
	}
	if n := len(readEntries(t, dir)); n != 1+66 {
		t.Errorf("%d entries", n)
	}
}

func TestRefusals(t *testing.T) {
	dir := t.TempDir()
	l := openTest(t, dir)
	for name, e := range map[string][]Entry{
		"none":       {},
		"too many":   make([]Entry, MaxEntries+1),
		"large data": {{Type: Decision, Data: json.RawMessage(`"` + strings.Repeat("x", MaxData) + `"`)}},
		"large text": {{Type: Decision, Reason: strings.Repeat("x", MaxEntry)}},
		"no type":    {{}},
		"not JSON":   {{Type: Decision, Data: json.RawMessage("{")}},
	} {
		if _, err := l.Append(t.Context(), e...); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := tryOpen(dir, clock()); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a second open: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Append(ctx, make([]Entry, 1)...); err == nil {
		t.Error("append with a dead context: no error")
	}
	l.Close()
	if _, err := l.Append(t.Context(), Entry{Type: Decision}); !errors.Is(err, ErrClosed) {
		t.Errorf("append after close: %v", err)
	}
	other, _, err := note.GenerateKey(zeros{}, "other")
	if err != nil {
		t.Fatal(err)
	}
	signer, _ := note.NewSigner(other)
	if _, err := Open(Config{Dir: dir, Signer: signer, VerifierKey: "x", Origin: testOrigin}); err == nil {
		t.Error("a key of another origin was accepted")
	}
	if err := os.Chmod(filepath.Join(dir, KeyFile), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, err := LoadOrCreateKey(dir, testOrigin); err == nil {
		t.Error("a key that others can read was accepted")
	}
}

// zeros is a source of fixed bytes.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// What contradicts the checkpoint is not opened, and the error says what to do.
func TestOpenRefusesContradiction(t *testing.T) {
	good := t.TempDir()
	l := openTest(t, good)
	fill(t, l, 20)
	l.Close()
	for name, spoil := range map[string]func(dir string) error{
		"missing checkpoint": func(d string) error {
			return errors.Join(os.Remove(filepath.Join(d, checkpointFile)), os.Remove(filepath.Join(d, historyFile)))
		},
		"forged checkpoint":  func(d string) error { return edit(d, checkpointFile, "\n21\n", "\n20\n") },
		"missing entries":    func(d string) error { return os.Truncate(filepath.Join(d, entriesFile), 0) },
		"missing last entry": func(d string) error { return cutLines(d, 1) },
		"changed last entry": func(d string) error { return edit(d, entriesFile, "ses_19", "ses_18") },
		"changed, no hashes": func(d string) error {
			return errors.Join(edit(d, entriesFile, "ses_3", "ses_4"), os.Remove(filepath.Join(d, hashesFile)))
		},
	} {
		dir := copyDir(t, good)
		if err := spoil(dir); err != nil {
			t.Fatal(err)
		}
		if _, err := tryOpen(dir, clock()); !errors.Is(err, ErrInconsistent) || !strings.Contains(err.Error(), "audit verify") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func edit(dir, file, from, to string) error {
	path := filepath.Join(dir, file)
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if !bytes.Contains(b, []byte(from)) {
		return fmt.Errorf("%s has no %q", file, from)
	}
	return os.WriteFile(path, bytes.Replace(b, []byte(from), []byte(to), 1), 0o600)
}

func cutLines(dir string, n int) error {
	path := filepath.Join(dir, entriesFile)
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	lines := bytes.SplitAfter(b, []byte("\n"))
	return os.WriteFile(path, bytes.Join(lines[:len(lines)-1-n], nil), 0o600)
}

// A crash may leave whole entries beyond the checkpoint, which stay, and a torn one, which is moved aside.
func TestOpenAfterCrash(t *testing.T) {
	dir := t.TempDir()
	l := openTest(t, dir)
	fill(t, l, 5)
	l.Close()
	f, err := os.OpenFile(filepath.Join(dir, entriesFile), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	whole := appendLine(nil, 6, time.Now(), `"door-1"`, []byte(`{"type":"decision"}`))
	torn := whole[:len(whole)-9]
	if _, err := f.Write(append(whole, torn...)); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if rep := verifyDir(t, dir, nil); rep.Bad != nil || rep.Signed != 6 || rep.Entries != 7 || !rep.Torn {
		t.Errorf("verify before reopening: %+v, %v", rep, rep.Bad)
	}
	openTest(t, dir).Close()
	entries := readEntries(t, dir)
	last := entries[len(entries)-1]
	if len(entries) != 8 || last.Type != LogRecovered || !strings.Contains(string(last.Data), `"kept":1`) {
		t.Fatalf("%d entries, the last %+v", len(entries), last)
	}
	aside, _ := filepath.Glob(filepath.Join(dir, tornPrefix+"*"))
	if len(aside) != 1 {
		t.Fatalf("torn files: %v", aside)
	}
	if b, _ := os.ReadFile(aside[0]); !bytes.Equal(b, torn) {
		t.Errorf("torn file holds %q", b)
	}
	if rep := verifyDir(t, dir, nil); rep.Bad != nil || rep.Signed != 8 || rep.Torn {
		t.Errorf("verify: %+v, %v", rep, rep.Bad)
	}
}

// A crash during the very first entry does not keep the log from beginning.
func TestOpenUnborn(t *testing.T) {
	for _, rest := range []string{"", `{"v":1,"se`, "{\"v\":1,\"seq\":0}\n"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, entriesFile), []byte(rest), 0o600); err != nil {
			t.Fatal(err)
		}
		openTest(t, dir).Close()
		if rep := verifyDir(t, dir, nil); rep.Bad != nil || rep.Signed != 1 {
			t.Errorf("%q: %+v", rest, rep)
		}
	}
}

// The log beats once a minute, so that a time in which it was stopped shows as a gap.
func TestHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		l, err := tryOpen(dir, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(3*beatEvery + time.Second)
		l.Close()
		entries := readEntries(t, dir)
		if len(entries) != 4 || entries[3].Type != Heartbeat {
			t.Errorf("after three minutes: %+v", entries)
		}
		time.Sleep(time.Hour)
		if l, err = tryOpen(dir, time.Now); err != nil {
			t.Fatal(err)
		}
		mustAppend(t, l, Entry{Type: ServeStart})
		l.Close()
		if rep := verifyDir(t, dir, nil); rep.LongestGap != time.Hour+time.Second {
			t.Errorf("longest gap %v", rep.LongestGap)
		}
	})
}

// The history has at most one checkpoint a second.
func TestHistoryIsBounded(t *testing.T) {
	dir := t.TempDir()
	l := openTest(t, dir) // the clock advances 700 ms an entry
	fill(t, l, 20)
	l.Close()
	b, err := os.ReadFile(filepath.Join(dir, historyFile))
	if n := bytes.Count(b, []byte("\n")); err != nil || n != 11 {
		t.Errorf("21 entries in 14 s left %d lines of history, %v", n, err)
	}
}

// A power cut may leave an empty checkpoint; the history has one that is hardly older, and no entry is lost. An old
// checkpoint put in the place of a newer one does not make the log forget what the history says.
func TestOpenWithoutNewestCheckpoint(t *testing.T) {
	good := t.TempDir()
	l := openTest(t, good)
	fill(t, l, 4)
	old := l.Checkpoint()
	fill(t, l, 20)
	l.Close()
	for name, content := range map[string][]byte{"empty": {}, "zeros": make([]byte, 200), "old": old} {
		dir := copyDir(t, good)
		if err := os.WriteFile(filepath.Join(dir, checkpointFile), content, 0o600); err != nil {
			t.Fatal(err)
		}
		openTest(t, dir).Close()
		if rep := verifyDir(t, dir, nil); rep.Bad != nil || rep.Signed < 25 {
			t.Errorf("%s: %+v, %v", name, rep, rep.Bad)
		}
		dir = copyDir(t, good)
		if err := errors.Join(os.WriteFile(filepath.Join(dir, checkpointFile), content, 0o600), edit(dir, entriesFile, "ses_12", "ses_13"), os.Remove(filepath.Join(dir, hashesFile))); err != nil {
			t.Fatal(err)
		}
		if _, err := tryOpen(dir, clock()); !errors.Is(err, ErrInconsistent) {
			t.Errorf("%s, and a changed entry: %v", name, err)
		}
	}
}
