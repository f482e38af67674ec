package recorder

import (
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// work writes, syncs and hands over to Commit until nothing is left to do. There is at most one a recording.
func (r *Recording) work() {
	for {
		seg, sync, more := r.nextStep()
		if !more {
			return
		}
		var err error
		if sync {
			err = r.sync()
		} else {
			err = r.writeFrame(seg)
		}
		if err != nil {
			r.fail(err)
		}
	}
}

// nextStep says what the worker should do: write a frame, sync, or end. A flush covers what was there when it was asked for,
// so that a session which never pauses is synced too.
func (r *Recording) nextStep() (seg segment, sync, more bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.due {
		r.seal()
		r.due, r.flushing, r.flushLeft = false, true, len(r.queue)
	}
	flushed := r.flushing && r.flushLeft <= 0
	switch {
	case r.err != nil:
	case len(r.queue) > 0 && !flushed && r.unsynced < syncSize:
		r.flushLeft--
		return r.queue[0], false, true
	case flushed || r.unsynced >= syncSize:
		r.flushing = r.flushing && !flushed
		return segment{}, true, true
	}
	r.working = false
	r.changedC.Broadcast()
	return segment{}, false, false
}

// writeFrame compresses and writes the first frame of the queue, and closes the chunk before it if the frame does not fit.
func (r *Recording) writeFrame(seg segment) error {
	if r.chunk.Raw > 0 && r.chunk.Raw+int64(len(seg.raw)) > MaxChunk {
		r.sealed = append(r.sealed, r.chunk.close())
	}
	if r.aead != nil {
		r.scratch = cipherFrame(r.rec.enc, r.aead, r.scratch, seg.raw, r.chunk.Offset+r.chunk.Length)
	} else {
		r.scratch = dataFrame(r.rec.enc, r.scratch, seg.raw)
	}
	if err := r.store(r.scratch); err != nil {
		return err
	}
	r.chunk.add(r.scratch, len(seg.raw), seg.first, seg.last, r.elapsed())

	r.mu.Lock()
	defer r.mu.Unlock()
	r.queue = r.queue[1:]
	if len(r.queue) == 0 {
		r.queue = nil
	}
	r.written += int64(len(seg.raw))
	r.length += int64(len(r.scratch))
	if cap(seg.raw) == bigBuffer {
		r.rec.big.Put(&seg.raw)
	}
	r.changedC.Broadcast()
	return nil
}

// store appends to the file and to its hash. It does not account for the bytes in the chunk.
func (r *Recording) store(b []byte) error {
	if _, err := r.file.Write(b); err != nil {
		return fmt.Errorf("write recording: %w", err)
	}
	r.fileHash.Write(b)
	r.unsynced += int64(len(b))
	return nil
}

// sync makes what was written durable, and only then offers the closed chunks for committing.
func (r *Recording) sync() error {
	r.noteClockStep()
	if r.chunk.Raw > 0 && r.elapsed()-r.chunk.born >= chunkAge {
		r.sealed = append(r.sealed, r.chunk.close())
	}
	if r.unsynced > 0 {
		if err := r.file.Sync(); err != nil {
			return fmt.Errorf("sync recording: %w", err)
		}
	}
	r.unsynced, r.scratch = 0, nil
	chunks := r.sealed
	r.sealed = nil

	r.mu.Lock()
	defer r.mu.Unlock()
	r.offer(chunks)
	if r.chunk.Raw > 0 && !r.armed && !r.closing {
		r.arm(chunkAge - (r.elapsed() - r.chunk.born))
	}
	return nil
}

// offer hands chunks to the committer, with mu held; it waits while too many are under way.
func (r *Recording) offer(chunks []Chunk) {
	for _, c := range chunks {
		for r.err == nil && len(r.commits) >= maxCommits {
			r.changedC.Wait()
		}
		if r.err != nil {
			return
		}
		r.commits = append(r.commits, c)
		if !r.committing {
			r.committing = true
			go r.commit()
		}
	}
}

// commit commits the waiting chunks in order and notes each in the marker.
func (r *Recording) commit() {
	for {
		r.mu.Lock()
		if r.err != nil || len(r.commits) == 0 {
			r.committing = false
			r.commits = nil
			r.changedC.Broadcast()
			r.mu.Unlock()
			return
		}
		c := r.commits[0]
		r.mu.Unlock()

		err := r.rec.cfg.Commit(r.ctx, c)
		if err == nil {
			err = noteCommitted(markerPath(r.rec.cfg.Dir, c.Session), c)
		}
		if err != nil {
			r.fail(fmt.Errorf("commit chunk %d: %w", c.N, err))
			continue
		}
		r.mu.Lock()
		r.commits = r.commits[1:]
		r.changedC.Broadcast()
		r.mu.Unlock()
	}
}

// noteCommitted appends a chunk to the marker, for Recover. It need not be durable: what is lost is committed again.
func noteCommitted(marker string, c Chunk) error {
	line, err := json.Marshal(c)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(marker, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return fmt.Errorf("open marker: %w", err)
	}
	_, err = f.Write(append(line, '\n'))
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// noteClockStep records it when the wall clock was set by more than a second.
func (r *Recording) noteClockStep() {
	step := r.rec.cfg.Now().Sub(r.wall) - r.elapsed() - r.stepped
	if step.Abs() <= time.Second {
		return
	}
	r.stepped += step
	note, err := json.Marshal(map[string]string{"note": "the wall clock stepped by " + step.Round(time.Millisecond).String()})
	if err != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.done {
		r.add(Note, note)
	}
}
