package audit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// maxTileEntry is the longest entry that an entry bundle can hold, by its format.
const maxTileEntry = 1<<16 - 1

// TilesOptions says what WriteTiles should write.
type TilesOptions struct {
	LogDir      string
	VerifierKey string
	Out         string // the folder; made if it is not there
	Cosigned    bool   // only what a witness has cosigned
}

// Tiles is what WriteTiles did.
type Tiles struct {
	From, To int64 // sizes of the tree before and after
	Files    int
	LeftOut  []int64 // first entries of bundles that could not be made, as one of their entries is too long for the format
}

// WriteTiles writes the log as C2SP tlog-tiles into a folder that any web server or bucket can serve: only what is new since the
// last time, the checkpoint last. A folder whose checkpoint the log does not go on from is refused (ErrRollback, ErrFork).
func WriteTiles(ctx context.Context, opts TilesOptions) (Tiles, error) {
	key, err := note.NewVerifier(opts.VerifierKey)
	if err != nil {
		return Tiles{}, fmt.Errorf("verifier key: %w", err)
	}
	now, msg, err := tilesCheckpoint(opts, key)
	if err != nil {
		return Tiles{}, err
	}
	old, err := tilesBefore(opts.Out, key)
	if err != nil {
		return Tiles{}, err
	}
	if _, err := extends(ctx, opts.LogDir, old, now); err != nil {
		return Tiles{}, err
	}
	out := Tiles{From: old.Size, To: now.Size}
	if err := out.hashes(ctx, opts, now); err != nil {
		return out, err
	}
	if err := out.entries(ctx, opts, now); err != nil {
		return out, err
	}
	return out, ReplaceFile(filepath.Join(opts.Out, "checkpoint"), msg, 0o644)
}

func tilesCheckpoint(opts TilesOptions, key note.Verifier) (Checkpoint, []byte, error) {
	if !opts.Cosigned {
		return newestCheckpoint(opts.LogDir, key)
	}
	msg, err := Cosigned(opts.LogDir)
	if err == nil && msg == nil {
		err = errors.New("no witness has cosigned this log")
	}
	if err != nil {
		return Checkpoint{}, nil, err
	}
	cp, err := OpenCheckpoint(msg, key)
	return cp, msg, err
}

// tilesBefore is the checkpoint that is in the folder; the zero one for a new folder.
func tilesBefore(dir string, key note.Verifier) (Checkpoint, error) {
	msg, err := readSmall(filepath.Join(dir, "checkpoint"))
	if errors.Is(err, fs.ErrNotExist) {
		return Checkpoint{}, nil
	}
	if err != nil {
		return Checkpoint{}, err
	}
	cp, err := OpenCheckpoint(msg, key)
	if err != nil {
		return cp, fmt.Errorf("the folder %s has a checkpoint that is %w: %w", dir, ErrForeign, err)
	}
	return cp, nil
}

// hashes writes the tiles of hashes. They are checked against the root before they are written.
func (t *Tiles) hashes(ctx context.Context, opts TilesOptions, now Checkpoint) error {
	return withHashes(ctx, opts.LogDir, now.Size, func(r tlog.HashReader) error {
		if root, err := tlog.TreeHash(now.Size, r); err != nil || root != now.Root {
			return errors.Join(errHashes, err)
		}
		for _, tile := range tlog.NewTiles(torchwood.TileHeight, t.From, t.To) {
			data, err := tlog.ReadTileData(tile, r)
			if err == nil {
				err = t.write(opts.Out, tile, data)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// entries writes the bundles of entries that are new or have grown, each checked against the tree's root before the last is done.
func (t *Tiles) entries(ctx context.Context, opts TilesOptions, now Checkpoint) error {
	const width = torchwood.TileWidth
	var seen tree
	var bundle []byte
	fits := true
	first := t.From / width * width
	err := eachLeaf(ctx, opts.LogDir, now.Size, func(leaf []byte) error {
		n := seen.size
		seen.add(leafHash(leaf), nil)
		if n < first || t.From == t.To {
			return nil
		}
		if n%width == 0 {
			bundle, fits = bundle[:0], true
		}
		if fits = fits && len(leaf)-1 <= maxTileEntry; fits {
			var err error
			if bundle, err = torchwood.AppendTileEntry(bundle, leaf[1:]); err != nil {
				return err
			}
		}
		if n%width != width-1 && n != now.Size-1 {
			return nil
		}
		if !fits {
			t.LeftOut = append(t.LeftOut, n/width*width)
			return nil
		}
		return t.write(opts.Out, tlog.Tile{H: torchwood.TileHeight, L: -1, N: n / width, W: int(n%width) + 1}, bundle)
	})
	if err == nil && seen.root() != now.Root {
		err = ErrChanged
	}
	return err
}

// write puts a tile where clients look for it. Those of a part of it are not needed once it is whole.
func (t *Tiles) write(dir string, tile tlog.Tile, data []byte) error {
	path := filepath.Join(dir, filepath.FromSlash(torchwood.TilePath(tile)))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path+".tmp", data, 0o644); err != nil {
		return err
	}
	t.Files++
	if err := os.Rename(path+".tmp", path); err != nil {
		return err
	}
	if tile.W == torchwood.TileWidth {
		return os.RemoveAll(path + ".p")
	}
	return nil
}
