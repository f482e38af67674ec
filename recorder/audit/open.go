package audit

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sys/unix"
)

// ErrInconsistent is returned by Open for a log that contradicts its checkpoint.
var ErrInconsistent = errors.New("audit log contradicts its checkpoint")

const hintRestore = "run `gatehouse audit verify` on it, keep it for the investigation, and restore the folder from a backup"

// load brings the state in line with the files.
func (l *Log) load() error {
	if err := l.openFiles(); err != nil {
		return err
	}
	cp, stale, err := l.loadCheckpoint()
	if err != nil {
		return err
	}
	offset, ok := l.resume(cp)
	if !ok {
		if offset, err = l.rebuild(cp); err != nil {
			return err
		}
	}
	kept, torn, err := l.takeTail(offset)
	if err != nil {
		return err
	}
	if l.tree.size == 0 {
		return l.appendNow(LogStart, map[string]string{"origin": l.cfg.Origin, "key": l.cfg.VerifierKey})
	}
	if kept > 0 || torn != "" || stale {
		return l.appendNow(LogRecovered, map[string]any{"kept": kept, "torn": torn})
	}
	return nil
}

// openFiles opens the files and locks the log for this process.
func (l *Log) openFiles() (err error) {
	if err := os.MkdirAll(l.cfg.Dir, 0o700); err != nil {
		return err
	}
	open := func(name string) *os.File {
		f, oerr := os.OpenFile(filepath.Join(l.cfg.Dir, name), os.O_RDWR|os.O_CREATE, 0o600)
		err = errors.Join(err, oerr)
		return f
	}
	l.entries, l.hashes = open(entriesFile), open(hashesFile)
	if err != nil {
		return err
	}
	if err := unix.Flock(int(l.entries.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return fmt.Errorf("in use by another process: %w", err)
	}
	return syncDir(l.cfg.Dir)
}

// loadCheckpoint returns the newest checkpoint, which is the history's last after a power cut that took the current one; its
// size is 0 if there is none because the log never got its first entry. stale means that the file must be written anew.
func (l *Log) loadCheckpoint() (newest Checkpoint, stale bool, err error) {
	msg, err := os.ReadFile(filepath.Join(l.cfg.Dir, checkpointFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Checkpoint{}, false, err
	}
	if len(bytes.Trim(msg, "\x00")) > 0 {
		if newest, err = OpenCheckpoint(msg, l.verifier); err != nil {
			return Checkpoint{}, false, fmt.Errorf("%w: %w; %s", ErrInconsistent, err, hintRestore)
		}
		l.signed = msg
	}
	old, oldMsg, err := lastOfHistory(l.history.path, l.verifier)
	if err != nil {
		return Checkpoint{}, false, err
	}
	if old.Size > newest.Size {
		newest, stale, l.signed = old, true, oldMsg
	}
	if newest.Size == 0 {
		return newest, false, l.checkUnborn()
	}
	return newest, stale, nil
}

// checkUnborn accepts a log without a checkpoint only if nothing but its first entry may have been written.
func (l *Log) checkUnborn() error {
	b, err := io.ReadAll(io.LimitReader(l.entries, 2*MaxEntry))
	if err != nil {
		return err
	}
	if i := bytes.IndexByte(b, '\n'); (i >= 0 && i != len(b)-1) || len(b) > MaxEntry {
		return fmt.Errorf("%w: there are entries but no checkpoint; %s", ErrInconsistent, hintRestore)
	}
	return l.entries.Truncate(0)
}

// resume takes the tree from the stored hashes if they fit the checkpoint, which proves them, and finds the end of the
// covered entries from the file's end: opening costs the same however long the log is.
func (l *Log) resume(cp Checkpoint) (offset int64, ok bool) {
	if cp.Size == 0 {
		return 0, false
	}
	t, err := l.storedTree(cp.Size)
	if err != nil || t.root() != cp.Root {
		return 0, false
	}
	line, end, ok := l.lastLine(cp.Size - 1)
	if !ok {
		return 0, false
	}
	var leaf tlog.Hash
	at := tlog.StoredHashIndex(0, cp.Size-1) * tlog.HashSize
	if _, err := l.hashes.ReadAt(leaf[:], at); err != nil || leaf != tlog.RecordHash(line) {
		return 0, false
	}
	l.tree = t
	return end, true
}

// storedTree reads the right edge of the tree of n entries.
func (l *Log) storedTree(n int64) (tree, error) {
	t := tree{size: n}
	var before int64
	for level := 62; level >= 0; level-- {
		if n&(1<<level) == 0 {
			continue
		}
		var h tlog.Hash
		if _, err := l.hashes.ReadAt(h[:], tlog.StoredHashIndex(level, before>>level)*tlog.HashSize); err != nil {
			return t, err
		}
		t.edge = append(t.edge, h)
		before += 1 << level
	}
	return t, nil
}

// lastLine finds the entry with the sequence number seq near the end of the file, and the offset after it.
func (l *Log) lastLine(seq int64) (line []byte, end int64, ok bool) {
	st, err := l.entries.Stat()
	if err != nil {
		return nil, 0, false
	}
	head := appendHead([]byte{'\n'}, seq)
	for n := int64(1 << 20); ; n *= 8 {
		from := max(st.Size()-n, 0)
		b := make([]byte, st.Size()-from)
		if _, err := l.entries.ReadAt(b, from); err != nil {
			return nil, 0, false
		}
		if from == 0 {
			b = append([]byte{'\n'}, b...)
			from = -1
		}
		if i := bytes.LastIndex(b, head); i >= 0 {
			line = b[i+1:]
			j := bytes.IndexByte(line, '\n')
			return line[:max(j, 0)], from + int64(i+1+j+1), j >= 0
		}
		if from < 0 || n > 64<<20 {
			return nil, 0, false
		}
	}
}

// rebuild computes the tree from the entries and compares it with the checkpoint.
func (l *Log) rebuild(cp Checkpoint) (int64, error) {
	l.tree = tree{}
	var offset int64
	out := bufio.NewWriter(io.NewOffsetWriter(l.hashes, 0))
	r := newLines(io.NewSectionReader(l.entries, 0, 1<<62))
	for l.tree.size < cp.Size {
		leaf, err := r.next()
		if err != nil {
			return 0, fmt.Errorf("%w: entry %d of %d: %w; %s", ErrInconsistent, l.tree.size, cp.Size, err, hintRestore)
		}
		offset += int64(len(leaf))
		l.tree.add(leafHash(leaf), func(h tlog.Hash) { out.Write(h[:]) })
	}
	if l.tree.root() != cp.Root && cp.Size > 0 {
		return 0, fmt.Errorf("%w: the first %d entries are not those that were signed; %s", ErrInconsistent, cp.Size, hintRestore)
	}
	return offset, out.Flush()
}

// takeTail adds whole entries beyond the checkpoint, which a crash may leave, and moves what follows them aside.
func (l *Log) takeTail(offset int64) (kept int, torn string, err error) {
	if err := l.hashes.Truncate(hashesLen(l.tree.size)); err != nil {
		return 0, "", err
	}
	r := newLines(io.NewSectionReader(l.entries, offset, 1<<62))
	for {
		leaf, err := r.next()
		if err != nil || !isEntry(leaf[1:], l.tree.size) {
			break
		}
		at := hashesLen(l.tree.size)
		var hashes []byte
		l.tree.add(leafHash(leaf), func(h tlog.Hash) { hashes = append(hashes, h[:]...) })
		if _, err := l.hashes.WriteAt(hashes, at); err != nil {
			return 0, "", err
		}
		offset += int64(len(leaf))
		kept++
	}
	l.entriesLen = offset
	torn, err = l.moveAside(offset)
	return kept, torn, err
}

// isEntry says whether a line can be the entry with this number.
func isEntry(line []byte, seq int64) bool {
	e, err := Parse(line)
	return err == nil && e.Seq == seq && bytes.HasPrefix(line, appendHead(nil, seq))
}

// moveAside keeps the bytes from offset on in a file of their own and cuts them off.
func (l *Log) moveAside(offset int64) (string, error) {
	b, err := io.ReadAll(io.NewSectionReader(l.entries, offset, 1<<62))
	if err != nil || len(b) == 0 {
		return "", err
	}
	name := tornPrefix + strings.ReplaceAll(l.cfg.Now().UTC().Format("20060102T150405.000000"), ".", "-")
	if err := ReplaceFile(filepath.Join(l.cfg.Dir, name), b, 0o600); err != nil {
		return "", err
	}
	l.cfg.Log.Warn("torn end of the audit log moved aside", "file", name, "bytes", len(b))
	return name, l.entries.Truncate(offset)
}

// appendNow appends an entry before the writer runs.
func (l *Log) appendNow(t Type, data any) error {
	b, err := json.Marshal(data)
	if err != nil {
		return err
	}
	req, err := newRequest([]Entry{{Type: t, Data: b}})
	if err != nil {
		return err
	}
	if err := l.commit([]*request{req}); err != nil {
		return err
	}
	l.remember()
	return nil
}
