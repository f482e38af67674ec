package audit

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// On a full disk Append fails and leaves nothing behind; when there is room again the same log works on.
func TestFullDisk(t *testing.T) {
	dir := smallDisk(t, "1m")
	l := openTest(t, dir)
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 500<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	big := Entry{Type: Decision, Reason: strings.Repeat("x", 20_000)}
	acked := 0
	var err error
	for range 200 {
		if _, err = l.Append(t.Context(), big, Entry{Type: CertIssue}); err != nil {
			break
		}
		acked++
	}
	if !errors.Is(err, ErrUnavailable) {
		t.Fatalf("append on a full disk: %v", err)
	}
	for range 3 {
		if _, err := l.Append(t.Context(), big); !errors.Is(err, ErrUnavailable) {
			t.Errorf("append on a disk that is still full: %v", err)
		}
	}
	if n := len(readEntries(t, dir)); n != 1+2*acked {
		t.Errorf("%d entries are visible, %d were acknowledged", n, 1+2*acked)
	}
	if rep := verifyDir(t, dir, nil); rep.Bad != nil || rep.Torn {
		t.Errorf("verify on a full disk: %+v, %v", rep, rep.Bad)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if seq := mustAppend(t, l, big); seq != int64(1+2*acked) {
		t.Errorf("the first entry with room again is %d", seq)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	openTest(t, dir).Close()
	if rep := verifyDir(t, dir, nil); rep.Bad != nil || rep.Signed != rep.Entries {
		t.Errorf("verify: %+v, %v", rep, rep.Bad)
	}
}

// An error of the file system other than a full disk is treated alike.
func TestBrokenDisk(t *testing.T) {
	dir := t.TempDir()
	l := openTest(t, dir)
	fill(t, l, 3)
	good := l.entries
	broken, err := os.Open(filepath.Join(dir, entriesFile)) // read-only: every write fails
	if err != nil {
		t.Fatal(err)
	}
	defer broken.Close()
	l.entries = broken
	for range 2 {
		if _, err := l.Append(t.Context(), Entry{Type: Decision}); !errors.Is(err, ErrUnavailable) {
			t.Errorf("append: %v", err)
		}
	}
	l.entries = good
	if seq := mustAppend(t, l, Entry{Type: Decision}); seq != 4 {
		t.Errorf("after the repair the next entry is %d", seq)
	}
	if rep := verifyDir(t, dir, nil); rep.Bad != nil || rep.Entries != 5 {
		t.Errorf("verify: %+v", rep)
	}
}

// smallDisk mounts a tmpfs for one test.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+size, "gatehouse-test", dir).CombinedOutput(); err != nil {
		t.Fatalf("mount a tmpfs (needs root): %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "-l", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	return dir
}
