package export

import "time"

// hold keeps the cursor back behind what was sent, for receivers that acknowledge nothing: what lies in a dead socket or in the
// memory of a receiver that was killed is sent again after the next connect.
//
// An entry is let go of once least more were sent after it and it was sent at least age ago; or once most more were.
type hold struct {
	least, most int
	age         time.Duration

	sent  int // entries, ever
	marks []mark
}

// mark is the end of a batch.
type mark struct {
	position
	at   time.Time
	sent int // entries up to here, ever
}

// add notes a batch of n entries that ends at p.
func (h *hold) add(p position, n int, now time.Time) {
	h.sent += n
	h.marks = append(h.marks, mark{p, now, h.sent})
}

// settled returns the newest place up to which nothing needs to be sent again, if there is a new one.
func (h *hold) settled(now time.Time) (p position, ok bool) {
	for len(h.marks) > 0 {
		m := h.marks[0]
		after := h.sent - m.sent
		if after < h.most && (after < h.least || now.Sub(m.at) < h.age) {
			break
		}
		p, ok = m.position, true
		h.marks = h.marks[1:]
	}
	return p, ok
}

// reset forgets what was sent: it will be again.
func (h *hold) reset() { h.marks = nil }
