package transfer

import "sync/atomic"

// The most that one session keeps in memory of all its files at once: of content that is held back, unless a rule holds a single larger
// file; and of what comes out of order.
const (
	maxHeldAll = 32 << 20
	maxLateAll = 8 << 20
)

// room counts what is kept. A nil room has no end.
type room struct{ used atomic.Int64 }

// take takes n bytes, if no more than most are taken then.
func (r *room) take(n, most int) bool {
	if r == nil {
		return true
	}
	if r.used.Add(int64(n)) > int64(most) {
		r.used.Add(int64(-n))
		return false
	}
	return true
}

// give gives n bytes back.
func (r *room) give(n int) {
	if r != nil {
		r.used.Add(int64(-n))
	}
}
