package audit

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestProbe: a probe finds out that nothing can be written, and that it can again; it leaves no entry, no other checkpoint and no line
// of history.
func TestProbe(t *testing.T) {
	dir := t.TempDir()
	signer, key, err := LoadOrCreateKey(dir, "node")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	l, err := Open(Config{Dir: dir, Signer: signer, VerifierKey: key, Origin: "node", Node: "node", Now: func() time.Time { now = now.Add(2 * time.Second); return now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	if _, err := l.Append(t.Context(), Entry{Type: ServeStart, Outcome: "ok"}); err != nil {
		t.Fatal(err)
	}
	files := func() (all [][]byte) {
		for _, name := range []string{entriesFile, hashesFile, checkpointFile, historyFile} {
			text, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, text)
		}
		return all
	}
	if err := l.Probe(t.Context()); err != nil { // what the entry leaves behind it has been written when this is answered
		t.Fatal(err)
	}
	before := files()
	for range 3 {
		if err := l.Probe(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for i, text := range files() {
		if !bytes.Equal(text, before[i]) {
			t.Errorf("file %d has changed: %d bytes, %d before", i, len(text), len(before[i]))
		}
	}
	// The checkpoint cannot be replaced any more.
	old := l.entries
	broken, err := os.Open(filepath.Join(dir, entriesFile)) // for reading alone
	if err != nil {
		t.Fatal(err)
	}
	l.entries = broken
	if _, err := l.Append(t.Context(), Entry{Type: ServeStart, Outcome: "ok"}); !errors.Is(err, ErrUnavailable) {
		t.Fatalf("append to what can only be read: %v", err)
	}
	if err := l.Probe(t.Context()); !errors.Is(err, ErrUnavailable) {
		t.Errorf("a probe of what can only be read: %v", err)
	}
	l.entries = old
	if err := l.Probe(t.Context()); err != nil {
		t.Errorf("a probe of what can be written again: %v", err)
	}
	if err := broken.Close(); err != nil {
		t.Error(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := l.Probe(context.Background()); !errors.Is(err, ErrClosed) {
		t.Errorf("a probe of a closed log: %v", err)
	}
}
