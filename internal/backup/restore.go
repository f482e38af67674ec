package backup

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"
)

// maxWindow bounds what decompression may keep in memory.
const maxWindow = 64 << 20

// Restore puts a backup into data, which must not exist or be empty. Nothing is in place until every member has been
// compared with the manifest and is durable; after an error, data is as it was.
func Restore(ctx context.Context, from, data string) (_ Summary, err error) {
	in, err := os.Open(from)
	if err != nil {
		return Summary{}, fmt.Errorf("restore: %w", err)
	}
	defer in.Close()
	made, err := prepare(data)
	if err != nil {
		return Summary{}, fmt.Errorf("restore: %w", err)
	}
	summary, err := restore(ctx, in, data)
	if err != nil {
		if made {
			err = errors.Join(err, os.Remove(data))
		}
		return Summary{}, fmt.Errorf("restore %s: %w", from, err)
	}
	return summary, nil
}

// prepare makes the folder, or finds that it is empty.
func prepare(data string) (made bool, err error) {
	if err := os.Mkdir(data, 0o700); err == nil {
		return true, nil
	} else if !errors.Is(err, fs.ErrExist) {
		return false, err
	}
	entries, err := os.ReadDir(data)
	if err != nil {
		return false, err
	}
	if len(entries) > 0 {
		return false, fmt.Errorf("%s is not empty (it holds %q): restore into a new folder, or move that one away", data, entries[0].Name())
	}
	return false, nil
}

// extraction is a backup being read into a folder that is not in place yet.
type extraction struct {
	ctx     context.Context // of the one call that reads it
	root    *os.Root
	tar     *tar.Reader
	list    *os.File // the manifest of what was read
	dirs    []member // to be given their modes and owners at the end
	at      string   // the member being read
	summary Summary
}

func restore(ctx context.Context, in io.Reader, data string) (_ Summary, err error) {
	stage, err := os.MkdirTemp(data, ".restore-*")
	if err != nil {
		return Summary{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(stage)) }()
	tree := filepath.Join(stage, "data")
	if err := os.Mkdir(tree, 0o700); err != nil {
		return Summary{}, err
	}
	root, err := os.OpenRoot(tree)
	if err != nil {
		return Summary{}, err
	}
	defer root.Close()
	list, err := os.CreateTemp(stage, "manifest-*")
	if err != nil {
		return Summary{}, err
	}
	defer list.Close()
	decompress, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return Summary{}, err
	}
	defer decompress.Close()
	x := &extraction{ctx: ctx, root: root, tar: tar.NewReader(decompress), list: list, at: "the beginning"}
	if err := x.run(decompress); err != nil {
		return Summary{}, err
	}
	return x.summary, x.place(tree, data)
}

// run reads the archive to its end. Errors of reading are ErrDamaged and name the member; errors of writing are not.
func (x *extraction) run(rest io.Reader) error {
	if err := x.format(); err != nil {
		return err
	}
	for {
		h, err := x.next()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("%w: it ends after %s, without its manifest", ErrDamaged, x.at)
		}
		if err != nil {
			return err
		}
		if h.Name == manifestName {
			break
		}
		if err := x.extract(h); err != nil {
			return err
		}
	}
	if err := x.compare(); err != nil {
		return err
	}
	if h, err := x.next(); err == nil {
		return fmt.Errorf("%w: %q comes after the manifest", ErrDamaged, h.Name)
	} else if !errors.Is(err, io.EOF) {
		return err
	}
	if _, err := io.Copy(io.Discard, rest); err != nil {
		return fmt.Errorf("%w: after the manifest: %w", ErrDamaged, err)
	}
	return nil
}

// place gives folders their modes, makes everything durable and moves it to where it belongs.
func (x *extraction) place(tree, data string) error {
	for i := len(x.dirs) - 1; i >= 0; i-- {
		if err := x.protectDir(x.dirs[i], data); err != nil {
			return err
		}
	}
	dir, err := os.Open(data)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := unix.Syncfs(int(dir.Fd())); err != nil {
		return fmt.Errorf("sync: %w", err)
	}
	entries, err := os.ReadDir(tree)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := os.Rename(filepath.Join(tree, e.Name()), filepath.Join(data, e.Name())); err != nil {
			return err
		}
	}
	return dir.Sync()
}

// protectDir gives a folder its mode and owner; the data folder itself is the one that is there.
func (x *extraction) protectDir(m member, data string) (err error) {
	var f *os.File
	if m.name == "." {
		f, err = os.Open(data)
	} else {
		f, err = x.root.Open(m.name)
	}
	if err != nil {
		return err
	}
	return errors.Join(protect(f, m), f.Close())
}

// protect gives a file or folder its owner and then its mode.
func protect(f *os.File, m member) error {
	if err := f.Chown(m.uid, m.gid); errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("give %s to user %d: %w: restore as root", m.name, m.uid, err)
	} else if err != nil {
		return err
	}
	return f.Chmod(m.mode)
}
