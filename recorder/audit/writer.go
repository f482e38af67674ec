package audit

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// write is the one writer: it takes what waits, makes it durable with one fsync, and answers.
func (l *Log) write() {
	defer close(l.done)
	var held *request
	for {
		group, next, open := l.collect(held)
		if len(group) > 0 {
			before := l.tree.size
			l.answer(group, l.commit(group))
			if l.tree.size > before { // not after a mere probe
				l.remember()
			}
		}
		if held = next; !open && held == nil {
			return
		}
	}
}

// collect waits for a request and takes what else is there, within the bounds of a group; held is what did not fit the last
// time and next what does not fit this time.
func (l *Log) collect(held *request) (group []*request, next *request, open bool) {
	req, open := held, true
	if req == nil {
		if req, open = <-l.requests; !open {
			return nil, nil, false
		}
	}
	count, size := 0, 0
	for {
		if count += len(req.bodies); len(group) > 0 && (count > maxGroup || size+req.size > maxGroupBytes) {
			return group, req, true
		}
		size += req.size
		group = append(group, req)
		select {
		case req, open = <-l.requests:
			if !open {
				return group, nil, false
			}
		default:
			return group, nil, true
		}
	}
}

func (l *Log) answer(group []*request, err error) {
	if err != nil {
		l.cfg.Log.Error("audit append", "error", err)
		err = fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	for _, req := range group {
		req.done <- err
	}
}

// commit makes a group durable, or leaves nothing of it.
//
//  1. what an earlier error left behind is cut off
//  2. entries and hashes are written, the checkpoint is signed and written beside the old one
//  3. the entries are synced
//  4. the new checkpoint takes the old one's place, and memory follows
//
// The checkpoint is not synced here: that would double the time. A power cut may bring back an older one or an empty file;
// the history, which is synced, then has one that is at most a second of work older, and the entries beyond it are kept.
func (l *Log) commit(group []*request) error {
	if l.dirty {
		if err := l.rollback(); err != nil {
			return fmt.Errorf("repair: %w", err)
		}
	}
	lines, hashes, next := l.assemble(group)
	signed, err := Checkpoint{Origin: l.cfg.Origin, Size: next.size, Root: next.root()}.Sign(l.cfg.Signer)
	if err != nil {
		return fmt.Errorf("sign checkpoint: %w", err)
	}
	if err := l.persist(lines, hashes, signed); err != nil {
		l.dirty = true
		return errors.Join(err, l.rollback())
	}
	l.entriesLen += int64(len(lines))
	l.tree = next
	l.signedMu.Lock()
	l.signed = signed
	l.signedMu.Unlock()
	return nil
}

// remember adds the newest checkpoint to the history, at most once a second.
func (l *Log) remember() {
	if err := l.history.add(l.now, l.Checkpoint()); err != nil {
		l.cfg.Log.Warn("audit checkpoint history", "error", err)
	}
}

// assemble numbers and hashes the entries of a group.
func (l *Log) assemble(group []*request) (lines, hashes []byte, next tree) {
	l.now = l.cfg.Now()
	next = l.tree.clone()
	store := func(h tlog.Hash) { hashes = append(hashes, h[:]...) }
	leaf := make([]byte, 0, 1024)
	for _, req := range group {
		req.first = next.size
		for _, body := range req.bodies {
			from := len(lines)
			lines = appendLine(lines, next.size, l.now, l.node, body)
			leaf = append(append(leaf[:0], 0), lines[from:len(lines)-1]...)
			next.add(leafHash(leaf), store)
		}
	}
	return lines, hashes, next
}

func (l *Log) persist(lines, hashes, signed []byte) error {
	if _, err := l.entries.WriteAt(lines, l.entriesLen); err != nil {
		return fmt.Errorf("write entries: %w", err)
	}
	if _, err := l.hashes.WriteAt(hashes, hashesLen(l.tree.size)); err != nil {
		return fmt.Errorf("write hashes: %w", err)
	}
	path := filepath.Join(l.cfg.Dir, checkpointFile)
	tmp, err := os.OpenFile(path+".tmp", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return fmt.Errorf("create checkpoint: %w", err)
	}
	_, err = tmp.Write(signed)
	if err := errors.Join(err, tmp.Close()); err != nil {
		return fmt.Errorf("write checkpoint: %w", err)
	}
	if err := l.entries.Sync(); err != nil {
		return fmt.Errorf("sync entries: %w", err)
	}
	return os.Rename(path+".tmp", path)
}

// rollback cuts the files back to what is durable. After it, nothing of a failed group can be seen.
func (l *Log) rollback() error {
	os.Remove(filepath.Join(l.cfg.Dir, checkpointFile+".tmp"))
	if err := l.entries.Truncate(l.entriesLen); err != nil {
		return err
	}
	if err := l.hashes.Truncate(hashesLen(l.tree.size)); err != nil {
		return err
	}
	if err := l.entries.Sync(); err != nil {
		return err
	}
	l.dirty = false
	return nil
}

// hashesLen is the size of the hashes file for a tree of n entries.
func hashesLen(n int64) int64 { return tlog.StoredHashCount(n) * tlog.HashSize }

// history keeps old checkpoints: durable when the newest one may not be, and a help for Verify to say where a log was changed.
type history struct {
	path string
	last time.Time
}

// historyLine is one line of the file.
type historyLine struct {
	Time time.Time `json:"time"`
	Note string    `json:"note"`
}

// add appends a checkpoint unless one was added less than a second ago. A line that does not fit is cut off again.
func (h *history) add(now time.Time, signed []byte) error {
	if d := now.Sub(h.last); !h.last.IsZero() && d >= 0 && d < historyEvery {
		return nil
	}
	line, err := json.Marshal(historyLine{now.UTC(), string(signed)})
	if err != nil {
		return err
	}
	f, err := os.OpenFile(h.path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if _, err := f.Write(append(line, '\n')); err != nil {
		return errors.Join(err, f.Truncate(st.Size()))
	}
	h.last = now
	return f.Sync()
}
