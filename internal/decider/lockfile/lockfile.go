// Package lockfile keeps the locks that stand in one file that is written in place, so that a lock can be made, and survives a
// restart, when the disk is full.
//
// The file is made once, at its full size and with every byte written (docs/spec/lock-file.md). It holds the same list twice, each
// with a version and a checksum; a change rewrites the first copy, waits for the disk, and then the second. It trusts the disk to
// keep what fsync acknowledged. It guarantees: when Write returns nil, at least one whole copy of the list is durable; a crash or a
// torn write leaves the list from before or the new one; what neither copy holds whole is an error and never an empty list.
package lockfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"gatehouse/policy/access"
)

// Name is the file's name in the decider's folder.
const Name = "locks"

// Max bounds the locks of a file. A lock of everything has room even then.
const Max = 1000

// The layout of a copy: its head, then the list as JSON.
const (
	magic    = "gatehouse locks\n"
	head     = len(magic) + 8 + 8 + sha256.Size // magic, version, length, checksum of version, length and list
	copySize = 1 << 20
	fileSize = 2 * copySize
	reserve  = 8 << 10 // of the list, for a lock of everything
)

// Errors that callers branch on.
var (
	// ErrDamaged says that neither copy is whole: which locks stand is not known.
	ErrDamaged = errors.New("both copies of the locks are damaged")
	// ErrFull says that there is no room for another lock.
	ErrFull = errors.New("too many locks stand: lift some, or lock everything")
)

// Record is a lock, and how far it has come.
type Record struct {
	Lock  access.Lock        `json:"lock"`
	Noted bool               `json:"noted"`           // the audit log has it
	Whose []access.Requester `json:"whose,omitempty"` // whom it stopped when it was made, where its name does not say: who is behind them does not lift it
	Rule  string             `json:"rule,omitempty"`  // of a rule's lock: what the rule said when it was made; its id says only where it stood
}

// File is the open lock file. Not safe for concurrent use.
type File struct {
	f       *os.File
	version uint64
	path    string
	// Repaired says which copy was not whole when the file was opened; empty if both were.
	Repaired string
}

type list struct {
	Locks []Record `json:"locks"`
}

// Open reads the file in dir, or makes it if there is none. A copy that is not whole is written anew from the other.
func Open(dir string) (*File, []Record, error) {
	path := filepath.Join(dir, Name)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		if err = create(dir, path); err == nil {
			f, err = os.OpenFile(path, os.O_RDWR, 0)
		}
	}
	if err != nil {
		return nil, nil, fmt.Errorf("open locks: %w", err)
	}
	out := &File{f: f, path: path}
	records, err := out.read()
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return out, records, nil
}

// Close closes the file.
func (f *File) Close() error { return f.f.Close() }

// read returns the newer of the two copies.
func (f *File) read() ([]Record, error) {
	raw := make([]byte, fileSize)
	if n, err := f.f.ReadAt(raw, 0); n != fileSize {
		return nil, fmt.Errorf("read locks: %s has %d bytes, want %d (%v): %w", f.path, n, fileSize, err, ErrDamaged)
	}
	first, v1, err1 := decode(raw[:copySize])
	second, v2, err2 := decode(raw[copySize:])
	switch {
	case err1 != nil && err2 != nil:
		return nil, fmt.Errorf("%w: %s: first: %v; second: %v", ErrDamaged, f.path, err1, err2)
	case err1 != nil:
		f.Repaired, first, v1 = fmt.Sprintf("the first copy: %v", err1), second, v2
	case err2 != nil:
		f.Repaired = fmt.Sprintf("the second copy: %v", err2)
	case v2 > v1:
		f.Repaired, first, v1 = "the first copy is older", second, v2
	case v1 > v2:
		f.Repaired = "the second copy is older"
	}
	f.version = v1
	if f.Repaired == "" {
		return first, nil
	}
	return first, f.Write(first)
}

// Write replaces the list. It is durable when it returns nil; ErrFull leaves everything as it was.
func (f *File) Write(records []Record) error {
	text, err := encode(records)
	if err != nil {
		return err
	}
	f.version++
	block := frame(f.version, text)
	first := f.put(block, 0)
	second := f.put(block, copySize)
	if first != nil && second != nil {
		return fmt.Errorf("write locks: %w", errors.Join(first, second))
	}
	return nil
}

// put writes one copy and waits for the disk.
func (f *File) put(block []byte, at int64) error {
	if _, err := f.f.WriteAt(block, at); err != nil {
		return err
	}
	return f.f.Sync()
}

// encode makes the list's JSON and holds it against the bounds.
func encode(records []Record) ([]byte, error) {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if records == nil {
		records = []Record{}
	}
	if err := enc.Encode(list{records}); err != nil {
		return nil, fmt.Errorf("encode locks: %w", err)
	}
	most, room := Max, copySize-head-reserve
	if slices.ContainsFunc(records, func(r Record) bool { return r.Lock.What.Kind == access.LockEverything }) {
		most, room = Max+1, copySize-head
	}
	if len(records) > most || text.Len() > room {
		return nil, ErrFull
	}
	return text.Bytes(), nil
}

// frame puts a copy's head before its list.
func frame(version uint64, text []byte) []byte {
	out := make([]byte, head, head+len(text))
	n := copy(out, magic)
	binary.BigEndian.PutUint64(out[n:], version)
	binary.BigEndian.PutUint64(out[n+8:], uint64(len(text)))
	sum := checksum(out[n:n+16], text)
	copy(out[n+16:], sum[:])
	return append(out, text...)
}

func checksum(numbers, text []byte) [sha256.Size]byte {
	return sha256.Sum256(append(bytes.Clone(numbers), text...))
}

// decode checks and reads one copy.
func decode(block []byte) ([]Record, uint64, error) {
	numbers, found := bytes.CutPrefix(block, []byte(magic))
	if !found {
		return nil, 0, errors.New("it does not begin as a list of locks does")
	}
	version, length := binary.BigEndian.Uint64(numbers), binary.BigEndian.Uint64(numbers[8:])
	if length > uint64(len(block)-head) {
		return nil, 0, fmt.Errorf("it says that it has %d bytes", length)
	}
	text := block[head : head+int(length)]
	if sum := checksum(numbers[:16], text); !bytes.Equal(sum[:], numbers[16:16+sha256.Size]) {
		return nil, 0, errors.New("its checksum does not fit")
	}
	var out list
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&out); err != nil {
		return nil, 0, fmt.Errorf("its list cannot be read: %w", err)
	}
	return out.Locks, version, nil
}

// create makes an empty file. Every byte of it is written, so that none is missing later; it has its name only when it is whole.
func create(dir, path string) error {
	raw := make([]byte, fileSize)
	text, err := encode(nil)
	if err != nil {
		return err
	}
	block := frame(1, text)
	copy(raw, block)
	copy(raw[copySize:], block)
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(raw)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(path+".new"))
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// Live are the records whose lock still stands at that time.
func Live(records []Record, now time.Time) []Record {
	var out []Record
	for _, r := range records {
		if r.Lock.Until.IsZero() || now.Before(r.Lock.Until) {
			out = append(out, r)
		}
	}
	return out
}
