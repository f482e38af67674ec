package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Why a log is not the continuation of what was signed before.
var (
	ErrRollback = errors.New("ROLLBACK: the log is shorter than it was")
	ErrFork     = errors.New("FORK: the log has another past than the one that was signed")
	ErrForeign  = errors.New("not this log's checkpoint, or not signed by this key")
)

// Consistent is a log that goes on from an old checkpoint.
type Consistent struct {
	Old, New Checkpoint
	Proof    tlog.TreeProof // RFC 6962, 2.1.2
}

// Consistency proves that the log in dir goes on from an old checkpoint: that the root of its newest signed one contains the
// old one's. It reads a few hashes; whether the entries still are what was signed is for Verify to say. ErrRollback, ErrFork
// and ErrForeign are findings, other errors kept it from checking.
func Consistency(ctx context.Context, dir, verifierKey string, old []byte) (Consistent, error) {
	key, err := note.NewVerifier(verifierKey)
	if err != nil {
		return Consistent{}, fmt.Errorf("verifier key: %w", err)
	}
	out := Consistent{}
	if out.Old, err = OpenCheckpoint(old, key); err != nil {
		return out, fmt.Errorf("the old checkpoint is %w: %w", ErrForeign, err)
	}
	if out.New, _, err = newestCheckpoint(dir, key); err != nil {
		return out, err
	}
	out.Proof, err = extends(ctx, dir, out.Old, out.New)
	return out, err
}

// extends proves that one checkpoint of the log in dir goes on from another.
func extends(ctx context.Context, dir string, old, now Checkpoint) (tlog.TreeProof, error) {
	switch {
	case now.Size < old.Size:
		return nil, fmt.Errorf("%w: it has %d entries, %d were signed", ErrRollback, now.Size, old.Size)
	case now.Size == old.Size && now.Root != old.Root:
		return nil, fmt.Errorf("%w: two roots at %d entries", ErrFork, now.Size)
	case now.Size == old.Size || old.Size == 0:
		return nil, nil
	}
	var proof tlog.TreeProof
	err := withHashes(ctx, dir, now.Size, func(r tlog.HashReader) (err error) {
		if proof, err = tlog.ProveTree(now.Size, old.Size, r); err != nil {
			return err
		}
		if tlog.CheckTree(proof, now.Size, now.Root, old.Size, old.Root) != nil {
			return errHashes
		}
		return nil
	})
	if errors.Is(err, errHashes) { // not even with hashes computed from the entries
		return nil, fmt.Errorf("%w: its first %d entries do not have the root that was signed, or its entries are not what it signed itself (audit verify says which)", ErrFork, old.Size)
	}
	if errors.Is(err, errShort) {
		return nil, fmt.Errorf("%w: %w", ErrRollback, err)
	}
	return proof, err
}

// newestCheckpoint is the newest signed checkpoint in a log's folder, as bytes as well.
func newestCheckpoint(dir string, key note.Verifier) (Checkpoint, []byte, error) {
	msg, err := readSmall(filepath.Join(dir, checkpointFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Checkpoint{}, nil, fmt.Errorf("read checkpoint: %w", err)
	}
	old, oldMsg, err := lastOfHistory(filepath.Join(dir, historyFile), key)
	if err != nil {
		return Checkpoint{}, nil, err
	}
	if len(bytes.Trim(msg, "\x00")) == 0 {
		if old.Size == 0 {
			return Checkpoint{}, nil, fmt.Errorf("there is no checkpoint in %s", dir)
		}
		return old, oldMsg, nil
	}
	cp, err := OpenCheckpoint(msg, key)
	if err != nil {
		return Checkpoint{}, nil, fmt.Errorf("the log's checkpoint is %w: %w", ErrForeign, err)
	}
	if old.Size > cp.Size {
		return old, oldMsg, nil
	}
	return cp, msg, nil
}

// Extension proves that a signed checkpoint of the log in dir goes on from its own first old entries: what a witness asks for.
func Extension(ctx context.Context, dir string, old int64, now Checkpoint) (tlog.TreeProof, error) {
	if old <= 0 || old >= now.Size {
		return nil, nil
	}
	var proof tlog.TreeProof
	err := withHashes(ctx, dir, now.Size, func(r tlog.HashReader) error {
		root, err := tlog.TreeHash(old, r)
		if err == nil {
			proof, err = tlog.ProveTree(now.Size, old, r)
		}
		if err == nil && tlog.CheckTree(proof, now.Size, now.Root, old, root) != nil {
			err = errHashes
		}
		return err
	})
	return proof, err
}
