package ca

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// createFile writes data to a new file that others see whole or not at all. An existing file is fs.ErrExist, never replaced.
func createFile(path string, mode fs.FileMode, data []byte) error {
	return writeFile(path, mode, data, os.Link)
}

// replaceFile writes data to a file that others see as before or whole. It replaces.
func replaceFile(path string, mode fs.FileMode, data []byte) error {
	return writeFile(path, mode, data, os.Rename)
}

// writeFile writes, syncs, puts in place and syncs the folder, so that the file is durable when it returns.
func writeFile(path string, mode fs.FileMode, data []byte, place func(from, to string) error) (err error) {
	dir := filepath.Dir(path)
	tmp, err := os.CreateTemp(dir, ".tmp-*")
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, tmp.Close())
		if rmErr := os.Remove(tmp.Name()); rmErr != nil && !errors.Is(rmErr, fs.ErrNotExist) {
			err = errors.Join(err, rmErr)
		}
	}()
	if err := prepare(tmp, mode, data); err != nil {
		return err
	}
	if err := place(tmp.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

func prepare(f *os.File, mode fs.FileMode, data []byte) error {
	if err := inheritOwner(f, filepath.Dir(f.Name())); err != nil {
		return err
	}
	if err := f.Chmod(mode); err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Sync()
}

// inheritOwner gives a file that root makes to the owner of its folder: root may issue a certificate on the command line,
// and the decider, who owns the folder, must still be able to read the files afterwards.
func inheritOwner(f *os.File, dir string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return fmt.Errorf("stat %s: %w", dir, err)
	}
	return f.Chown(int(st.Uid), int(st.Gid))
}

// syncDir makes a change of names in dir durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// flock waits for the exclusive lock on f.
func flock(f *os.File) error {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
