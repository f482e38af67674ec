package recorder

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"

	"github.com/klauspost/compress/zstd"
)

// Version is the version of the recording format that this package writes. An encrypted recording is version 2.
const Version = 1

// The bounds of the format. A reader refuses what exceeds them, so no file can make it allocate more than a few of these.
const (
	MaxEvent = 256 << 10 // bytes of data in one event
	MaxChunk = 512 << 10 // bytes of events in one chunk, and in one frame
	MaxMeta  = 64 << 10  // bytes of the header's and the end's JSON
	maxZstd  = MaxChunk + MaxChunk/8 + 1024

	pieceSize = 64 << 10 // longer stream writes are split into events of this size
)

// The frames of a file are told apart by the magic numbers of zstd's skippable frames, so that `zstd -dc` yields all events.
const (
	magicData   = 0x184D2A5D
	magicHeader = 0x184D2A5E
	magicEnd    = 0x184D2A5F

	metaPrefix  = "gatehouse recording " // and the version, and a line feed
	frameHead   = 8                      // magic and size
	dataPrelude = 16                     // frameHead, stored length, raw length
)

// ErrCorrupt is returned for bytes that this package cannot have written.
var ErrCorrupt = errors.New("corrupt recording")

// End is how a session ended: the last frame of a closed recording.
type End struct {
	State    string `json:"state"` // store.State: "ended", "killed", …
	Exit     *int   `json:"exit,omitempty"`
	Signal   string `json:"signal,omitempty"`
	Reason   string `json:"reason,omitempty"`
	Mode     string `json:"recording,omitempty"` // "best_effort" where policy says so; empty: strict
	Duration int64  `json:"duration_us"`         // filled by Close
	BytesIn  int64  `json:"bytes_in"`            // filled by Close
	BytesOut int64  `json:"bytes_out"`           // filled by Close
}

// appendEvent appends the stored form of an event: µs, code, length, bytes; the numbers are unsigned varints.
func appendEvent(b []byte, at time.Duration, code Code, data []byte) []byte {
	b = binary.AppendUvarint(b, uint64(at/time.Microsecond))
	b = append(b, byte(code))
	b = binary.AppendUvarint(b, uint64(len(data)))
	return append(b, data...)
}

// parseEvent decodes the first event of b and returns the rest. Data aliases b.
func parseEvent(b []byte) (Event, []byte, error) {
	us, n := binary.Uvarint(b)
	if n <= 0 || us > math.MaxInt64/1000 || len(b) < n+2 {
		return Event{}, nil, fmt.Errorf("%w: event time", ErrCorrupt)
	}
	code := Code(b[n])
	b = b[n+1:]
	size, n := binary.Uvarint(b)
	if n <= 0 || size > MaxEvent || size > uint64(len(b)-n) {
		return Event{}, nil, fmt.Errorf("%w: event length", ErrCorrupt)
	}
	end := n + int(size)
	return Event{At: time.Duration(us) * time.Microsecond, Code: code, Data: b[n:end:end]}, b[end:], nil
}

// prefixOf is what the metadata of a version begins with.
func prefixOf(version int) string { return metaPrefix + strconv.Itoa(version) + "\n" }

// metaFrame returns the stored form of a header or an end.
func metaFrame(magic uint32, version int, v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	if len(text) > MaxMeta {
		return nil, fmt.Errorf("%d bytes of metadata, at most %d", len(text), MaxMeta)
	}
	b := binary.LittleEndian.AppendUint32(nil, magic)
	prefix := prefixOf(version)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(prefix)+len(text)))
	b = append(b, prefix...)
	return append(b, text...), nil
}

// dataFrame returns the stored form of a run of events.
func dataFrame(enc *zstd.Encoder, dst, raw []byte) []byte {
	dst = append(dst[:0], make([]byte, dataPrelude)...)
	dst = enc.EncodeAll(raw, dst)
	binary.LittleEndian.PutUint32(dst[0:], magicData)
	binary.LittleEndian.PutUint32(dst[4:], dataPrelude-frameHead)
	binary.LittleEndian.PutUint32(dst[8:], uint32(len(dst)-dataPrelude))
	binary.LittleEndian.PutUint32(dst[12:], uint32(len(raw)))
	return dst
}

// frame is one decoded frame of a file: a header, an end or events. Those of an encrypted frame are nil without a key.
type frame struct {
	header    *Header
	end       *End
	raw       []byte
	size      int64 // stored bytes
	encrypted bool
	rawLen    int64 // of an encrypted frame's events
}

// readFrame reads the frame at the reader's position, which is the file offset at. It returns io.EOF at a clean end and
// io.ErrUnexpectedEOF within a frame.
func (c codec) readFrame(r io.Reader, at int64) (frame, error) {
	var head [dataPrelude]byte
	if _, err := io.ReadFull(r, head[:frameHead]); err != nil {
		return frame{}, err
	}
	size := binary.LittleEndian.Uint32(head[4:])
	switch magic := binary.LittleEndian.Uint32(head[:]); {
	case magic == magicData && size == dataPrelude-frameHead:
		if _, err := io.ReadFull(r, head[frameHead:]); err != nil {
			return frame{}, noEOF(err)
		}
		return c.readData(r, binary.LittleEndian.Uint32(head[8:]), binary.LittleEndian.Uint32(head[12:]))
	case magic == magicCipher:
		return c.readCipher(r, head, at)
	case magic == magicHeader:
		var h Header
		err := readMeta(r, size, &h)
		return frame{header: &h, size: frameHead + int64(size)}, err
	case magic == magicEnd:
		var e End
		err := readMeta(r, size, &e)
		return frame{end: &e, size: frameHead + int64(size)}, err
	}
	return frame{}, fmt.Errorf("%w: unknown frame", ErrCorrupt)
}

func (c codec) readData(r io.Reader, stored, raw uint32) (frame, error) {
	if stored > maxZstd || raw > MaxChunk || raw == 0 {
		return frame{}, fmt.Errorf("%w: frame of %d bytes, %d raw", ErrCorrupt, stored, raw)
	}
	b := make([]byte, stored)
	if _, err := io.ReadFull(r, b); err != nil {
		return frame{}, noEOF(err)
	}
	out, err := c.decode(b, raw)
	return frame{raw: out, size: dataPrelude + int64(stored)}, err
}

func readMeta(r io.Reader, size uint32, v any) error {
	length := len(prefixOf(Version))
	if size < uint32(length) || size > uint32(length+MaxMeta) {
		return fmt.Errorf("%w: %d bytes of metadata", ErrCorrupt, size)
	}
	b := make([]byte, size)
	if _, err := io.ReadFull(r, b); err != nil {
		return noEOF(err)
	}
	if prefix := string(b[:length]); prefix != prefixOf(Version) && prefix != prefixOf(cipherVersion) {
		return fmt.Errorf("%w: not a recording of version 1 or 2", ErrCorrupt)
	}
	if err := json.Unmarshal(b[length:], v); err != nil {
		return fmt.Errorf("%w: metadata: %v", ErrCorrupt, err)
	}
	return nil
}

// noEOF turns an end of file inside a frame into io.ErrUnexpectedEOF.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
