package audit

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"
)

// readTiles reads a folder of tiles with a client that is not ours: every entry, checked against the checkpoint.
func readTiles(t *testing.T, dir string, cp Checkpoint) (lines [][]byte) {
	t.Helper()
	tiles, err := torchwood.NewTileFS(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	client, err := torchwood.NewClient(tiles)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range client.AllEntries(t.Context(), tlog.Tree{N: cp.Size, Hash: cp.Root}, 0) {
		lines = append(lines, bytes.Clone(line))
	}
	if err := client.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
}

// The folder is what C2SP clients read, grows with the log, and is not overwritten by a log with another past.
func TestTiles(t *testing.T) {
	dir, out := t.TempDir(), filepath.Join(t.TempDir(), "www")
	opts := TilesOptions{LogDir: dir, Out: out}
	l := openTest(t, dir)
	opts.VerifierKey = verifierKey(t, dir)
	var backup string
	for _, n := range []int{1, 3, 252, 300, 0, 257} {
		for range n {
			mustAppend(t, l, Entry{Type: Decision, Actor: "agent:a"})
		}
		got, err := WriteTiles(t.Context(), opts)
		if err != nil || len(got.LeftOut) > 0 || n == 0 && got.Files > 0 {
			t.Fatalf("%+v, %v", got, err)
		}
		key, cp := l.verifier, Checkpoint{}
		if cp, err = OpenCheckpoint(mustRead(t, filepath.Join(out, "checkpoint")), key); err != nil || cp.Size != l.tree.size {
			t.Fatalf("checkpoint %+v, %v", cp, err)
		}
		lines := readTiles(t, out, cp)
		want := bytes.Split(bytes.TrimSpace(mustRead(t, filepath.Join(dir, entriesFile))), []byte("\n"))
		if len(lines) != len(want) || !bytes.Equal(bytes.Join(lines, nil), bytes.Join(want, nil)) {
			t.Fatalf("the client reads %d entries, the log has %d, or others", len(lines), len(want))
		}
		if n == 252 {
			backup = copyDir(t, dir)
		}
	}
	l.Close()
	if _, err := WriteTiles(t.Context(), TilesOptions{LogDir: backup, Out: out, VerifierKey: opts.VerifierKey}); !errors.Is(err, ErrRollback) {
		t.Errorf("tiles of an older log over newer ones: %v", err)
	}
	forge(t, backup)
	b := openTest(t, backup)
	fill(t, b, 900)
	b.Close()
	if _, err := WriteTiles(t.Context(), TilesOptions{LogDir: backup, Out: out, VerifierKey: opts.VerifierKey}); !errors.Is(err, ErrFork) {
		t.Errorf("tiles of another log over these: %v", err)
	}
}

// An entry that is too long for a bundle costs that bundle, not the others.
func TestTilesLongEntry(t *testing.T) {
	dir, out := t.TempDir(), t.TempDir()
	l := openTest(t, dir)
	mustAppend(t, l, Entry{Type: Decision, Reason: strings.Repeat("x", 70_000)})
	fill(t, l, 300)
	got, err := WriteTiles(t.Context(), TilesOptions{LogDir: dir, Out: out, VerifierKey: verifierKey(t, dir)})
	if err != nil || len(got.LeftOut) != 1 || got.LeftOut[0] != 0 {
		t.Fatalf("%+v, %v", got, err)
	}
	if _, err := os.Stat(filepath.Join(out, "tile", "entries", "001.p", "46")); err != nil {
		t.Errorf("the next bundle: %v", err)
	}
}
