package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// readBlock is how much of the log a Reader reads at a time; a stored entry always fits.
const readBlock = 1 << 20

// ErrNoEntry is returned by OpenReader for a number that the log does not have.
var ErrNoEntry = errors.New("the audit log has no such entry")

// Record is a stored entry.
type Record struct {
	Seq  int64
	Line []byte // without the line feed
}

// Leaf is the entry's hash in the Merkle tree.
func (r Record) Leaf() tlog.Hash { return tlog.RecordHash(r.Line) }

// Time is when the entry was made; zero where its line does not say.
func (r Record) Time() time.Time {
	at, err := time.Parse(timeFormat, lineTime(r.Line))
	if err != nil {
		return time.Time{}
	}
	return at
}

// Reader reads stored entries in order while the log is written. It verifies nothing but the entries' numbers: it is for those
// who trust the folder. Not safe for concurrent use.
type Reader struct {
	file *os.File
	next int64 // number of the next entry
	at   int64 // where it begins
}

// OpenReader opens the log in dir at entry seq, which may be the one that comes next. It reads little, however long the log is.
func OpenReader(dir string, seq int64) (*Reader, error) {
	f, err := os.Open(filepath.Join(dir, entriesFile))
	if err != nil {
		return nil, fmt.Errorf("read audit log: %w", err)
	}
	r := &Reader{file: f}
	if err := r.seek(seq); err != nil {
		return nil, errors.Join(fmt.Errorf("read audit log: %w", err), f.Close())
	}
	return r, nil
}

// Close closes the log's file.
func (r *Reader) Close() error { return r.file.Close() }

// Next is the number of the entry that Read begins with.
func (r *Reader) Next() int64 { return r.next }

// Read returns the next entries, at most most of them and a block's worth of bytes, all with numbers below limit; none at the
// limit. limit is how many entries were acknowledged, asked before the call: what is beyond may yet be taken back, so that
// nothing of it is kept.
func (r *Reader) Read(limit int64, most int) ([]Record, error) {
	if r.next >= limit || most < 1 {
		return nil, nil
	}
	block, err := r.block(r.at)
	if err != nil {
		return nil, fmt.Errorf("read audit log: %w", err)
	}
	var records []Record
	for r.next < limit && len(records) < most {
		end := bytes.IndexByte(block, '\n')
		if end < 0 {
			break
		}
		line := block[:end:end]
		if !bytes.HasPrefix(line, appendHead(nil, r.next)) {
			return nil, fmt.Errorf("read audit log: entry %d is expected at byte %d, but there is %.60q", r.next, r.at, line)
		}
		records = append(records, Record{Seq: r.next, Line: line})
		block = block[end+1:]
		r.next++
		r.at += int64(end) + 1
	}
	if len(records) == 0 {
		return nil, fmt.Errorf("read audit log: entry %d is not whole, or larger than an entry can be", r.next)
	}
	return records, nil
}

// block reads up to a block from a place.
func (r *Reader) block(at int64) ([]byte, error) {
	info, err := r.file.Stat()
	if err != nil {
		return nil, err
	}
	block := make([]byte, max(0, min(readBlock, info.Size()-at)))
	n, err := r.file.ReadAt(block, at)
	if errors.Is(err, io.EOF) {
		err = nil // it was cut back meanwhile
	}
	return block[:n], err
}

// seek finds an entry by halving the file until a block is left, and goes through that line by line.
func (r *Reader) seek(seq int64) error {
	info, err := r.file.Stat()
	if err != nil {
		return err
	}
	low, high := int64(0), info.Size() // the entry begins at low or later, and before or at high
	for high-low > readBlock {
		middle := low + (high-low)/2
		begin, number, err := r.lineAfter(middle, high)
		if err != nil {
			return err
		}
		if begin < 0 || number > seq {
			high = middle
		} else {
			low = begin
		}
	}
	return r.walk(low, seq)
}

// lineAfter finds the first line that begins after a place and before end, and its number; -1 where there is none that is whole.
func (r *Reader) lineAfter(at, end int64) (begin, number int64, err error) {
	block := make([]byte, min(MaxEntry+128, end-at))
	n, err := r.file.ReadAt(block, at)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, 0, err
	}
	block = block[:n]
	feed := bytes.IndexByte(block, '\n')
	if feed < 0 {
		return -1, 0, nil
	}
	number, ok := lineNumber(block[feed+1:])
	if !ok {
		return -1, 0, nil // the end, or a line that is being written
	}
	return at + int64(feed) + 1, number, nil
}

// walk goes from the line at a place on to the entry.
func (r *Reader) walk(at, seq int64) error {
	block, err := r.block(at)
	if err != nil {
		return err
	}
	number, ok := lineNumber(block)
	if !ok && at > 0 || number > seq || seq < 0 {
		return fmt.Errorf("%w: %d", ErrNoEntry, seq)
	}
	r.next, r.at = number, at // an empty log begins with entry 0
	for r.next < seq {
		if _, err := r.Read(seq, readBlock); err != nil {
			return fmt.Errorf("%w: %d (%w)", ErrNoEntry, seq, err)
		}
	}
	return nil
}

// lineNumber is the number in a stored entry's head.
func lineNumber(line []byte) (int64, bool) {
	head := fmt.Appendf(nil, `{"v":%d,"seq":`, Version)
	rest, ok := bytes.CutPrefix(line, head)
	if !ok {
		return 0, false
	}
	end := bytes.IndexByte(rest[:min(len(rest), 20)], ',')
	if end < 0 {
		return 0, false
	}
	n, err := strconv.ParseInt(string(rest[:end]), 10, 64)
	return n, err == nil && n >= 0
}

// TypeOf is a stored entry's type, read without decoding the entry; empty for what does not begin as one.
func TypeOf(line []byte) Type {
	const node = `","node":`
	i := bytes.Index(line[:min(len(line), 128)], []byte(node))
	if i < 0 {
		return ""
	}
	dec := json.NewDecoder(bytes.NewReader(line[i+len(node):]))
	if _, err := dec.Token(); err != nil { // the node's name
		return ""
	}
	rest, ok := bytes.CutPrefix(line[i+len(node)+int(dec.InputOffset()):], []byte(`,"type":"`))
	if !ok {
		return ""
	}
	end := bytes.IndexByte(rest[:min(len(rest), 64)], '"')
	if end < 0 {
		return ""
	}
	return Type(rest[:end])
}

// Size is how many entries are acknowledged.
func (l *Log) Size() int64 {
	n, err := sizeOf(l.Checkpoint())
	if err != nil {
		return 0 // there is no checkpoint yet
	}
	return n
}

// SizeOf is how many entries the checkpoint file in dir covers. Nothing is verified.
func SizeOf(dir string) (int64, error) {
	msg, err := os.ReadFile(filepath.Join(dir, checkpointFile))
	if err != nil {
		return 0, fmt.Errorf("read audit log: %w", err)
	}
	return sizeOf(msg)
}

// sizeOf reads a checkpoint without verifying it.
func sizeOf(msg []byte) (int64, error) {
	n, err := note.Open(msg, note.VerifierList())
	var unverified *note.UnverifiedNoteError
	if errors.As(err, &unverified) {
		n = unverified.Note
	} else if err != nil {
		return 0, fmt.Errorf("checkpoint: %w", err)
	}
	c, err := ParseCheckpoint(n.Text)
	return c.Size, err
}
