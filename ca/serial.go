package ca

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Serial numbers a certificate. No two certificates of one Gatehouse share one, whichever CA signed them.
type Serial uint64

// String is the serial in decimal, as sshd and ssh-keygen write it.
func (s Serial) String() string { return strconv.FormatUint(uint64(s), 10) }

// serialBlock is how many serials one durable write reserves. What a crash leaves of a block is never used.
const serialBlock = 1024

// serialsPerSecond, as a power of two, spaces the floor below: a million certificates a second.
const serialsPerSecond = 20

// Serials hands out serials in growing order. The file holds the first serial that nobody has reserved. A block also never
// begins below the clock's seconds times 2^20, so that a lost file, or one from an old backup, repeats nothing either: for
// that to fail, the clock must have been set back too. Safe for concurrent use, also by two processes.
type Serials struct {
	path string
	now  func() time.Time

	mu   sync.Mutex
	next uint64 // guarded by mu; the next to hand out
	end  uint64 // guarded by mu; the first that is not reserved
}

// OpenSerials uses the file at path, which need not exist yet. Nothing is reserved until the first Next. now may be nil for
// time.Now.
func OpenSerials(path string, now func() time.Time) (*Serials, error) {
	if now == nil {
		now = time.Now
	}
	s := &Serials{path: path, now: now}
	if _, err := s.read(); err != nil {
		return nil, fmt.Errorf("open serials: %w", err)
	}
	return s, nil
}

// Next returns a serial that was never returned before. Its reservation is durable when it returns.
func (s *Serials) Next() (Serial, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next == s.end {
		if err := s.reserve(); err != nil {
			return 0, fmt.Errorf("reserve serials in %s: %w", s.path, err)
		}
	}
	s.next++
	return Serial(s.next - 1), nil
}

// reserve takes a block under a file lock, as another process may be doing the same. It holds s.mu.
func (s *Serials) reserve() (err error) {
	lock, err := s.lock()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }() // closing releases the lock
	first, err := s.read()
	if err != nil {
		return err
	}
	if sec := s.now().Unix(); sec > 0 {
		first = max(first, uint64(sec)<<serialsPerSecond)
	}
	if first > math.MaxUint64-serialBlock {
		return errors.New("no serials are left")
	}
	if err := replaceFile(s.path, 0o600, []byte(Serial(first+serialBlock).String()+"\n")); err != nil {
		return err
	}
	s.next, s.end = first, first+serialBlock
	return nil
}

func (s *Serials) lock() (*os.File, error) {
	f, err := os.OpenFile(s.path+".lock", os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := inheritOwner(f, filepath.Dir(s.path)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if err := flock(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// read returns the first serial that nobody has reserved: 1 for a file that is not there.
func (s *Serials) read() (uint64, error) {
	text, err := os.ReadFile(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return 1, nil
	}
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(strings.TrimSuffix(string(text), "\n"), 10, 64)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%s holds %.40q, not a serial: restore it, or delete it if the clock is right", s.path, text)
	}
	return n, nil
}
