package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"gatehouse/internal/decider"
	"gatehouse/internal/supervisor"
	"gatehouse/recorder/audit"
)

// The exit status of audit verify says good, changed, or that nothing could be checked.
func TestAuditVerify(t *testing.T) {
	data := t.TempDir()
	dir := decider.LogDir(supervisor.DeciderDir(data))
	signer, vkey, err := audit.LoadOrCreateKey(dir, "test/log")
	if err != nil {
		t.Fatal(err)
	}
	l, err := audit.Open(audit.Config{Dir: dir, Signer: signer, VerifierKey: vkey, Origin: "test/log"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(t.Context(), audit.Entry{Type: audit.Kill, Reason: "because"}); err != nil {
		t.Fatal(err)
	}
	checkpoint := filepath.Join(t.TempDir(), "checkpoint")
	if err := os.WriteFile(checkpoint, l.Checkpoint(), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	expect := func(name string, want int, args ...string) {
		t.Helper()
		if got := run(append([]string{"audit", "verify", "--data", data}, args...)); got != want {
			t.Errorf("%s: exit status %d, want %d", name, got, want)
		}
	}
	expect("good", 0)
	expect("good, with a checkpoint and a key from elsewhere", 0, "--checkpoint", checkpoint, "--key", filepath.Join(dir, audit.VerifierFile))
	expect("no such flag", exitUsage, "--nonsense")
	expect("no such key", exitUsage, "--key", checkpoint+".missing")
	expect("no log", exitUsage, "--log", t.TempDir())
	entries := filepath.Join(dir, "entries")
	b, err := os.ReadFile(entries)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(entries, bytes.Replace(b, []byte("because"), []byte("for fun"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	expect("changed", exitNo)
}
