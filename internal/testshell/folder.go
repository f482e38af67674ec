package testshell

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// fill makes a folder anew, with files of its own. Names that end in "/" are folders.
func fill(folder string, files []File) error {
	if err := empty(folder); err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for _, f := range files {
		path := filepath.Join(folder, f.Path)
		if strings.HasSuffix(f.Path, "/") {
			if err := os.MkdirAll(path, 0o755); err != nil {
				return err
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(f.Data), 0o600); err != nil {
			return err
		}
		if err := os.Chmod(path, f.Mode); err != nil {
			return err
		}
	}
	return nil
}

// empty removes a folder, however little its modes permit.
func empty(folder string) error {
	_ = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() {
			_ = os.Chmod(path, 0o700)
		}
		return nil
	})
	return os.RemoveAll(folder)
}

// left says what a folder holds: each name with its kind, mode and content.
func left(folder string) (map[string]string, error) {
	all := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		all[name], err = describe(path, d)
		return err
	})
	return all, err
}

func describe(path string, d fs.DirEntry) (string, error) {
	st, err := d.Info()
	if err != nil {
		return "", err
	}
	switch mode := st.Mode(); {
	case mode&fs.ModeSymlink != 0:
		to, err := os.Readlink(path)
		return "link to " + to, err
	case mode.IsRegular():
		data, err := os.ReadFile(path)
		if err != nil {
			return mode.String() + " unreadable", nil
		}
		if len(data) > 2000 {
			return fmt.Sprintf("%s %d bytes, sha256 %x", mode, len(data), sha256.Sum256(data)), nil
		}
		return fmt.Sprintf("%s %q", mode, data), nil
	default:
		return mode.String(), nil
	}
}
