package recorder

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

// Summary is what is known of a recording at its end (entry type rec.close).
type Summary struct {
	Session  string        `json:"session"`
	SHA256   string        `json:"sha256"` // hex, of the whole file
	Size     int64         `json:"size"`   // of the file
	Chunks   int           `json:"chunks"`
	BytesIn  int64         `json:"bytes_in"`
	BytesOut int64         `json:"bytes_out"`
	Duration time.Duration `json:"duration_ns"`
}

// Close writes the end, makes everything durable, waits until every chunk is committed, and returns the summary. If ctx ends
// first, or if the recording failed, it returns an error; the file stays as it is, and what was not committed is committed
// then or, if that is impossible too, by Recover at the next start. It waits for all goroutines in any case. The caller settles
// the recording when the summary is in the audit log.
func (r *Recording) Close(ctx context.Context, end End) (Summary, error) {
	if r.file == nil {
		return Summary{}, r.Err()
	}
	stop := context.AfterFunc(ctx, func() {
		r.fail(fmt.Errorf("close recording: %w", context.Cause(ctx)))
		r.cancel()
	})
	defer stop()
	defer r.cancel()
	r.drain()
	if r.Err() == nil {
		if err := r.writeEnd(end); err != nil {
			r.fail(err)
		}
	}
	r.waitCommits()
	sum := r.summary()
	err := r.Err()
	if cerr := r.file.Close(); err == nil && cerr != nil {
		err = fmt.Errorf("close recording: %w", cerr)
	}
	if err != nil {
		if _, rerr := r.rec.recoverSession(ctx, r.header.Session); rerr != nil {
			r.rec.cfg.Log.Warn("the rest of a failed recording is committed at the next start", "session_id", r.header.Session, "error", rerr)
		}
	}
	r.rec.forget(r.header.Session)
	return sum, err
}

// drain refuses further writes, lets the worker write what there is, and waits for its end.
func (r *Recording) drain() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closing = true
	r.changedC.Broadcast()
	for r.err == nil && (len(r.buf.raw) > 0 || len(r.queue) > 0) || r.working {
		if r.err == nil {
			r.due = true
			r.startWorker()
		}
		r.changedC.Wait()
	}
	if r.flushed != nil {
		r.flushed.Stop()
	}
	r.done = true
}

// writeEnd writes the end frame, which belongs to the last chunk, and syncs.
func (r *Recording) writeEnd(end End) error {
	r.mu.Lock()
	end.BytesIn, end.BytesOut, end.Duration = r.bytesIn, r.bytesOut, r.last.Microseconds()
	r.mu.Unlock()
	end.Reason = clip(end.Reason, 4<<10)
	b, err := metaFrame(magicEnd, r.header.Version, end)
	if err != nil {
		return fmt.Errorf("recording end: %w", err)
	}
	if err := r.store(b); err != nil {
		return err
	}
	r.chunk.Length += int64(len(b))
	r.chunk.hash.Write(b)
	r.sealed = append(r.sealed, r.chunk.close())
	if err := r.sync(); err != nil {
		return err
	}
	r.mu.Lock()
	r.length += int64(len(b))
	r.mu.Unlock()
	return nil
}

// waitCommits waits for the committer, and tells followers that nothing more comes.
func (r *Recording) waitCommits() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.committing {
		r.changedC.Wait()
	}
	r.wakeFollowers()
}

func (r *Recording) summary() Summary {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Summary{
		Session: r.header.Session, SHA256: hex.EncodeToString(r.fileHash.Sum(nil)), Size: r.length, Chunks: r.chunk.N,
		BytesIn: r.bytesIn, BytesOut: r.bytesOut, Duration: r.last,
	}
}

// clip cuts s to at most n bytes, at the end of a rune.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n]
}

var errNotClosed = errors.New("recording has no end")
