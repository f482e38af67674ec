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

// tailBlock is how much of the log one step backwards reads; a stored entry always fits.
const tailBlock = 1 << 20

// ErrTailLimit is returned by Tail when what it may read does not reach back far enough.
var ErrTailLimit = errors.New("the audit log is too large to be read back that far")

// Tail calls f with the entries in dir that are not older than since and whose stored bytes contain marker, newest first. It
// reads at most limit bytes, from the end; ErrTailLimit says that this did not reach since. The log may be written meanwhile:
// what is appended after Tail began is not seen. Nothing is verified: it is for those who trust the folder.
func Tail(dir string, since time.Time, marker []byte, limit int64, f func(Entry) error) error {
	file, err := os.Open(filepath.Join(dir, entriesFile))
	if err != nil {
		return fmt.Errorf("read audit log: %w", err)
	}
	defer file.Close()
	end, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return fmt.Errorf("read audit log: %w", err)
	}
	from := since.UTC().Format(timeFormat)
	var rest []byte // the end of a line whose beginning was not read yet
	for at := end; at > 0; {
		n := min(at, tailBlock)
		if limit -= n; limit < 0 {
			return ErrTailLimit
		}
		at -= n
		block := make([]byte, n, int(n)+len(rest))
		if _, err := file.ReadAt(block, at); err != nil {
			return fmt.Errorf("read audit log: %w", err)
		}
		block = append(block, rest...)
		if at == end-n { // a line that is being written
			block = block[:bytes.LastIndexByte(block, '\n')+1]
		}
		whole := 0
		if at > 0 {
			if whole = bytes.IndexByte(block, '\n') + 1; whole == 0 {
				return fmt.Errorf("%w: a line of more than %d bytes", ErrTooLarge, n)
			}
		}
		rest = bytes.Clone(block[:whole])
		over, err := tailLines(block[whole:], from, marker, f)
		if over || err != nil {
			return err
		}
	}
	return nil
}

// tailLines goes through whole lines from the last to the first, and reports whether one is older than from.
func tailLines(block []byte, from string, marker []byte, f func(Entry) error) (over bool, err error) {
	for len(block) > 0 {
		begin := bytes.LastIndexByte(block[:len(block)-1], '\n') + 1
		line := block[begin : len(block)-1]
		block = block[:begin]
		if at := lineTime(line); at == "" {
			return false, fmt.Errorf("read audit log: a line without a time: %.60q", line)
		} else if at < from {
			return true, nil
		}
		if !bytes.Contains(line, marker) {
			continue
		}
		e, err := Parse(line)
		if err != nil {
			return false, fmt.Errorf("read audit log: %w", err)
		}
		if err := f(e); err != nil {
			return false, err
		}
	}
	return false, nil
}

// lineTime is the time in a stored entry's head, as it is written there; empty for another line.
func lineTime(line []byte) string {
	const name = `"time":"`
	i := bytes.Index(line[:min(len(line), 64)], []byte(name))
	if i < 0 || len(line) < i+len(name)+len(timeFormat) {
		return ""
	}
	return string(line[i+len(name) : i+len(name)+len(timeFormat)])
}
