package index

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gatehouse/recorder"
)

// list fills the queue with closed recordings that have no index, or whose rows the search does not have. It returns false when
// there is nothing to look for, or nothing was found.
func (ix *Indexer) list(ctx context.Context) bool {
	ix.mu.Lock()
	missed := ix.missed
	ix.missed = false
	ix.mu.Unlock()
	if !missed {
		return false
	}
	found, all, err := ix.wanting(ctx)
	if err != nil {
		ix.cfg.Log.Warn("look for recordings without an index", "error", err)
	}
	ix.mu.Lock()
	defer ix.mu.Unlock()
	ix.missed = ix.missed || !all
	ix.listed = ix.listed || all
	for _, session := range found {
		ix.queue = append(ix.queue, waiting{session, ix.cfg.Now()})
	}
	return len(found) > 0
}

// wanting lists at most maxQueue recordings to be indexed, the newest first; all says whether there are no more.
func (ix *Indexer) wanting(ctx context.Context) (found []string, all bool, err error) {
	months, err := os.ReadDir(ix.cfg.Dir)
	if err != nil {
		return nil, true, err
	}
	for i := len(months) - 1; i >= 0; i-- {
		if _, bad := time.Parse("2006-01", months[i].Name()); bad != nil || !months[i].IsDir() {
			continue
		}
		files, err := os.ReadDir(filepath.Join(ix.cfg.Dir, months[i].Name()))
		if err != nil {
			return found, true, err
		}
		for j := len(files) - 1; j >= 0 && ctx.Err() == nil; j-- {
			name := files[j].Name()
			if strings.HasPrefix(name, unfinished) { // by a crash: this goroutine alone writes them
				_ = os.Remove(filepath.Join(ix.cfg.Dir, months[i].Name(), name))
			}
			session, ok := strings.CutSuffix(name, recording)
			if !ok || !ix.wants(session) {
				continue
			}
			if len(found) == maxQueue {
				return found, false, nil
			}
			found = append(found, session)
		}
	}
	return found, true, nil
}

// wants says whether a recording is closed and is to be indexed.
func (ix *Indexer) wants(session string) bool {
	ix.mu.Lock()
	failed := ix.failed[session] || len(ix.failed) >= maxFailed
	ix.mu.Unlock()
	path, err := Path(ix.cfg.Dir, session)
	if failed || err != nil || !recorder.Settled(ix.cfg.Dir, session) {
		return false
	}
	if _, err := os.Lstat(recorder.KeyPath(strings.TrimSuffix(path, suffix) + recording)); err == nil {
		return false // it is encrypted
	}
	rows, err := hasRows(path)
	return errors.Is(err, fs.ErrNotExist) || err == nil && ix.cfg.Sink != nil && (!rows || ix.lost(session))
}
