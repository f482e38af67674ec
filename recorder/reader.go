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
	codec  codec
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
	rd, err := r.openReader(path, rec, limit)
	if err != nil {
		return nil, err
	}
	rd.live = rec != nil
	return rd, nil
}

// OpenFile opens a recording by its path, for use without a Recorder. One that is encrypted is an *EncryptedError.
func OpenFile(path string) (*Reader, error) { return OpenFileWith(path, "", Encryption{}) }

// OpenFileWith opens a recording, by its path, that the identities can decrypt. It may lie in an archive of Raw.WriteTar. Its
// key file is the one named, or in the archive, or beside the recording.
func OpenFileWith(path, keyFile string, e Encryption) (*Reader, error) {
	rd, key, err := openAny(path)
	if err != nil {
		return nil, err
	}
	if rd.header.Cipher == "" {
		return rd, nil
	}
	if keyFile != "" {
		key, err = readBounded(keyFile)
	} else if key == nil {
		key, err = readKeyFile(path)
	}
	return rd.unlock(e, key, err)
}

// openAny opens a recording or an archive of one, without its key.
func openAny(path string) (rd *Reader, key []byte, err error) {
	if isTar(path) {
		return openTar(path)
	}
	dec, err := newDecoder()
	if err != nil {
		return nil, nil, err
	}
	rd, err = openReader(path, dec, math.MaxInt64)
	return rd, nil, err
}

// openReader opens a recording; rec is the one that is being written, or nil.
func (r *Recorder) openReader(path string, rec *Recording, limit int64) (*Reader, error) {
	rd, err := openReader(path, r.dec, limit)
	if err != nil {
		return nil, err
	}
	if rec != nil {
		rd.codec.aead = rec.aead
		return rd, nil
	}
	if rd.header.Cipher == "" {
		return rd, nil
	}
	key, err := readKeyFile(path)
	return rd.unlock(r.cfg.Encryption, key, err)
}

// unlock gives a reader its key from what the key file holds, or from the error that came instead. Without the key it closes
// the reader and returns an *EncryptedError.
func (r *Reader) unlock(e Encryption, key []byte, err error) (*Reader, error) {
	if r.codec.aead, err = e.open(r.header, key, err); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// openReader opens a recording without its key: of an encrypted one it yields lengths and no events.
func openReader(path string, dec *zstd.Decoder, limit int64) (*Reader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open recording: %w", err)
	}
	return newReader(f, dec, limit)
}

// newReader reads the header. It closes f if there is none.
func newReader(f io.ReadSeekCloser, dec *zstd.Decoder, limit int64) (*Reader, error) {
	rd := &Reader{file: f, in: bufio.NewReaderSize(io.LimitReader(f, limit), 32<<10), codec: codec{dec: dec}}
	first, err := rd.codec.readFrame(rd.in, 0)
	if err == nil && first.header == nil {
		err = fmt.Errorf("%w: no header", ErrCorrupt)
	}
	if err == nil {
		err = first.header.checkCipher()
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

// checkCipher refuses a header that promises what this package does not know.
func (h *Header) checkCipher() error {
	if (h.Version == Version && h.Cipher == "") || (h.Version == cipherVersion && h.Cipher == cipherName) {
		return nil
	}
	return fmt.Errorf("%w: version %d with the cipher %q; this program is too old for it, or the header was changed", ErrCorrupt, h.Version, h.Cipher)
}

// next returns the events of the next data frame, or io.EOF after the end frame or the last frame of a live recording. Those
// of an encrypted frame are nil without a key.
func (r *Reader) next() ([]byte, error) {
	if r.end != nil {
		return nil, io.EOF
	}
	f, err := r.codec.readFrame(r.in, r.pos)
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
	case f.encrypted != (r.header.Cipher != ""):
		return nil, fmt.Errorf("%w: a frame is encrypted and the header is not, or the other way round", ErrCorrupt)
	}
	r.frame = r.pos
	r.pos += f.size
	r.raw += max(int64(len(f.raw)), f.rawLen)
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
