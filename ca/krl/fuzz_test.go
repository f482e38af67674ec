package krl_test

import (
	"bytes"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"gatehouse/ca/krl"

	"pgregory.net/rapid"
)

// TestOneForm: lists that say the same have the same bytes, whatever order and overlaps they were made with, and are read
// back as they were.
func TestOneForm(t *testing.T) {
	w := newWorld(t)
	rapid.Check(t, func(t *rapid.T) {
		r := drawRevocations(len(w.subjects)).Draw(t, "list")
		list, err := krl.New(r.contents(w))
		if err != nil {
			t.Fatal(err)
		}
		roundTrip(t, list)
		other := r
		other.sections = rapid.Permutation(r.sections).Draw(t, "sections in another order")
		for i, s := range other.sections {
			other.sections[i].serials = append(rapid.Permutation(s.serials).Draw(t, "serials in another order"), s.serials...)
			other.sections[i].ids = append(rapid.Permutation(s.ids).Draw(t, "key IDs in another order"), s.ids...)
		}
		other.keys = append(slices.Clone(r.keys), r.keys...)
		again, err := krl.New(other.contents(w))
		if err != nil || !bytes.Equal(again.Marshal(), list.Marshal()) {
			t.Fatalf("the same in another order is another list: %v", err)
		}
		for _, s := range r.sections { // every serial that was drawn is in exactly one run
			for _, run := range s.serials {
				if !holds(list, run.First) || !holds(list, run.Last) {
					t.Fatalf("serials %d to %d are lost", run.First, run.Last)
				}
			}
		}
	})
}

func holds(list *krl.List, serial uint64) bool {
	for _, of := range list.Contents().Certificates {
		for _, run := range of.Serials {
			if run.First <= serial && serial <= run.Last {
				return true
			}
		}
	}
	return false
}

// roundTrip writes and reads a list, and looks at its normal form.
func roundTrip(t rapid.TB, list *krl.List) {
	t.Helper()
	again, err := krl.Parse(list.Marshal())
	if err != nil {
		t.Fatalf("our own list: %v", err)
	}
	if !reflect.DeepEqual(again.Contents(), list.Contents()) {
		t.Fatalf("written %+v, read %+v", list.Contents(), again.Contents())
	}
	if !bytes.Equal(again.Marshal(), list.Marshal()) {
		t.Fatalf("written %x, then %x", list.Marshal(), again.Marshal())
	}
	for _, of := range list.Contents().Certificates {
		last := uint64(0)
		for i, run := range of.Serials {
			if run.First == 0 || run.First > run.Last || i > 0 && (last == math.MaxUint64 || run.First <= last+1) {
				t.Fatalf("serials are not merged: %v", of.Serials)
			}
			last = run.Last
		}
		if len(of.Serials)+len(of.KeyIDs) == 0 || !slices.IsSorted(of.KeyIDs) {
			t.Fatalf("not in normal form: %+v", of)
		}
	}
}

// FuzzParse: whatever is read can be written and is then the same; what it lists is revoked.
func FuzzParse(f *testing.F) {
	for _, name := range []string{"keygen.krl", "ours.krl"} {
		f.Add(read(f, filepath.Join("testdata", name)))
	}
	f.Add([]byte(header))
	f.Add([]byte(anyCA("\x20", str(u64(1), u64(1<<63)), "\x21", str(u64(5), u64(900)), "\x22", str(u64(7), str("\x55\x01")), "\x23", str(str("a"), str()))))
	f.Add([]byte(anyCA("\x39", extension(0), "\x22", str(u64(1<<64-2), str("\x03"))) + "\xff" + extension(0)))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := krl.Parse(data)
		if err != nil {
			return
		}
		roundTrip(t, list)
		for _, key := range list.Contents().Keys {
			if _, ok := list.Revoked(key); !ok {
				t.Fatalf("a listed key is not revoked: %x", key.Marshal())
			}
		}
	})
}
