package recorder

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"os"
	"time"

	"github.com/klauspost/compress/zstd"
)

// Reader reads one recording from its beginning. It is not safe for concurrent use.
type Reader struct {
	file   io.ReadSeekCloser
	in     *bufio.Reader
	dec    *zstd.Decoder
	header Header
	live   bool // being written by this process: ends without an end
	pos    int64
	raw    int64
	frame  int64 // where the current frame begins
	end    *End
}

// Read opens the recording of a session as it is on the disk now: live, closed or torn. The caller closes it.
func (r *Recorder) Read(session string) (*Reader, error) {
	path, err := Path(r.cfg.Dir, session)
	if err != nil {
		return nil, err
	}
	limit := int64(math.MaxInt64)
	rec := r.isLive(session)
	if rec != nil {
		rec.mu.Lock()
		limit = rec.length
		rec.mu.Unlock()
	}
	rd, err := openReader(path, r.dec, limit)
	if err != nil {
		return nil, err
	}
	rd.live = rec != nil
	return rd, nil
}

// OpenFile opens a recording by its path, for use without a Recorder.
func OpenFile(path string) (*Reader, error) {
	dec, err := newDecoder()
	if err != nil {
		return nil, err
	}
	return openReader(path, dec, math.MaxInt64)
}

func openReader(path string, dec *zstd.Decoder, limit int64) (*Reader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open recording: %w", err)
	}
	return newReader(f, dec, limit)
}

// newReader reads the header. It closes f if there is none.
func newReader(f io.ReadSeekCloser, dec *zstd.Decoder, limit int64) (*Reader, error) {
	rd := &Reader{file: f, in: bufio.NewReaderSize(io.LimitReader(f, limit), 32<<10), dec: dec}
	first, err := readFrame(rd.in, dec)
	if err == nil && first.header == nil {
		err = fmt.Errorf("%w: no header", ErrCorrupt)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("read recording header: %w", noEOF(err))
	}
	rd.header, rd.pos = *first.header, first.size
	return rd, nil
}

// Header returns what was known when the session began.
func (r *Reader) Header() Header { return r.header }

// Frame returns the offset of the frame that the last event came from: a place for SeekFrame.
func (r *Reader) Frame() int64 { return r.frame }

// SeekFrame makes the next Events begin with the frame at an offset that Frame returned.
func (r *Reader) SeekFrame(frame int64) error {
	r.end = nil
	return r.seek(frame, 0)
}

// End returns how the session ended. It is nil until Events has reached the end of a closed recording.
func (r *Reader) End() *End { return r.end }

// Close closes the file.
func (r *Reader) Close() error { return r.file.Close() }

// Events yields the events in order. The last error is io.ErrUnexpectedEOF if the file is torn or was never closed (unless
// this process is writing it), ErrCorrupt for bytes that are not a recording's. An event's Data stays valid.
func (r *Reader) Events() iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		var last time.Duration
		for {
			raw, err := r.next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(Event{}, err)
				return
			}
			if !eachEvent(raw, &last, yield) {
				return
			}
		}
	}
}

// next returns the events of the next data frame, or io.EOF after the end frame or the last frame of a live recording.
func (r *Reader) next() ([]byte, error) {
	if r.end != nil {
		return nil, io.EOF
	}
	f, err := readFrame(r.in, r.dec)
	switch {
	case errors.Is(err, io.EOF) && !r.live:
		return nil, fmt.Errorf("%w: %w", errNotClosed, io.ErrUnexpectedEOF)
	case err != nil:
		return nil, err
	case f.header != nil:
		return nil, fmt.Errorf("%w: second header", ErrCorrupt)
	case f.end != nil:
		r.end = f.end
		return nil, io.EOF
	}
	r.frame = r.pos
	r.pos += f.size
	r.raw += int64(len(f.raw))
	return f.raw, nil
}

// seek moves to the frame at offset pos, before which the file has raw bytes of events.
func (r *Reader) seek(pos, raw int64) error {
	if _, err := r.file.Seek(pos, io.SeekStart); err != nil {
		return fmt.Errorf("seek in recording: %w", err)
	}
	r.in.Reset(r.file)
	r.pos, r.raw = pos, raw
	return nil
}

// eachEvent yields the events of raw; it returns false when the caller should stop.
func eachEvent(raw []byte, last *time.Duration, yield func(Event, error) bool) bool {
	for len(raw) > 0 {
		e, rest, err := parseEvent(raw)
		if err == nil && e.At < *last {
			err = fmt.Errorf("%w: time runs backwards", ErrCorrupt)
		}
		if err != nil {
			yield(Event{}, err)
			return false
		}
		raw, *last = rest, e.At
		if !yield(e, nil) {
			return false
		}
	}
	return true
}
