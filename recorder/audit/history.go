package audit

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// oldCheckpoint is a line of the history; its signature is not yet verified.
type oldCheckpoint struct {
	cp  Checkpoint
	msg []byte
}

// oldCheckpoints reads the history along with the entries.
type oldCheckpoints struct {
	file *os.File
	in   *bufio.Scanner
	next *oldCheckpoint
}

// openHistory opens the history; a missing one is empty.
func openHistory(path string) (*oldCheckpoints, error) {
	f, err := openPlain(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &oldCheckpoints{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read checkpoint history: %w", err)
	}
	o := &oldCheckpoints{file: f, in: bufio.NewScanner(f)}
	o.read()
	return o, nil
}

// lastOfHistory returns the last signed checkpoint of the history, or one of size 0. It reads only the end of the file.
func lastOfHistory(path string, key note.Verifier) (Checkpoint, []byte, error) {
	f, err := openPlain(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Checkpoint{}, nil, nil
	}
	if err != nil {
		return Checkpoint{}, nil, fmt.Errorf("read checkpoint history: %w", err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return Checkpoint{}, nil, fmt.Errorf("read checkpoint history: %w", err)
	}
	if _, err := f.Seek(max(st.Size()-historyEnd, 0), io.SeekStart); err != nil {
		return Checkpoint{}, nil, fmt.Errorf("read checkpoint history: %w", err)
	}
	var last Checkpoint
	var msg []byte
	o := oldCheckpoints{in: bufio.NewScanner(f)}
	for o.read(); o.next != nil; o.read() {
		if cp, err := OpenCheckpoint(o.next.msg, key); err == nil {
			last, msg = cp, o.next.msg
		}
	}
	return last, msg, nil
}

// historyEnd holds some tens of lines.
const historyEnd = 16 << 10

// at returns the next checkpoint if it is of at most size entries.
func (o *oldCheckpoints) at(size int64) (oldCheckpoint, bool) {
	if o.next == nil || o.next.cp.Size > size {
		return oldCheckpoint{}, false
	}
	c := *o.next
	o.read()
	return c, true
}

// read takes the next line that parses. What does not parse proves nothing, and the history is only a help.
func (o *oldCheckpoints) read() {
	o.next = nil
	for o.in.Scan() {
		var line historyLine
		if json.Unmarshal(o.in.Bytes(), &line) != nil {
			continue
		}
		text, _, ok := strings.Cut(line.Note, "\n\n")
		if !ok {
			continue
		}
		if cp, err := ParseCheckpoint(text + "\n"); err == nil {
			o.next = &oldCheckpoint{cp, []byte(line.Note)}
			return
		}
	}
}

func (o *oldCheckpoints) close() {
	if o.file != nil {
		o.file.Close()
	}
}
