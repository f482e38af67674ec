package backup_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gatehouse/internal/backup"
	"gatehouse/internal/store"

	"github.com/klauspost/compress/zstd"
)

// smallData is a data folder with a file of each kind that needs no writer.
func smallData(t *testing.T) string {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	for name, text := range map[string]string{
		"decider/policy": "version: 1\n", "decider/log/checkpoint": "c", "decider/log/entries": strings.Repeat("entry\n", 50_000), "door/host_key": "key",
	} {
		put(t, filepath.Join(data, name), text)
	}
	must(t, os.Mkdir(filepath.Join(data, "door/empty"), 0o711))
	return data
}

func makeBackup(t *testing.T) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "b")
	_, err := backup.Create(t.Context(), smallData(t), file)
	must(t, err)
	archive, err := os.ReadFile(file)
	must(t, err)
	return archive
}

// TestRestoreRefusesTornArchives: cut anywhere, an archive is refused and nothing is put in place.
func TestRestoreRefusesTornArchives(t *testing.T) {
	archive := makeBackup(t)
	for _, n := range []int{0, 1, 10, len(archive) / 4, len(archive) / 2, len(archive) * 9 / 10, len(archive) - 5, len(archive) - 1} {
		refuse(t, archive[:n], backup.ErrDamaged)
	}
	refuse(t, append(bytes.Clone(archive), "more"...), backup.ErrDamaged)
	refuse(t, []byte("hello, I am no archive at all"), backup.ErrDamaged)
}

// TestRestoreSeesAFlippedBit: an archive with one is refused, or restores to exactly the same, as with the bits of a zstd
// frame that only advise the decoder.
func TestRestoreSeesAFlippedBit(t *testing.T) {
	archive := makeBackup(t)
	same := filepath.Join(t.TempDir(), "same")
	must(t, restoreBytes(t, archive, same))
	want, accepted := contents(t, same), 0
	for i := 0; i < len(archive); i += 7 {
		flipped := bytes.Clone(archive)
		flipped[i] ^= 0x20
		data := filepath.Join(t.TempDir(), "data")
		err := restoreBytes(t, flipped, data)
		if err == nil {
			if accepted++; contents(t, data) != want {
				t.Fatalf("byte %d: restored something else", i)
			}
			continue
		}
		if _, statErr := os.Stat(data); !errors.Is(err, backup.ErrDamaged) || !errors.Is(statErr, fs.ErrNotExist) {
			t.Fatalf("byte %d: %v, in place: %v", i, err, statErr)
		}
	}
	if accepted > 12 { // how many bits only advise depends on how the archive fell out
		t.Errorf("%d flipped bits were not noticed", accepted)
	}
}

// TestRestoreRefusesAlteredMembers rewrites the archive with sound compression; the manifest and the names give it away.
func TestRestoreRefusesAlteredMembers(t *testing.T) {
	archive := makeBackup(t)
	change := func(name string, f func(h *tar.Header, body *[]byte)) func(h *tar.Header, body *[]byte) bool {
		return func(h *tar.Header, body *[]byte) bool {
			if h.Name == name {
				f(h, body)
			}
			return true
		}
	}
	cases := []struct {
		name string
		edit func(h *tar.Header, body *[]byte) bool
		want string // in the error
	}{
		{"a byte", change("data/decider/policy", func(_ *tar.Header, b *[]byte) { (*b)[0] ^= 1 }), `decider/policy`},
		{"the mode", change("data/door/host_key", func(h *tar.Header, _ *[]byte) { h.Mode = 0o666 }), `door/host_key`},
		{"the owner", change("data/door/host_key", func(h *tar.Header, _ *[]byte) { h.Uid = 1 }), `door/host_key`},
		{"a member is missing", func(h *tar.Header, _ *[]byte) bool { return h.Name != "data/decider/policy" }, `decider/policy`},
		{"the manifest is missing", func(h *tar.Header, _ *[]byte) bool { return h.Name != "MANIFEST" }, "without its manifest"},
		{"the manifest is empty", change("MANIFEST", func(_ *tar.Header, b *[]byte) { *b = nil }), "manifest says"},
		{"another path", change("data/door/host_key", func(h *tar.Header, _ *[]byte) { h.Name = "data/../../host_key" }), "host_key"},
		{"an absolute path", change("data/door/host_key", func(h *tar.Header, _ *[]byte) { h.Name = "/etc/host_key" }), "host_key"},
		{"a symbolic link", change("data/door/host_key", func(h *tar.Header, b *[]byte) {
			h.Typeflag, h.Linkname, *b = tar.TypeSymlink, "/etc/passwd", nil
		}), "host_key"},
		{"a hard link", change("data/door/host_key", func(h *tar.Header, b *[]byte) {
			h.Typeflag, h.Linkname, *b = tar.TypeLink, "data/decider/policy", nil
		}), "host_key"},
		{"a device", change("data/door/host_key", func(h *tar.Header, b *[]byte) { h.Typeflag, *b = tar.TypeChar, nil }), "host_key"},
		{"no format", func(h *tar.Header, _ *[]byte) bool { return h.Name != "FORMAT" }, "no Gatehouse backup"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if err := refuse(t, rewrite(t, archive, c.edit), backup.ErrDamaged); !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want it to say %q", err, c.want)
			}
		})
	}
	newer := rewrite(t, archive, change("FORMAT", func(_ *tar.Header, b *[]byte) { *b = []byte("gatehouse backup 2\n") }))
	if err := refuse(t, newer, nil); !strings.Contains(err.Error(), "restore with the version that wrote it") {
		t.Error(err)
	}
	refuse(t, rewrite(t, archive, change("data/decider/log/entries", func(h *tar.Header, _ *[]byte) { h.Name = "data/decider/log/checkpoint" })), fs.ErrExist)
	if same := rewrite(t, archive, func(*tar.Header, *[]byte) bool { return true }); restoreBytes(t, same, filepath.Join(t.TempDir(), "d")) != nil {
		t.Error("rewriting without a change spoils the archive, so the cases above show nothing")
	}
}

// TestRestoreRefusesAFullFolder: what is there stays.
func TestRestoreRefusesAFullFolder(t *testing.T) {
	archive := makeBackup(t)
	dir := t.TempDir()
	put(t, filepath.Join(dir, "mine"), "precious")
	if err := restoreBytes(t, archive, dir); err == nil || !strings.Contains(err.Error(), `is not empty (it holds "mine")`) {
		t.Errorf("restore: %v", err)
	}
	if got := tree(t, dir); got != ".\nmine" {
		t.Errorf("the folder holds\n%s", got)
	}
	empty := t.TempDir()
	must(t, restoreBytes(t, archive, empty))
	if got := tree(t, empty); !strings.Contains(got, "decider/policy") {
		t.Errorf("an empty folder got\n%s", got)
	}
	if info, err := os.Stat(filepath.Join(empty, "door/empty")); err != nil || info.Mode().Perm() != 0o711 {
		t.Errorf("a folder's mode: %v, %v", info.Mode(), err)
	}
}

// TestCreateRefuses: nothing is left of a backup that was not made.
func TestCreateRefuses(t *testing.T) {
	cases := []struct {
		name  string
		spoil func(data, out string) error
		ctx   func() context.Context
		want  error
		says  string
	}{
		{name: "an existing file", spoil: func(_, out string) error { return os.WriteFile(out, []byte("old"), 0o600) }, want: store.ErrExists},
		{name: "a symbolic link", spoil: func(data, _ string) error { return os.Symlink("/etc", filepath.Join(data, "door/recordings")) }, says: "symbolic link"},
		{name: "a broken database", spoil: func(data, _ string) error {
			return os.WriteFile(filepath.Join(data, "door/gatehouse.db"), []byte(strings.Repeat("no database ", 99)), 0o600)
		}, says: "not a database"},
		{name: "no data folder", spoil: func(data, _ string) error { return os.RemoveAll(data) }, want: fs.ErrNotExist},
		{name: "an ended context", ctx: func() context.Context {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			return ctx
		}, want: context.Canceled},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			data, out := smallData(t), filepath.Join(t.TempDir(), "b")
			if c.spoil != nil {
				must(t, c.spoil(data, out))
			}
			ctx := t.Context()
			if c.ctx != nil {
				ctx = c.ctx()
			}
			before := tree(t, filepath.Dir(out))
			_, err := backup.Create(ctx, data, out)
			if err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("Create: %v, want %v %q", err, c.want, c.says)
			}
			if after := tree(t, filepath.Dir(out)); after != before {
				t.Errorf("left behind:\n%s", after)
			}
		})
	}
	data := smallData(t)
	if _, err := backup.Create(t.Context(), data, filepath.Join(data, "door", "b")); err == nil || !strings.Contains(err.Error(), "inside the data folder") {
		t.Errorf("into the data folder: %v", err)
	}
}

// refuse restores an archive that must be refused, with nothing left in place.
func refuse(t *testing.T, archive []byte, want error) error {
	t.Helper()
	parent := t.TempDir()
	err := restoreBytes(t, archive, filepath.Join(parent, "data"))
	if err == nil || want != nil && !errors.Is(err, want) {
		t.Fatalf("restore: %v, want %v", err, want)
	}
	if got := tree(t, parent); got != "." {
		t.Fatalf("left behind after %v:\n%s", err, got)
	}
	return err
}

func restoreBytes(t *testing.T, archive []byte, data string) error {
	t.Helper()
	file := filepath.Join(t.TempDir(), "b")
	must(t, os.WriteFile(file, archive, 0o600))
	_, err := backup.Restore(t.Context(), file, data)
	return err
}

// rewrite passes every member through edit, which may change it, or drop it by returning false.
func rewrite(t *testing.T, archive []byte, edit func(h *tar.Header, body *[]byte) bool) []byte {
	t.Helper()
	decompress, err := zstd.NewReader(bytes.NewReader(archive))
	must(t, err)
	defer decompress.Close()
	var out bytes.Buffer
	compress, err := zstd.NewWriter(&out)
	must(t, err)
	to := tar.NewWriter(compress)
	for from := tar.NewReader(decompress); ; {
		h, err := from.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		must(t, err)
		body, err := io.ReadAll(from)
		must(t, err)
		if !edit(h, &body) {
			continue
		}
		h.Size = int64(len(body))
		must(t, to.WriteHeader(h))
		_, err = to.Write(body)
		must(t, err)
	}
	must(t, errors.Join(to.Close(), compress.Close()))
	return out.Bytes()
}

// tree lists what is in a folder, sorted.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var names []string
	must(t, filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		name, _ := filepath.Rel(dir, path)
		names = append(names, name)
		return err
	}))
	return strings.Join(names, "\n")
}

// contents is every file and folder with its mode and bytes.
func contents(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	for name := range strings.SplitSeq(tree(t, dir), "\n") {
		info, err := os.Stat(filepath.Join(dir, name))
		must(t, err)
		var text []byte
		if !info.IsDir() {
			text, err = os.ReadFile(filepath.Join(dir, name))
			must(t, err)
		}
		fmt.Fprintf(&b, "%s %v %q\n", name, info.Mode(), text)
	}
	return b.String()
}

func put(t *testing.T, path, text string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o700))
	must(t, os.WriteFile(path, []byte(text), 0o600))
}

func owner(info fs.FileInfo) uint32 { return info.Sys().(*syscall.Stat_t).Uid }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
