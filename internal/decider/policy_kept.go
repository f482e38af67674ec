package decider

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

// The policies that were in force are kept by their hashes, so that what people approved can be judged by what was true then. The
// oldest go first.
const (
	maxKeptPolicies = 10_000
	maxKeptBytes    = 1 << 30
)

// PolicyDir is where the decider in a folder keeps the policies that were in force.
func PolicyDir(dir string) string { return filepath.Join(dir, "policies") }

// keptPolicy is a file's JSON.
type keptPolicy struct {
	Hash  string        `json:"hash"`
	Files []policy.File `json:"files"`
}

// keepPolicy keeps a policy that comes into force; one that is kept already is the newest again.
func (d *Decider) keepPolicy(hash string, files []policy.File) error {
	dir := PolicyDir(d.cfg.Dir)
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("keep policy: %w", err)
	}
	path, now := filepath.Join(dir, audit.PolicyFileName(hash)), time.Now()
	if os.Chtimes(path, now, now) == nil {
		return nil
	}
	text, err := json.Marshal(keptPolicy{hash, files})
	if err != nil {
		return fmt.Errorf("keep policy: %w", err)
	}
	if err := errors.Join(writeFileSync(path+".new", append(text, '\n')), os.Rename(path+".new", path)); err != nil {
		return fmt.Errorf("keep policy: %w", err)
	}
	return forgetPolicies(dir, maxKeptPolicies, maxKeptBytes)
}

// forgetPolicies removes the oldest beyond the bounds.
func forgetPolicies(dir string, most int, size int64) error {
	list, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("kept policies: %w", err)
	}
	var infos []fs.FileInfo
	for _, e := range list {
		if info, err := e.Info(); err == nil {
			infos = append(infos, info)
		}
	}
	slices.SortFunc(infos, func(a, b fs.FileInfo) int { return b.ModTime().Compare(a.ModTime()) }) // the newest first
	for i, info := range infos {
		if size -= info.Size(); i > 0 && (i >= most || size < 0) {
			if err := os.Remove(filepath.Join(dir, info.Name())); err != nil {
				return fmt.Errorf("kept policies: %w", err)
			}
		}
	}
	return nil
}
