package index

import (
	"iter"
	"time"

	"gatehouse/internal/vt"
	"gatehouse/recorder"
	"gatehouse/recorder/secret"
)

// At returns the screen as it was just before a time, as what draws it on an empty terminal, and the events from then on,
// masked as the index is.
func (x *Index) At(rd *recorder.Reader, at time.Duration) (screen string, events iter.Seq2[recorder.Event, error], err error) {
	n := x.segmentAt(at)
	if n < 0 {
		return "", x.from(rd, 0, 0, at), nil
	}
	k := x.Keyframes[n]
	init, err := x.snapshot(n)
	if err != nil {
		return "", nil, err
	}
	term := vt.New(k.Cols, k.Rows)
	_, _ = term.Write([]byte(init)) // never fails
	err = x.play(rd, n, func(e shownEvent) bool {
		switch {
		case e.at >= at:
			return false
		case e.code == 'r':
			term.Resize(e.cols, e.rows)
		default:
			_, _ = term.Write([]byte(e.text))
		}
		return true
	})
	return term.Snapshot(), x.from(rd, k.Frame, k.Event, at), err
}

// segmentAt returns the segment that a time is in; -1 before the first, and if there is none.
func (x *Index) segmentAt(at time.Duration) int {
	n := -1
	for i, k := range x.Keyframes {
		if micros(k.At) < at {
			n = i
		}
	}
	return n
}

// from yields the events from a time on, read from a frame whose first event has a number.
func (x *Index) from(rd *recorder.Reader, frame int64, number int, at time.Duration) iter.Seq2[recorder.Event, error] {
	return func(yield func(recorder.Event, error) bool) {
		if frame > 0 {
			if err := rd.SeekFrame(frame); err != nil {
				yield(recorder.Event{}, err)
				return
			}
		}
		n := number
		for e, err := range rd.Events() {
			if err == nil && n >= x.Count {
				return // it was recorded since, and nobody looked for secrets in it
			}
			if err == nil && e.At < at {
				n++
				continue
			}
			e.Data = secret.Apply(x.Hits, n, e.Data)
			n++
			if !yield(e, err) {
				return
			}
		}
	}
}
