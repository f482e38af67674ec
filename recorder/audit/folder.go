package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Folder is a log's folder as somebody reads it who does not own it: a copy, or one in use. Nothing in it is trusted; what is
// read from it is worth what a checkpoint says of it.
type Folder string

// Checkpoint returns the newest checkpoint that the key signed, and the signed note itself.
func (f Folder) Checkpoint(key note.Verifier) (Checkpoint, []byte, error) {
	msg, err := os.ReadFile(filepath.Join(string(f), checkpointFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Checkpoint{}, nil, fmt.Errorf("read checkpoint: %w", err)
	}
	newest, newestMsg, err := lastOfHistory(filepath.Join(string(f), historyFile), key)
	if err != nil {
		return Checkpoint{}, nil, err
	}
	if len(bytes.Trim(msg, "\x00")) > 0 {
		cp, err := OpenCheckpoint(msg, key)
		if err != nil {
			return Checkpoint{}, nil, fmt.Errorf("the log's checkpoint is not this log's, or not signed by this key: %w", err)
		}
		if cp.Size >= newest.Size {
			return cp, msg, nil
		}
	}
	if newest.Size == 0 {
		return Checkpoint{}, nil, errors.New("the log has no checkpoint yet")
	}
	return newest, newestMsg, nil
}

// Entries yields the stored bytes of the first n entries, in order; each is valid until the next. A log that ends before is an
// error.
func (f Folder) Entries(ctx context.Context, n int64) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		file, err := os.Open(filepath.Join(string(f), entriesFile))
		if err != nil {
			yield(nil, fmt.Errorf("read entries: %w", err))
			return
		}
		defer file.Close()
		in := newLines(file)
		for seq := range n {
			leaf, err := in.next()
			if errors.Is(err, io.EOF) || errors.Is(err, errTorn) {
				err = fmt.Errorf("the log ends after %d entries, and a signed checkpoint covers %d", seq, n)
			}
			if err == nil && seq%4096 == 0 {
				err = context.Cause(ctx)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(leaf[1:], nil) {
				return
			}
		}
	}
}

// Hashes opens the stored hashes. The caller closes them.
func (f Folder) Hashes() (*Hashes, error) {
	file, err := os.Open(filepath.Join(string(f), hashesFile))
	if err != nil {
		return nil, fmt.Errorf("read hashes: %w", err)
	}
	return &Hashes{file}, nil
}

// Hashes are the stored hashes of a log, numbered as golang.org/x/mod/sumdb/tlog does.
type Hashes struct{ file *os.File }

var _ tlog.HashReader = (*Hashes)(nil)

// ReadHashes returns the hashes with these numbers.
func (h *Hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, n := range indexes {
		if _, err := h.file.ReadAt(out[i][:], n*tlog.HashSize); err != nil {
			return nil, fmt.Errorf("read hash %d: %w", n, err)
		}
	}
	return out, nil
}

// Close closes the file.
func (h *Hashes) Close() error { return h.file.Close() }
