package recorder

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Errors of Destroy and Shred that callers branch on.
var (
	ErrLive         = errors.New("the recording is live, or its end is not in the audit log yet")
	ErrBusy         = errors.New("a backup is being taken: try again when it is done")
	ErrNotEncrypted = errors.New("the recording is not encrypted: there is no key to destroy")
)

// Doomed is a recording that is about to be destroyed, as its file is now.
type Doomed struct {
	Session string
	SHA256  string // hex, of the whole file; empty if it is gone already
	Size    int64
	Key     bool // it has a key file
}

// Destroy removes a closed recording and its key. note is told what goes, as the file is now, and must have made that part of
// the evidence when it returns; after an error of it nothing is removed. What is gone already is no error: a destruction that
// was cut off is finished by another one.
func (r *Recorder) Destroy(ctx context.Context, session string, note func(context.Context, Doomed) error) error {
	return r.destroy(ctx, session, note, func(path string) error {
		return errors.Join(removeKey(path), removeFile(path), syncDir(filepath.Dir(path)))
	})
}

// Shred removes the key of a closed, encrypted recording, so that nobody can read it any more; the recording itself stays and
// still fits the audit log. note is as for Destroy.
//
// The key file is overwritten before it is unlinked, which helps where a file system writes in place and is worth nothing where
// it copies (btrfs, ZFS, many SSDs) or where a backup or snapshot has the key. Those have to be destroyed as well.
func (r *Recorder) Shred(ctx context.Context, session string, note func(context.Context, Doomed) error) error {
	return r.destroy(ctx, session, func(ctx context.Context, d Doomed) error {
		if !d.Key {
			return ErrNotEncrypted
		}
		return note(ctx, d)
	}, func(path string) error { return errors.Join(removeKey(path), syncDir(filepath.Dir(path))) })
}

func (r *Recorder) destroy(ctx context.Context, session string, note func(context.Context, Doomed) error, remove func(path string) error) error {
	path, err := Path(r.cfg.Dir, session)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(markerPath(r.cfg.Dir, session)); r.isLive(session) != nil || !errors.Is(err, fs.ErrNotExist) {
		return ErrLive
	}
	unlock, err := lockFolder(r.cfg.Dir)
	if err != nil {
		return err
	}
	defer unlock()
	doomed, err := examine(path, session)
	if err != nil {
		return fmt.Errorf("look at what is to be destroyed: %w", err)
	}
	if err := note(ctx, doomed); err != nil {
		return err
	}
	if err := remove(path); err != nil {
		return fmt.Errorf("destroy recording: %w", err)
	}
	return nil
}

// lockFolder keeps backups away: one that copied the log before an entry and the folder after it would miss a recording that
// its log knows. A backup holds a shared lock on the folder of recordings.
func lockFolder(dir string) (unlock func(), err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, ErrBusy
		}
		return nil, fmt.Errorf("lock recordings: %w", err)
	}
	return func() { f.Close() }, nil
}

// examine hashes a recording.
func examine(path, session string) (Doomed, error) {
	d := Doomed{Session: session}
	if _, err := os.Lstat(KeyPath(path)); err == nil {
		d.Key = true
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return d, nil
	}
	if err != nil {
		return d, err
	}
	defer f.Close()
	h := sha256.New()
	if d.Size, err = io.Copy(h, f); err != nil {
		return d, err
	}
	d.SHA256 = hex.EncodeToString(h.Sum(nil))
	return d, nil
}

// removeKey overwrites and unlinks the key file of the recording at path. One that is gone is no error.
func removeKey(path string) error {
	f, err := os.OpenFile(KeyPath(path), os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		if info, serr := f.Stat(); serr == nil {
			_ = writeAll(f, make([]byte, min(info.Size(), maxKeyFile))) // best effort, as the comment of Shred says
		}
		f.Close()
	}
	if err := os.Remove(KeyPath(path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// FileSize is the size of a session's recording with its key; fs.ErrNotExist when there is none.
func (r *Recorder) FileSize(session string) (int64, error) {
	path, err := Path(r.cfg.Dir, session)
	if err != nil {
		return 0, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	size := info.Size()
	if key, err := os.Stat(KeyPath(path)); err == nil {
		size += key.Size()
	}
	return size, nil
}
