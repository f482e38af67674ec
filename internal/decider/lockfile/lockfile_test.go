package lockfile

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gatehouse/policy/access"
)

func record(n int, kind access.LockKind) Record {
	return Record{Lock: access.Lock{ID: fmt.Sprintf("lck_%026d", n), What: access.Subject{Kind: kind, Value: "bot"}, Reason: "r", By: "person:ann", At: time.Date(2026, 11, 28, 3, 0, 0, 0, time.UTC)}}
}

func open(t *testing.T, dir string) (*File, []Record) {
	t.Helper()
	f, records, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f, records
}

// TestVector: the bytes of a copy are those of the specification's version.
func TestVector(t *testing.T) {
	text, err := encode([]Record{record(1, access.LockAgent)})
	if err != nil {
		t.Fatal(err)
	}
	got := hex.EncodeToString(frame(7, text))
	want, err := os.ReadFile(filepath.Join("testdata", "vector.hex"))
	if err != nil {
		t.Fatal(err)
	}
	if got != strings.TrimSpace(string(want)) {
		t.Errorf("a copy is %s", got)
	}
}

// TestTornAnywhere: a write that stops at any byte, in either copy, leaves the list from before or the new one.
func TestTornAnywhere(t *testing.T) {
	dir := t.TempDir()
	f, _ := open(t, dir)
	path := filepath.Join(dir, Name)
	before, after := []Record{record(1, access.LockAgent)}, []Record{record(1, access.LockAgent), record(2, access.LockTarget)}
	if err := f.Write(before); err != nil {
		t.Fatal(err)
	}
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Write(after); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	length := len(bytes.TrimRight(whole[:copySize], "\x00"))
	for at := 0; at <= 2*length; at += 7 {
		torn := bytes.Clone(old)
		copy(torn, whole[:min(at, length)])
		if at > length {
			copy(torn[copySize:], whole[copySize:copySize+at-length])
		}
		if err := os.WriteFile(path, torn, 0o600); err != nil {
			t.Fatal(err)
		}
		again, records := open(t, dir)
		if n := len(records); n != 1 && n != 2 || at >= length && n != 2 {
			t.Fatalf("torn at %d of %d: %d locks", at, length, n)
		}
		_ = again.Close()
	}
}

// TestDamage: one copy is enough, and is said; none is no empty list; a file of another size is none.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	f, _ := open(t, dir)
	if err := f.Write([]Record{record(1, access.LockAgent)}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, Name)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int{0, len(magic), len(magic) + 9, len(magic) + 20, head + 3} {
		for _, places := range [][]int{{at}, {copySize + at}, {at, copySize + at}} {
			spoilt := bytes.Clone(whole)
			for _, p := range places {
				spoilt[p] ^= 0x40
			}
			if err := os.WriteFile(path, spoilt, 0o600); err != nil {
				t.Fatal(err)
			}
			got, records, err := Open(dir)
			if len(places) == 2 {
				if !errors.Is(err, ErrDamaged) {
					t.Errorf("both copies at %d: %v", at, err)
				}
				continue
			}
			if err != nil || len(records) != 1 || got.Repaired == "" {
				t.Errorf("damage at %v: %v, %d locks", places, err, len(records))
				continue
			}
			_ = got.Close()
			if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now[:copySize-1][head:head+20], now[copySize:][head:head+20]) {
				t.Errorf("damage at %v is not repaired: %v", places, err)
			}
		}
	}
	if err := os.WriteFile(path, whole[:100], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(dir); !errors.Is(err, ErrDamaged) {
		t.Errorf("a short file: %v", err)
	}
}

// TestFull: at the bound nothing more is taken, but for the lock of everything.
func TestFull(t *testing.T) {
	f, _ := open(t, t.TempDir())
	var all []Record
	for i := range Max {
		all = append(all, record(i, access.LockAgent))
	}
	if err := f.Write(all); err != nil {
		t.Fatal(err)
	}
	if err := f.Write(append(all[:Max:Max], record(Max, access.LockAgent))); !errors.Is(err, ErrFull) {
		t.Errorf("one more: %v", err)
	}
	if err := f.Write(append(all[:Max:Max], record(Max, access.LockEverything))); err != nil {
		t.Errorf("everything: %v", err)
	}
}

// TestFullDisk: with not a byte left it is written all the same.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	f, _ := open(t, dir)
	filler, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	defer filler.Close()
	for err == nil {
		_, err = filler.Write(make([]byte, 4096))
	}
	var all []Record
	for i := range Max {
		all = append(all, record(i, access.LockAgent))
	}
	if err := f.Write(all); err != nil {
		t.Fatal(err)
	}
	if _, records := open(t, dir); len(records) != Max {
		t.Errorf("%d locks", len(records))
	}
}

// FuzzDecode: no bytes make the reader panic.
func FuzzDecode(f *testing.F) {
	text, err := encode([]Record{record(1, access.LockAgent)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(frame(1, text))
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, b []byte) {
		block := make([]byte, copySize)
		copy(block, b)
		_, _, _ = decode(block)
	})
}

// TestJudge asks a program that shares nothing with ours.
func TestJudge(t *testing.T) {
	dir := t.TempDir()
	f, _ := open(t, dir)
	if err := f.Write([]Record{record(7, access.LockAgent)}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, Name)
	judge := filepath.Join("..", "..", "..", "scripts", "judge", "locks.py")
	out, err := exec.Command("python3", judge, path).CombinedOutput()
	if want := "version 2, 1 locks " + record(7, access.LockAgent).Lock.ID; err != nil || strings.Count(string(out), want) != 2 {
		t.Errorf("%v: %s", err, out)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	whole[head+2], whole[copySize+head+2] = 'x', 'x'
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("python3", judge, path).CombinedOutput(); err == nil {
		t.Errorf("both copies are damaged: %s", out)
	}
}
