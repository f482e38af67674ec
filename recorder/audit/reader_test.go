package audit

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestReader: from every number on, whatever the log's length, a Reader gives exactly the entries that follow, and never one
// that is not acknowledged.
func TestReader(t *testing.T) {
	dir := t.TempDir()
	l := openTest(t, dir)
	pad, err := json.Marshal(strings.Repeat("x", 40<<10))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 300 { // some 4 MiB, so that the halving has something to do
		e := Entry{Type: Decision, Reason: fmt.Sprint(i)}
		if i%3 == 0 {
			e.Data = pad
		}
		mustAppend(t, l, e)
	}
	size := l.Size()
	if onDisk, err := SizeOf(dir); err != nil || onDisk != size || size != 301 {
		t.Fatalf("size %d, on disk %d: %v", size, onDisk, err)
	}
	for seq := int64(0); seq <= size; seq++ {
		r, err := OpenReader(dir, seq)
		if err != nil {
			t.Fatalf("from %d: %v", seq, err)
		}
		want := seq
		for want < size {
			records, err := r.Read(size, 7)
			if err != nil || len(records) == 0 {
				t.Fatalf("from %d at %d: %d records, %v", seq, want, len(records), err)
			}
			for _, rec := range records {
				e, err := Parse(rec.Line)
				if err != nil || e.Seq != want || rec.Seq != want || TypeOf(rec.Line) != e.Type {
					t.Fatalf("from %d: %d is %d of type %q, %v; want %d", seq, rec.Seq, e.Seq, TypeOf(rec.Line), err, want)
				}
				want++
			}
			if seq > 3 && seq < size-3 {
				break // one piece is enough in the middle
			}
		}
		if records, err := r.Read(seq, 1); err != nil || len(records) > 0 {
			t.Fatalf("beyond the limit: %d, %v", len(records), err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, seq := range []int64{-1, size + 1, 1 << 40} {
		if _, err := OpenReader(dir, seq); !errors.Is(err, ErrNoEntry) {
			t.Errorf("from %d: %v", seq, err)
		}
	}
}

// TestReaderKeepsNothingUnacknowledged: entries that were taken back and written anew after a Reader saw their bytes are read as
// they are now.
func TestReaderKeepsNothingUnacknowledged(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, entriesFile)
	line := func(seq int, reason string) string {
		return fmt.Sprintf(`{"v":1,"seq":%d,"time":"2026-11-22T12:00:00.000000Z","node":"a\"b","type":"decision","reason":%q}`+"\n", seq, reason)
	}
	if err := os.WriteFile(path, []byte(line(0, "kept")+line(1, "taken back")+`{"v":1,"se`), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := OpenReader(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := r.Read(1, 10); err != nil || len(got) != 1 || TypeOf(got[0].Line) != Decision {
		t.Fatalf("%d, %v", len(got), err)
	}
	if err := os.WriteFile(path, []byte(line(0, "kept")+line(1, "in its place")), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := r.Read(2, 10)
	if err != nil || len(got) != 1 || !strings.Contains(string(got[0].Line), "in its place") {
		t.Fatalf("%v, %v", got, err)
	}
	if err := os.WriteFile(path, []byte(line(0, "kept")+line(1, "x")+line(7, "another's")), 0o600); err != nil {
		t.Fatal(err)
	}
	r2, err := OpenReader(dir, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer r2.Close()
	if got, err := r2.Read(3, 10); err == nil {
		t.Fatalf("a wrong number was read: %v", got)
	}
}
