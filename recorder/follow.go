package recorder

import (
	"context"
	"errors"
	"io"
	"iter"
	"math"
	"time"
)

// Follow yields everything from the start of a session and then what comes, without gap or duplicate, until the recording is
// closed or ctx ends. What is not yet on the disk comes from memory, so it is as live as Write is. The recording never waits
// for a follower and keeps nothing for it: one that falls behind reads from the file. Of a session that is not live it yields
// what Read does.
func (r *Recorder) Follow(ctx context.Context, session string) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		rec := r.isLive(session)
		path, err := Path(r.cfg.Dir, session)
		if err != nil {
			yield(Event{}, err)
			return
		}
		rd, err := r.openReader(path, rec, math.MaxInt64)
		if err != nil {
			yield(Event{}, err)
			return
		}
		defer rd.Close()
		if rec == nil {
			rd.followClosed(ctx, yield)
			return
		}
		f := follower{rec: rec, file: rd}
		f.run(ctx, yield)
	}
}

func (r *Reader) followClosed(ctx context.Context, yield func(Event, error) bool) {
	for e, err := range r.Events() {
		if err == nil {
			err = context.Cause(ctx)
		}
		if !yield(e, err) || err != nil {
			return
		}
	}
}

// follower is at raw byte pos of the events. Its file is at or before that; jump and jumpRaw are a later place in the file
// that is not after pos either.
type follower struct {
	rec           *Recording
	file          *Reader
	pos           int64
	jump, jumpRaw int64
	last          time.Duration
}

func (f *follower) run(ctx context.Context, yield func(Event, error) bool) {
	for {
		raw, wait, err := f.fromMemory()
		if err == nil && raw == nil && wait == nil {
			raw, err = f.fromFile()
		}
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			yield(Event{}, err)
			return
		}
		if !eachEvent(raw, &f.last, yield) {
			return
		}
		select {
		case <-ctx.Done():
			yield(Event{}, context.Cause(ctx))
			return
		case <-closedUnless(wait):
		}
	}
}

// fromMemory returns what is not yet in the file, or a channel to wait on when there is nothing new, or neither when the
// follower is so far behind that it must read the file, or io.EOF after the end.
func (f *follower) fromMemory() (raw []byte, wait <-chan struct{}, err error) {
	r := f.rec
	r.mu.Lock()
	defer r.mu.Unlock()
	if f.pos < r.written {
		return nil, nil, nil
	}
	if raw = r.unwritten(f.pos - r.written); len(raw) > 0 {
		f.jump, f.jumpRaw = r.length, r.written
		f.pos += int64(len(raw))
		return raw, nil, nil
	}
	switch {
	case r.err != nil:
		return nil, nil, r.err
	case r.done:
		return nil, nil, io.EOF
	case r.changed == nil:
		r.changed = make(chan struct{})
	}
	return nil, r.changed, nil
}

// unwritten copies the events in memory after the first skip bytes, with mu held.
func (r *Recording) unwritten(skip int64) []byte {
	var raw []byte
	for _, seg := range append(r.queue[:len(r.queue):len(r.queue)], r.buf) {
		if n := int64(len(seg.raw)); skip >= n {
			skip -= n
			continue
		}
		raw = append(raw, seg.raw[skip:]...)
		skip = 0
	}
	return raw
}

// fromFile returns the events of the next frame of the file that the follower has not seen.
func (f *follower) fromFile() ([]byte, error) {
	if f.jump > f.file.pos {
		if err := f.file.seek(f.jump, f.jumpRaw); err != nil {
			return nil, err
		}
	}
	for {
		raw, err := f.file.next()
		if err != nil {
			return nil, err
		}
		if f.file.raw > f.pos {
			fresh := raw[int64(len(raw))-(f.file.raw-f.pos):]
			f.pos = f.file.raw
			return fresh, nil
		}
	}
}

// closedUnless returns wait, or a closed channel if there is nothing to wait for.
func closedUnless(wait <-chan struct{}) <-chan struct{} {
	if wait != nil {
		return wait
	}
	c := make(chan struct{})
	close(c)
	return c
}
