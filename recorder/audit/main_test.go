package audit

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDirEnv); dir != "" {
		appendForEver(dir) // the child of TestCrash
	}
	goleak.VerifyTestMain(m)
}

const testOrigin = "gatehouse.test/log"

// clock advances by 700 ms each time it is read.
func clock() func() time.Time {
	var n atomic.Int64
	return func() time.Time {
		return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC).Add(time.Duration(n.Add(1)) * 700 * time.Millisecond)
	}
}

func openTest(t testing.TB, dir string) *Log {
	t.Helper()
	l, err := tryOpen(dir, clock())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func tryOpen(dir string, now func() time.Time) (*Log, error) {
	signer, vkey, err := LoadOrCreateKey(dir, testOrigin)
	if err != nil {
		return nil, err
	}
	return Open(Config{Dir: dir, Signer: signer, VerifierKey: vkey, Origin: testOrigin, Node: "door-1", Now: now})
}

func mustAppend(t testing.TB, l *Log, entries ...Entry) int64 {
	t.Helper()
	seq, err := l.Append(context.Background(), entries...)
	if err != nil {
		t.Fatal(err)
	}
	return seq
}

// fill appends n decisions, one at a time.
func fill(t testing.TB, l *Log, n int) {
	t.Helper()
	for i := range n {
		mustAppend(t, l, Entry{Type: Decision, Actor: "agent:a", Session: fmt.Sprintf("ses_%d", i), Outcome: "allow", Reason: "because"})
	}
}

func verifyDir(t testing.TB, dir string, checkpoint []byte) Report {
	t.Helper()
	pub, err := os.ReadFile(filepath.Join(dir, VerifierFile))
	if err != nil {
		t.Fatal(err)
	}
	rep, err := Verify(context.Background(), VerifyOptions{LogDir: dir, VerifierKey: string(pub[:len(pub)-1]), Checkpoint: checkpoint})
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

func copyDir(t testing.TB, from string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(to, KeyFile), 0o600); err != nil {
		t.Fatal(err)
	}
	return to
}
