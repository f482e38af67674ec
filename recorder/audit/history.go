package audit

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
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
	f, err := os.Open(path)
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
