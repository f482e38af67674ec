package recorder

import (
	"context"
	"crypto/cipher"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"os"
	"sync"
	"time"
)

// ErrClosed is returned by Write after Close.
var ErrClosed = errors.New("recording is closed")

// Recording is one session's recording while it is written. Write, Err and Failed may be called concurrently; Close once.
//
// It sleeps while nothing happens: a goroutine runs only while something has to go to the disk or to Commit.
type Recording struct {
	// Immutable.
	rec     *Recorder
	header  Header
	aead    cipher.AEAD // of an encrypted recording; forgotten with the recording
	file    *os.File
	began   time.Time // with the monotonic clock
	wall    time.Time // the wall clock then
	ctx     context.Context
	cancel  context.CancelFunc
	failed  chan struct{}
	input   input       // its own lock, and mu for its echo
	flushed *time.Timer // starts the worker; set when the first event comes, guarded by mu

	mu       sync.Mutex
	changedC sync.Cond // on mu: queue, working, committing or err changed

	// Guarded by mu.
	buf        segment   // events not yet sealed into a frame
	queue      []segment // sealed frames; the worker writes the first
	written    int64     // raw bytes that are in the file
	length     int64     // the file's length
	last       time.Duration
	bytesIn    int64
	bytesOut   int64
	armed      bool // the timer will flush
	due        bool // a flush is wanted
	working    bool // the worker runs
	closing    bool
	done       bool
	err        error
	lenient    bool          // Write does not fail
	changed    chan struct{} // closed when followers should look again; nil while nobody waits
	commits    []Chunk       // durable, waiting for Commit
	committing bool          // the committer runs

	// Owned by the worker, and by Close after the worker's end.
	chunk    openChunk
	sealed   []Chunk // closed, waiting for the fsync
	unsynced int64
	scratch  []byte
	fileHash hash.Hash
	stepped  time.Duration // how far the wall clock was seen to step

	flushing  bool // a flush is under way
	flushLeft int  // frames to write before its sync
}

// segment is a run of stored events.
type segment struct {
	raw         []byte
	first, last time.Duration
}

func newRecording(r *Recorder, h Header, f *os.File, length int64) *Recording {
	ctx, cancel := context.WithCancel(context.Background())
	rec := &Recording{
		rec: r, header: h, file: f, began: time.Now(), wall: r.cfg.Now().Round(0), ctx: ctx, cancel: cancel,
		failed: make(chan struct{}), length: length,
		chunk: newOpenChunk(h.Session), fileHash: sha256.New(),
	}
	rec.chunk.Length = length
	rec.changedC.L = &rec.mu
	return rec
}

// Failed is closed when the recording fails; Err then says why. The session must end.
func (r *Recording) Failed() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lenient {
		return nil
	}
	return r.failed
}

// Tolerate lets a session go on that cannot be recorded, where policy says so: from now on Write succeeds whether or not there
// is a recording, and Failed stays silent. Close still says what went wrong.
func (r *Recording) Tolerate() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lenient = true
}

// Lost returns a recording that failed before it was begun, with the error that Open returned: it takes nothing and says so,
// unless it is told to tolerate that.
func Lost(err error) *Recording {
	r := &Recording{failed: make(chan struct{}), err: err, done: true}
	r.changedC.L = &r.mu
	close(r.failed)
	return r
}

// Err returns the error that failed the recording, or nil.
func (r *Recording) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// Write records an event. It copies data and returns; it waits only when the disk is more than a megabyte behind. Bytes of a
// stream may become several events; any other event is at most MaxEvent long. An error is final.
func (r *Recording) Write(code Code, data []byte) error {
	switch code {
	case Input:
		return r.writeInput(data)
	case Output, Stderr:
		return r.writePieces(code, data, pieceSize)
	}
	if len(data) > MaxEvent {
		r.fail(fmt.Errorf("recording event %q of %d bytes, at most %d", code, len(data), MaxEvent))
	}
	return r.writePieces(code, data, MaxEvent)
}

// writePieces records data as events of at most size bytes, one at least.
func (r *Recording) writePieces(code Code, data []byte, size int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		piece := data[:min(len(data), size)]
		if ok, err := r.waitRoom(); !ok {
			return err
		}
		r.count(code, len(piece))
		r.add(code, piece)
		if code == Output {
			r.echoed(piece)
		}
		if data = data[len(piece):]; len(data) == 0 {
			return nil
		}
	}
}

// waitRoom waits, with mu held, until the queue has room. Without ok nothing is to be written.
func (r *Recording) waitRoom() (ok bool, err error) {
	for r.err == nil && !r.closing && len(r.queue) >= maxQueue {
		r.changedC.Wait()
	}
	switch {
	case r.err != nil && r.lenient:
		return false, nil
	case r.err != nil:
		return false, r.err
	case r.closing:
		return false, ErrClosed
	}
	return true, nil
}

func (r *Recording) count(code Code, n int) {
	switch code {
	case Input:
		r.bytesIn += int64(n)
	case Output, Stderr:
		r.bytesOut += int64(n)
	}
}

// Passed counts a stream's bytes that are not kept: a file's content, whose hash is in an event.
func (r *Recording) Passed(code Code, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count(code, n)
}

// add appends an event to the buffer, with mu held, and sees to it that the worker will run.
func (r *Recording) add(code Code, data []byte) {
	if len(r.buf.raw)+len(data)+eventOverhead > MaxChunk {
		r.seal()
	}
	if now := r.elapsed(); now > r.last {
		r.last = now
	}
	if len(r.buf.raw) == 0 {
		r.buf.first = r.last
	}
	r.buf.last = r.last
	r.growBuffer(len(data) + eventOverhead)
	r.buf.raw = appendEvent(r.buf.raw, r.last, code, data)
	if len(r.buf.raw) >= frameSize {
		r.seal()
		r.startWorker()
	} else if !r.armed {
		r.armed = true
		r.arm(flushAfter)
	}
	r.wakeFollowers()
}

// growBuffer moves a buffer that outgrows small sessions into a pooled one, so that busy sessions make no garbage.
func (r *Recording) growBuffer(n int) {
	if need := len(r.buf.raw) + n; need > cap(r.buf.raw) && need > 4<<10 && need <= bigBuffer {
		big := (*r.rec.big.Get().(*[]byte))[:0]
		r.buf.raw = append(big, r.buf.raw...)
	}
}

// seal moves the buffer to the queue, with mu held.
func (r *Recording) seal() {
	if len(r.buf.raw) > 0 {
		r.queue = append(r.queue, r.buf)
		r.buf = segment{}
	}
}

// elapsed is the time since the recording began, by the monotonic clock.
func (r *Recording) elapsed() time.Duration { return time.Since(r.began).Truncate(time.Microsecond) }

// arm sets the timer that starts the worker, with mu held.
func (r *Recording) arm(d time.Duration) {
	if r.flushed == nil {
		r.flushed = time.AfterFunc(d, r.flushNow)
		return
	}
	r.flushed.Reset(d)
}

// flushNow asks the worker to make everything durable.
func (r *Recording) flushNow() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.armed = false
	r.due = true
	r.startWorker()
}

// startWorker starts the worker if it does not run, with mu held.
func (r *Recording) startWorker() {
	if !r.working && !r.done && r.err == nil {
		r.working = true
		go r.work()
	}
}

// fail makes err the recording's end.
func (r *Recording) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = err
		close(r.failed)
		r.rec.cfg.Log.Error("recording failed", "session_id", r.header.Session, "error", err)
	}
	r.changedC.Broadcast()
	r.wakeFollowers()
}

// wakeFollowers tells followers to look again, with mu held.
func (r *Recording) wakeFollowers() {
	if r.changed != nil {
		close(r.changed)
		r.changed = nil
	}
}
