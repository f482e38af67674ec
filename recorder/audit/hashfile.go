package audit

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// errHashes says that stored hashes do not lead to a signed root; they are derived, so this accuses nobody.
var errHashes = errors.New("the stored hashes do not fit the checkpoint")

// hashReader reads stored hashes by their index.
func hashReader(f io.ReaderAt) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, n := range indexes {
			if _, err := f.ReadAt(out[i][:], n*tlog.HashSize); err != nil {
				return nil, fmt.Errorf("read hash %d: %w", n, err)
			}
		}
		return out, nil
	})
}

// withHashes calls f with the log's stored hashes, and again with hashes that are computed from the entries if the first time
// it says errHashes or cannot read them: what a disk has spoilt there must not look like a changed log.
func withHashes(ctx context.Context, dir string, size int64, f func(tlog.HashReader) error) error {
	stored, err := openPlain(filepath.Join(dir, hashesFile))
	if err == nil {
		defer stored.Close()
		if err = f(hashReader(stored)); err == nil {
			return nil
		}
		if !errors.Is(err, errHashes) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return err
		}
	}
	fresh, err := recomputeHashes(ctx, dir, size)
	if err != nil {
		return err
	}
	defer fresh.Close()
	return f(hashReader(fresh))
}

// recomputeHashes computes the hashes of the first size entries into a file that nobody else sees.
func recomputeHashes(ctx context.Context, dir string, size int64) (*os.File, error) {
	out, err := os.CreateTemp("", "gatehouse-hashes-")
	if err != nil {
		return nil, fmt.Errorf("hashes: %w", err)
	}
	_ = os.Remove(out.Name()) // it lives as long as it is open
	w := bufio.NewWriterSize(out, 256<<10)
	var t tree
	err = eachLeaf(ctx, dir, size, func(leaf []byte) error {
		t.add(leafHash(leaf), func(h tlog.Hash) { _, _ = w.Write(h[:]) }) // Flush says if it could not
		return nil
	})
	if err == nil {
		err = w.Flush()
	}
	if err != nil {
		return nil, errors.Join(err, out.Close())
	}
	return out, nil
}

// errShort says that a log has fewer entries than what was signed.
var errShort = errors.New("the log ends too early")

// eachLeaf calls f with the first size entries, each with a zero byte before it, valid until f returns.
func eachLeaf(ctx context.Context, dir string, size int64, f func(leaf []byte) error) error {
	file, err := openPlain(filepath.Join(dir, entriesFile))
	if err != nil {
		return fmt.Errorf("read entries: %w", err)
	}
	defer file.Close()
	in := newLines(file)
	for n := int64(0); n < size; n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		leaf, err := in.next()
		if errors.Is(err, io.EOF) || errors.Is(err, errTorn) {
			return fmt.Errorf("%w: it has %d entries, the checkpoint covers %d", errShort, n, size)
		}
		if err != nil {
			return fmt.Errorf("read entries: %w", err)
		}
		if err := f(leaf); err != nil {
			return err
		}
	}
	return nil
}

// Scan calls f with every entry that the newest signed checkpoint covers, and then says whether they are what it signed: what f
// was given counts only if Scan returns no error. A line is valid until f returns.
func Scan(ctx context.Context, dir, verifierKey string, f func(line []byte) error) (Checkpoint, error) {
	key, err := note.NewVerifier(verifierKey)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("verifier key: %w", err)
	}
	cp, _, err := newestCheckpoint(dir, key)
	if err != nil {
		return cp, err
	}
	var t tree
	err = eachLeaf(ctx, dir, cp.Size, func(leaf []byte) error {
		t.add(leafHash(leaf), nil)
		return f(leaf[1:])
	})
	if err == nil && t.root() != cp.Root {
		err = ErrChanged
	}
	return cp, err
}

// ErrChanged is returned by Scan for entries that are not what was signed.
var ErrChanged = errors.New("the audit log was changed: gatehouse audit verify says where")
