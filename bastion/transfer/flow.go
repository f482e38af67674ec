package transfer

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
)

// The most that is kept of what comes out of order, and of the ranges of a file that went by.
const (
	maxLate   = 2 << 20
	maxRanges = 64
)

// span is a range of a file: from Start, up to and without End.
type span [2]int64

// flow is what went by of a file in one direction: it knows the hash of the whole if all of it went by once.
type flow struct {
	hash   hash.Hash
	next   int64            // everything before it is hashed
	late   map[int64][]byte // what came before what is before it
	kept   int              // bytes of late
	broken bool             // part of it came twice, or too early: there is no hash
	all    *room            // where kept counts as well
	bytes  int64
	ranges []span
	more   bool // there are ranges that are not kept
}

// add notes content that goes by.
func (f *flow) add(offset int64, data []byte) {
	f.bytes += int64(len(data))
	f.cover(span{offset, offset + int64(len(data))})
	switch {
	case f.broken || len(data) == 0:
	case offset == f.next:
		f.take(data)
		for f.late != nil {
			data, ok := f.late[f.next]
			if !ok {
				break
			}
			delete(f.late, f.next)
			f.kept -= len(data)
			f.all.give(len(data))
			f.take(data)
		}
	case offset < f.next || f.kept+len(data) > maxLate || f.late[offset] != nil || !f.all.take(len(data), maxLateAll):
		f.broken = true
		f.drop()
	default:
		if f.late == nil {
			f.late = map[int64][]byte{}
		}
		f.late[offset] = append([]byte(nil), data...)
		f.kept += len(data)
	}
}

// drop forgets what came before what is before it.
func (f *flow) drop() {
	f.all.give(f.kept)
	f.late, f.kept = nil, 0
}

func (f *flow) take(data []byte) {
	if f.hash == nil {
		f.hash = sha256.New()
	}
	f.hash.Write(data)
	f.next += int64(len(data))
}

// cover adds a range to those that went by.
func (f *flow) cover(s span) {
	if s[0] == s[1] {
		return
	}
	if n := len(f.ranges); n > 0 && f.ranges[n-1][1] == s[0] {
		f.ranges[n-1][1] = s[1]
		return
	}
	if len(f.ranges) >= maxRanges {
		f.more = true
		return
	}
	f.ranges = append(f.ranges, s)
}

// whole reports whether exactly the first size bytes went by, in order, and returns their hash.
func (f *flow) whole(size int64) (sum string, ok bool) {
	if f.broken || len(f.late) > 0 || f.next != size {
		return "", false
	}
	if f.hash == nil {
		f.hash = sha256.New()
	}
	return hex.EncodeToString(f.hash.Sum(nil)), true
}
