package backup

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"syscall"
	"time"

	"gatehouse/internal/sqlite"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"
)

// batch is how many names of a folder are read at once.
const batch = 256

// Summary says what a backup holds.
type Summary struct {
	Files int
	Bytes int64 // uncompressed
}

// archive is a backup being written.
type archive struct {
	ctx     context.Context // of the one call that writes it
	data    string
	root    *os.Root // of data
	scratch string
	tar     *tar.Writer
	list    *os.File // the manifest so far
	dirs    map[string]bool
	summary Summary
}

// write streams a backup of data to w. scratch is a private folder for snapshots and the manifest.
func write(ctx context.Context, data, scratch string, w io.Writer) (_ Summary, err error) {
	root, err := os.OpenRoot(data)
	if err != nil {
		return Summary{}, fmt.Errorf("open data folder: %w", err)
	}
	defer root.Close()
	list, err := os.CreateTemp(scratch, "manifest-*")
	if err != nil {
		return Summary{}, err
	}
	defer list.Close()
	compress, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return Summary{}, err
	}
	a := &archive{ctx: ctx, data: data, root: root, scratch: scratch, tar: tar.NewWriter(compress), list: list, dirs: map[string]bool{}}
	if err := a.run(); err != nil {
		return Summary{}, errors.Join(err, compress.Close())
	}
	return a.summary, compress.Close()
}

func (a *archive) run() error {
	if err := a.own(formatName, int64(len(formatText)), func(w io.Writer) error {
		_, err := io.WriteString(w, formatText)
		return err
	}); err != nil {
		return err
	}
	unlock, err := a.holdRecordings()
	if err != nil {
		return err
	}
	defer unlock()
	for s := range stages {
		if err := a.walk(".", s); err != nil {
			return err
		}
	}
	size, err := a.list.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	if _, err := a.list.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if err := a.own(manifestName, size, func(w io.Writer) error { _, err := io.Copy(w, a.list); return err }); err != nil {
		return err
	}
	return a.tar.Close()
}

// holdRecordings keeps recordings from being removed while they are copied.
func (a *archive) holdRecordings() (unlock func(), err error) {
	if info, err := a.root.Lstat(recordingsDir); errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return func() {}, nil // the walk says what it thinks of that
	}
	f, err := a.root.Open(recordingsDir)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_SH); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock recordings: %w", err)
	}
	return func() { f.Close() }, nil
}

// own writes a member that is the archive's own.
func (a *archive) own(name string, size int64, fill func(io.Writer) error) error {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o600, Size: size, ModTime: time.Unix(0, 0), Format: tar.FormatPAX}
	if err := a.tar.WriteHeader(h); err != nil {
		return err
	}
	return fill(a.tar)
}

// walk copies what has its turn at stage s, in dir and below.
func (a *archive) walk(dir string, s stage) error {
	f, err := a.root.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // gone since it was listed
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if err := a.addDir(dir, f); err != nil {
		return err
	}
	for {
		entries, err := f.ReadDir(batch)
		for _, e := range entries {
			if err := a.visit(path.Join(dir, e.Name()), e, s); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (a *archive) visit(name string, e fs.DirEntry, s stage) error {
	if err := context.Cause(a.ctx); err != nil {
		return err
	}
	if temporary(name) {
		return nil
	}
	switch {
	case e.IsDir() && (name != recordingsDir || s >= liveMarkers):
		return a.walk(name, s)
	case e.Type()&fs.ModeSymlink != 0:
		return fmt.Errorf("%s in the data folder is a symbolic link: a backup would lack what it leads to; mount that folder instead", name)
	case !e.Type().IsRegular() || stageOf(name) != s:
		return nil
	case s == databases:
		return a.addDatabase(name)
	}
	return a.addFile(name)
}

func (a *archive) addDir(name string, f *os.File) error {
	if a.dirs[name] {
		return nil
	}
	a.dirs[name] = true
	info, err := f.Stat()
	if err != nil {
		return err
	}
	m, err := newMember(name, info)
	if err != nil {
		return err
	}
	return errors.Join(a.tar.WriteHeader(m.header(info)), a.note(m))
}

// addFile copies a file up to the size that it has now.
func (a *archive) addFile(name string) error {
	f, err := a.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // gone since it was listed
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s changed into something else while it was being copied", name)
	}
	return a.copy(name, info, f, info.Size())
}

// addDatabase copies a snapshot under the database's own name, owner and mode.
func (a *archive) addDatabase(name string) error {
	info, err := a.root.Lstat(name)
	if err != nil {
		return err
	}
	snapshot := filepath.Join(a.scratch, "snapshot.db")
	if err := sqlite.Snapshot(a.ctx, filepath.Join(a.data, name), snapshot); err != nil {
		return err
	}
	defer os.Remove(snapshot)
	f, err := os.Open(snapshot)
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return a.copy(name, info, f, size)
}

// copy writes a member with exactly size bytes of r.
func (a *archive) copy(name string, info fs.FileInfo, r io.Reader, size int64) error {
	m, err := newMember(name, info)
	if err != nil {
		return err
	}
	m.size = size
	if err := a.tar.WriteHeader(m.header(info)); err != nil {
		return fmt.Errorf("copy %s: %w", name, err)
	}
	sum := sha256.New()
	if _, err := io.CopyN(io.MultiWriter(a.tar, sum), r, size); errors.Is(err, io.EOF) {
		return fmt.Errorf("%s became shorter while it was being copied: start the backup again", name)
	} else if err != nil {
		return fmt.Errorf("copy %s: %w", name, err)
	}
	m.sum = hex.EncodeToString(sum.Sum(nil))
	a.summary.Files++
	a.summary.Bytes += size
	return a.note(m)
}

// note adds a member to the manifest.
func (a *archive) note(m member) error {
	_, err := a.list.WriteString(m.line())
	return err
}
