package supervisor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"gatehouse/internal/config"
)

// DeciderDir is the decider's folder. No file is written by both processes.
func DeciderDir(data string) string { return filepath.Join(data, "decider") }

// DoorDir is the door's folder.
func DoorDir(data string) string { return filepath.Join(data, "door") }

// prepareFolders makes the folders and gives each to its process, with everything in it: a command line run by root may have
// left files of its own there.
func prepareFolders(c config.Config, root bool) error {
	if err := os.MkdirAll(c.Data, 0o755); err != nil {
		return fmt.Errorf("make data folder: %w", err)
	}
	if err := os.Chmod(c.Data, 0o711); err != nil { // both users pass through it, nobody lists it
		return fmt.Errorf("open data folder: %w", err)
	}
	for _, f := range []struct {
		path  string
		owner uint32
	}{{DeciderDir(c.Data), c.Users.Decider}, {DoorDir(c.Data), c.Users.Door}, {filepath.Dir(AdminSocket(c.Data)), 0}} {
		if err := os.Mkdir(f.path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("make data folder: %w", err)
		}
		if err := os.Chmod(f.path, 0o700); err != nil {
			return fmt.Errorf("protect data folder: %w", err)
		}
		if root {
			if err := own(f.path, f.owner); err != nil {
				return err
			}
		}
	}
	return nil
}

// HandOver gives what a command line that is run by root has left in the decider's folder to the decider.
func HandOver(c config.Config) error {
	if os.Geteuid() != 0 {
		return nil
	}
	return own(DeciderDir(c.Data), c.Users.Decider)
}

// own gives a tree to a user. It never follows a link out of the tree, and refuses a file that has a second name: that may be
// anywhere, and whoever could link it in here would get it given.
func own(dir string, uid uint32) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("give %s to user %d: %w", dir, uid, err)
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // gone meanwhile
		}
		if err != nil {
			return fmt.Errorf("give %s to user %d: %w", dir, uid, err)
		}
		st, ok := info.Sys().(*syscall.Stat_t)
		if !ok {
			return fmt.Errorf("give %s to user %d: no owner is known", path, uid)
		}
		if st.Uid == uid && st.Gid == uid {
			return nil
		}
		if !entry.IsDir() && st.Nlink > 1 {
			return fmt.Errorf("give %s to user %d: the file has %d names (hard links); remove it", path, uid, st.Nlink)
		}
		if err := os.Lchown(path, int(uid), int(uid)); err != nil {
			return fmt.Errorf("give %s to user %d: %w", path, uid, err)
		}
		return nil
	})
}
