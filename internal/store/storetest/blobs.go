package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"gatehouse/internal/store"
)

// OpenBlobs opens the implementation on a folder and closes it when the test ends.
type OpenBlobs func(t *testing.T, dir string) store.Blobs

// RunBlobs runs the contract of store.Blobs.
func RunBlobs(t *testing.T, open OpenBlobs) {
	t.Run("round trip", func(t *testing.T) { blobRoundTrip(t, open) })
	t.Run("immutable", func(t *testing.T) { blobImmutable(t, open(t, t.TempDir())) })
	t.Run("all or nothing", func(t *testing.T) { blobAllOrNothing(t, open(t, t.TempDir())) })
	t.Run("list", func(t *testing.T) { blobList(t, open(t, t.TempDir())) })
	t.Run("delete", func(t *testing.T) { blobDelete(t, open(t, t.TempDir())) })
	t.Run("names", func(t *testing.T) { blobNames(t, open(t, t.TempDir())) })
	t.Run("race", func(t *testing.T) { blobRace(t, open(t, t.TempDir())) })
}

func blobRoundTrip(t *testing.T, open OpenBlobs) {
	dir := t.TempDir()
	big := bytes.Repeat([]byte("gatehouse\x00\xff"), 1<<18)
	t.Run("write", func(t *testing.T) {
		b := open(t, dir)
		for name, data := range map[string][]byte{"a": nil, "x/y/z.bin": big} {
			if err := b.Put(context.Background(), name, iotest.HalfReader(bytes.NewReader(data))); err != nil {
				t.Fatal(err)
			}
		}
	})
	t.Run("read", func(t *testing.T) {
		b := open(t, dir)
		for name, want := range map[string][]byte{"a": {}, "x/y/z.bin": big} {
			if got := readBlob(t, b, name); !bytes.Equal(got, want) {
				t.Errorf("%s: %d bytes, want %d", name, len(got), len(want))
			}
		}
	})
}

func blobImmutable(t *testing.T, b store.Blobs) {
	putBlob(t, b, "a", "first")
	if err := b.Put(context.Background(), "a", strings.NewReader("second")); !errors.Is(err, store.ErrExists) {
		t.Errorf("the second Put: %v", err)
	}
	if got := readBlob(t, b, "a"); string(got) != "first" {
		t.Errorf("it holds %q", got)
	}
}

// blobAllOrNothing: what fails half-way, by the reader or by the context, leaves nothing, and the name stays free.
func blobAllOrNothing(t *testing.T, b store.Blobs) {
	broken := errors.New("broken")
	half := io.MultiReader(strings.NewReader(strings.Repeat("x", 1<<20)), iotest.ErrReader(broken))
	if err := b.Put(context.Background(), "d/a", half); !errors.Is(err, broken) {
		t.Errorf("a broken reader: %v", err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(broken)
	if err := b.Put(ctx, "d/a", strings.NewReader("x")); !errors.Is(err, broken) {
		t.Errorf("an ended context: %v", err)
	}
	if names := listBlobs(t, b, ""); len(names) != 0 {
		t.Errorf("left behind: %v", names)
	}
	putBlob(t, b, "d/a", "whole")
}

func blobList(t *testing.T, b store.Blobs) {
	all := []string{"a", "ab", "b/a", "b/ab", "b/c/d", "b-a"}
	for _, name := range all {
		putBlob(t, b, name, name)
	}
	for _, prefix := range []string{"", "a", "b", "b/", "b/a", "b/c/d", "b/c/de", "z", "b/../", "."} {
		want := slices.DeleteFunc(slices.Clone(all), func(n string) bool { return !strings.HasPrefix(n, prefix) })
		slices.Sort(want)
		if got := listBlobs(t, b, prefix); !slices.Equal(got, want) {
			t.Errorf("prefix %q: %v, want %v", prefix, got, want)
		}
	}
	for blob, err := range b.List(context.Background(), "b/c") {
		if err != nil || blob.Size != int64(len("b/c/d")) {
			t.Errorf("%+v, %v", blob, err)
		}
	}
	for range b.List(context.Background(), "") {
		break // a listing may be left
	}
}

func blobDelete(t *testing.T, b store.Blobs) {
	putBlob(t, b, "a/b", "x")
	if err := b.Delete(context.Background(), "a"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a folder: %v", err)
	}
	if err := b.Delete(context.Background(), "a/b"); err != nil {
		t.Fatal(err)
	}
	if err := b.Delete(context.Background(), "a/b"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("twice: %v", err)
	}
	if _, err := b.Open(context.Background(), "a/b"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Open: %v", err)
	}
	if _, err := b.Open(context.Background(), "a"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Open of a folder: %v", err)
	}
}

// blobNames: no name leads out of the folder or hides in it.
func blobNames(t *testing.T, b store.Blobs) {
	for _, name := range []string{
		"", ".", "..", "/etc/passwd", "../x", "a/../../x", "a//b", "a/", "/", ".hidden", "a/.b", "a\x00b", "a\nb", "a\\b", "é",
		strings.Repeat("x", 201), strings.Repeat("x/", 300) + "x",
	} {
		_, openErr := b.Open(context.Background(), name)
		for what, err := range map[string]error{
			"Put":    b.Put(context.Background(), name, strings.NewReader("x")),
			"Open":   openErr,
			"Delete": b.Delete(context.Background(), name),
		} {
			if !errors.Is(err, store.ErrBlobName) {
				t.Errorf("%s(%.20q): %v", what, name, err)
			}
		}
	}
}

// blobRace: of many writers of one name exactly one wins, and its bytes are there whole.
func blobRace(t *testing.T, b store.Blobs) {
	errs := make([]error, 16)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			errs[i] = b.Put(context.Background(), "a", strings.NewReader(strings.Repeat(fmt.Sprintf("%02d", i), 1<<15)))
		})
	}
	wg.Wait()
	for i, err := range errs {
		if err == nil {
			if got := string(readBlob(t, b, "a")); got != strings.Repeat(fmt.Sprintf("%02d", i), 1<<15) {
				t.Errorf("writer %d won, but its bytes are not there", i)
			}
			errs[i] = store.ErrExists
		}
	}
	for _, err := range errs {
		if !errors.Is(err, store.ErrExists) {
			t.Error(err)
		}
	}
}

func putBlob(t *testing.T, b store.Blobs, name, data string) {
	t.Helper()
	if err := b.Put(context.Background(), name, strings.NewReader(data)); err != nil {
		t.Fatal(err)
	}
}

func readBlob(t *testing.T, b store.Blobs, name string) []byte {
	t.Helper()
	r, err := b.Open(context.Background(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func listBlobs(t *testing.T, b store.Blobs, prefix string) []string {
	t.Helper()
	var names []string
	for blob, err := range b.List(context.Background(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, blob.Name)
	}
	slices.Sort(names)
	return names
}
