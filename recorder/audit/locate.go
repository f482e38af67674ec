package audit

import (
	"bufio"
	"fmt"
	"io"
	"math/bits"
	"path/filepath"

	"golang.org/x/mod/sumdb/tlog"
)

// locate makes v.bad as precise as it can. Stored leaf hashes are believed only if they add up to the root of a signed
// checkpoint; then the first entry that does not have its hash is the first bad one. Otherwise the range between two
// checkpoints stays.
func (v *verifier) locate() error {
	var best Checkpoint
	for _, cp := range v.known {
		if cp.Size > best.Size && v.storedLeavesFit(cp) {
			best = cp
		}
	}
	if best.Size == 0 && v.narrow {
		if err := v.narrowByHistory(); err != nil {
			return err
		}
	}
	return v.walk(best.Size)
}

// narrowByHistory moves the start of the bad range to the last signed checkpoint of the history that fits.
func (v *verifier) narrowByHistory() error {
	f, err := openPlain(filepath.Join(v.opts.LogDir, entriesFile))
	if err != nil {
		return fmt.Errorf("read entries: %w", err)
	}
	defer f.Close()
	old, err := openHistory(filepath.Join(v.opts.LogDir, historyFile))
	if err != nil {
		return err
	}
	defer old.close()
	in := newLines(f)
	for t := (tree{}); t.size < v.bad.Last; {
		leaf, err := in.next()
		if err != nil {
			return nil
		}
		t.add(leafHash(leaf), nil)
		for o, ok := old.at(t.size); ok; o, ok = old.at(t.size) {
			if _, err := OpenCheckpoint(o.msg, v.key); err == nil && o.cp.Size == t.size && o.cp.Root == t.root() {
				v.bad.Entry = max(v.bad.Entry, t.size)
			}
		}
	}
	return nil
}

// storedLeaves reads the leaf hashes among the stored hashes.
type storedLeaves struct {
	in *bufio.Reader
	n  int64
}

func (s *storedLeaves) next() (h tlog.Hash, err error) {
	if _, err = io.ReadFull(s.in, h[:]); err != nil {
		return h, err
	}
	s.n++
	_, err = s.in.Discard(bits.TrailingZeros64(uint64(s.n)) * tlog.HashSize)
	return h, err
}

func (v *verifier) openLeaves() (*storedLeaves, io.Closer, error) {
	f, err := openPlain(filepath.Join(v.opts.LogDir, hashesFile))
	if err != nil {
		return nil, nil, err
	}
	return &storedLeaves{in: bufio.NewReaderSize(f, 64<<10)}, f, nil
}

func (v *verifier) storedLeavesFit(cp Checkpoint) bool {
	leaves, c, err := v.openLeaves()
	if err != nil {
		return false
	}
	defer c.Close()
	var t tree
	for t.size < cp.Size {
		h, err := leaves.next()
		if err != nil {
			return false
		}
		t.add(h, nil)
	}
	return t.root() == cp.Root
}

// walk reads the entries again, compares the first proven ones with their stored hashes, and describes the bad one.
func (v *verifier) walk(proven int64) error {
	f, err := openPlain(filepath.Join(v.opts.LogDir, entriesFile))
	if err != nil {
		return fmt.Errorf("read entries: %w", err)
	}
	defer f.Close()
	leaves, c, err := v.openLeaves()
	if err != nil {
		proven, leaves = 0, nil
	} else {
		defer c.Close()
	}
	in := newLines(f)
	for seq := int64(0); ; seq++ {
		leaf, err := in.next()
		if err != nil {
			return nil
		}
		if seq < proven {
			want, err := leaves.next()
			if err != nil {
				return fmt.Errorf("read hashes: %w", err)
			}
			if leafHash(leaf) != want && seq <= v.bad.Last {
				v.bad = &Bad{Entry: seq, Last: seq, Chunk: -1, What: "not what was signed: changed, inserted, removed or moved"}
			}
		}
		if seq == v.bad.Entry {
			v.describe(leaf[1:])
		}
		if seq >= v.bad.Entry && (proven == 0 || v.bad.Last == v.bad.Entry || seq >= v.bad.Last) {
			return nil
		}
	}
}

// describe adds what can be read of the bad entry as it is now.
func (v *verifier) describe(line []byte) {
	if e, err := Parse(line); err == nil {
		v.bad.Time, v.bad.Session = e.Time, e.Session
	}
}
