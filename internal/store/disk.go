package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"strings"
)

// tempPrefix begins the names of blobs that are being written. What a crash leaves of them is no blob, and may be deleted.
const tempPrefix = ".put-"

// Disk is Blobs in a folder: one file a blob, mode 0600, at the blob's name. Nothing outside the folder is reached, whatever
// symbolic links are in it.
type Disk struct{ root *os.Root }

var _ Blobs = (*Disk)(nil)

// OpenDisk uses the folder, which must exist.
func OpenDisk(dir string) (*Disk, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open blobs: %w", err)
	}
	return &Disk{root: root}, nil
}

// Close releases the folder.
func (d *Disk) Close() error { return d.root.Close() }

// Put implements Blobs: a temporary file beside the blob, synced, linked to its name, and every changed folder synced.
func (d *Disk) Put(ctx context.Context, name string, r io.Reader) error {
	if err := CheckBlobName(name); err != nil {
		return err
	}
	if err := d.put(ctx, name, r); err != nil {
		return fmt.Errorf("put blob %q: %w", name, err)
	}
	return nil
}

func (d *Disk) put(ctx context.Context, name string, r io.Reader) (err error) {
	if _, err := d.root.Lstat(name); err == nil {
		return ErrExists // early; the link below is what decides
	}
	if err := d.root.MkdirAll(path.Dir(name), 0o700); err != nil {
		return err
	}
	temp := path.Join(path.Dir(name), tempPrefix+rand.Text())
	defer func() {
		if rmErr := d.root.Remove(temp); rmErr != nil && !errors.Is(rmErr, fs.ErrNotExist) {
			err = errors.Join(err, rmErr)
		}
	}()
	if err := d.fill(ctx, temp, r); err != nil {
		return err
	}
	if err := d.root.Link(temp, name); errors.Is(err, fs.ErrExist) {
		return ErrExists
	} else if err != nil {
		return err
	}
	return d.syncParents(name)
}

// fill writes a file and syncs it.
func (d *Disk) fill(ctx context.Context, name string, r io.Reader) (err error) {
	f, err := d.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := io.Copy(f, &contextReader{ctx, r}); err != nil {
		return err
	}
	return f.Sync()
}

// syncParents makes the name durable: its folder, and those above, which may be new.
func (d *Disk) syncParents(name string) error {
	for _, dir := range append(parents(name), ".") {
		f, err := d.root.Open(dir)
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// Open implements Blobs.
func (d *Disk) Open(_ context.Context, name string) (io.ReadCloser, error) {
	if err := CheckBlobName(name); err != nil {
		return nil, err
	}
	f, err := d.root.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open blob %q: %w", name, missing(err))
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(fmt.Errorf("open blob %q: %w", name, ErrNotFound), err, f.Close())
	}
	return f, nil
}

// List implements Blobs.
func (d *Disk) List(ctx context.Context, prefix string) iter.Seq2[Blob, error] {
	return func(yield func(Blob, error) bool) {
		err := fs.WalkDir(d.root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
			if err = errors.Join(err, ctx.Err()); err != nil {
				return err
			}
			if entry.IsDir() {
				return skipUnless(name, prefix)
			}
			info, err := entry.Info()
			if errors.Is(err, fs.ErrNotExist) || err == nil && (!info.Mode().IsRegular() || !isBlob(name, prefix)) {
				return nil
			}
			if err != nil {
				return err
			}
			if !yield(Blob{Name: name, Size: info.Size()}, nil) {
				return fs.SkipAll
			}
			return nil
		})
		if err != nil {
			yield(Blob{}, fmt.Errorf("list blobs: %w", err))
		}
	}
}

// skipUnless skips a folder in which no name can begin with prefix.
func skipUnless(dir, prefix string) error {
	if dir == "." || strings.HasPrefix(dir+"/", prefix) || strings.HasPrefix(prefix, dir+"/") {
		return nil
	}
	return fs.SkipDir
}

func isBlob(name, prefix string) bool {
	return strings.HasPrefix(name, prefix) && CheckBlobName(name) == nil
}

// Delete implements Blobs.
func (d *Disk) Delete(_ context.Context, name string) error {
	if err := CheckBlobName(name); err != nil {
		return err
	}
	info, err := d.root.Lstat(name)
	if err == nil && !info.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err == nil {
		err = d.root.Remove(name)
	}
	if err != nil {
		return fmt.Errorf("delete blob %q: %w", name, missing(err))
	}
	return d.syncParents(name)
}

// missing makes the operating system's word for a file that is not there ours.
func missing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return ErrNotFound
	}
	return err
}

// contextReader ends a copy when the context does.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *contextReader) Read(p []byte) (int, error) {
	if err := context.Cause(c.ctx); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
