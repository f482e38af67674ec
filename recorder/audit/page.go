package audit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// pageReach bounds what one page, or one look for gaps, reads of the log.
const pageReach = 8 << 20

// Cursor is a place between two entries: Offset in the file is where the one with the number Seq begins. Nobody is believed about
// one: a place where no entry begins is refused.
type Cursor struct{ Offset, Seq int64 }

// ErrCursor is returned for a place where no entry begins.
var ErrCursor = errors.New("no entry begins there")

// Page returns at most n entries of the log in dir, newest first, that come before a cursor (zero: the end), and the cursor of the
// next page; it is zero where the log begins. It reads a bounded part of the file, so a page may be short.
func Page(dir string, before Cursor, n int) (list []Entry, next Cursor, err error) {
	f, err := os.Open(filepath.Join(dir, entriesFile))
	if err != nil {
		return nil, Cursor{}, fmt.Errorf("read audit log: %w", err)
	}
	defer f.Close()
	block, at, err := blockBefore(f, before)
	if err != nil {
		return nil, Cursor{}, err
	}
	for len(list) < n && len(block) > 0 {
		begin := bytes.LastIndexByte(block[:len(block)-1], '\n') + 1
		if begin == 0 && at > 0 {
			break // its beginning is out of reach
		}
		e, err := Parse(block[begin : len(block)-1])
		if err != nil {
			return nil, Cursor{}, fmt.Errorf("read audit log: %w", err)
		}
		list, block = append(list, e), block[:begin]
	}
	if len(list) > 0 && at+int64(len(block)) > 0 {
		next = Cursor{at + int64(len(block)), list[len(list)-1].Seq}
	}
	return list, next, nil
}

// blockBefore reads what comes before a cursor, as far as one page reaches. It ends with a line feed; at is where it begins.
func blockBefore(f *os.File, before Cursor) (block []byte, at int64, err error) {
	end := before.Offset
	if before == (Cursor{}) {
		if end, err = f.Seek(0, io.SeekEnd); err != nil {
			return nil, 0, fmt.Errorf("read audit log: %w", err)
		}
	} else if err := checkCursor(f, before); err != nil {
		return nil, 0, err
	}
	at = max(end-pageReach, 0)
	block = make([]byte, end-at)
	if _, err := f.ReadAt(block, at); err != nil {
		return nil, 0, fmt.Errorf("read audit log: %w", err)
	}
	return block[:bytes.LastIndexByte(block, '\n')+1], at, nil // a last line that is being written is left out
}

func checkCursor(f *os.File, c Cursor) error {
	if c.Offset <= 0 || c.Seq <= 0 {
		return ErrCursor
	}
	head := appendHead([]byte{'\n'}, c.Seq)
	got := make([]byte, len(head))
	if _, err := f.ReadAt(got, c.Offset-1); err != nil || !bytes.Equal(got, head) {
		return ErrCursor
	}
	return nil
}

// Look is what the newest entries say of how the log is written.
type Look struct {
	Since, Last time.Time     // of the first and last entry that were looked at
	Gap         time.Duration // the longest between two of them
	GapAt       time.Time     // when it began
}

// Recent looks at as many of the newest entries as one page reaches.
func Recent(dir string) (Look, error) {
	f, err := os.Open(filepath.Join(dir, entriesFile))
	if err != nil {
		return Look{}, fmt.Errorf("read audit log: %w", err)
	}
	defer f.Close()
	block, begin, err := blockBefore(f, Cursor{})
	if err != nil {
		return Look{}, err
	}
	if begin > 0 {
		block = block[bytes.IndexByte(block, '\n')+1:]
	}
	var l Look
	for line := range bytes.Lines(block) {
		t, err := time.Parse(timeFormat, lineTime(line))
		if err != nil {
			continue
		}
		if l.Since.IsZero() {
			l.Since, l.Last = t, t
		}
		if d := t.Sub(l.Last); d > l.Gap {
			l.Gap, l.GapAt = d, l.Last
		}
		l.Last = t
	}
	return l, nil
}
