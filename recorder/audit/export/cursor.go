package export

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/tlog"
)

// maxCursor bounds a cursor's file.
const maxCursor = 4096

// position is a place in the log: the number of the next entry and the leaf hash of the one before it, so that another log with
// the same numbers is noticed.
type position struct {
	Next int64     `json:"next"`
	Leaf tlog.Hash `json:"leaf"`
}

// stored is a cursor's file.
type stored struct {
	V int `json:"v"`
	position
}

// cursorPath is the file of a sink's cursor.
func cursorPath(dir, sink string) string { return filepath.Join(dir, sink+".json") }

// loadCursor reads a cursor; the second result is false where there is none yet.
func loadCursor(path string) (position, bool, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return position{}, false, nil
	}
	if err == nil && info.Size() > maxCursor {
		err = fmt.Errorf("%d bytes", info.Size())
	}
	var text []byte
	if err == nil {
		text, err = os.ReadFile(path)
	}
	var c stored
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err == nil && (c.V != 1 || c.Next < 0) {
		err = fmt.Errorf("version %d, next %d", c.V, c.Next)
	}
	if err != nil {
		return position{}, false, fmt.Errorf("read cursor %s: %w (set it by gatehouse audit export --sink … --from …)", path, err)
	}
	return c.position, true, nil
}

// saveCursor replaces a cursor's file; after a power cut it holds the old or the new one, whole.
func saveCursor(path string, p position) error {
	text, err := json.Marshal(stored{1, p})
	if err != nil {
		return fmt.Errorf("write cursor: %w", err)
	}
	f, err := os.OpenFile(path+".tmp", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("write cursor: %w", err)
	}
	_, err = f.Write(append(text, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(path+".tmp", path)
	}
	if err != nil {
		return fmt.Errorf("write cursor: %w", err)
	}
	return nil
}
