package recorder

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"time"
)

// The bounds of what is not yet durable or not yet committed.
const (
	frameSize     = 256 << 10              // a frame is sealed when it holds this many bytes of events
	flushAfter    = 500 * time.Millisecond // from the first event that is not durable to the fsync
	chunkAge      = 60 * time.Second       // a chunk is closed at this age even if it is small
	syncSize      = 4 << 20                // stored bytes after which fsync does not wait for flushAfter
	maxQueue      = 4                      // full frames waiting for the disk; then Write waits
	maxCommits    = 64                     // chunks waiting for Commit; then the disk waits
	eventOverhead = 20                     // the most that an event takes beside its data
)

// Chunk is a run of whole frames of a recording: what is committed to the audit log (entry type rec.chunk). The first chunk
// begins at offset 0 with the header, the last ends with the end frame. After a crash the last chunk of the file covers
// everything that was not committed, a torn frame included, and may repeat bytes that an earlier entry covers.
type Chunk struct {
	Session string `json:"session"`
	N       int    `json:"n"`        // from 0
	Offset  int64  `json:"offset"`   // in the file
	Length  int64  `json:"length"`   // stored bytes
	Raw     int64  `json:"raw"`      // bytes of events
	First   int64  `json:"first_us"` // time of the first event, µs since the recording's start
	Last    int64  `json:"last_us"`  // time of the last event
	SHA256  string `json:"sha256"`   // hex, of the stored bytes
}

// openChunk is the chunk that is being written.
type openChunk struct {
	Chunk
	hash hash.Hash
	born time.Duration // when its first frame was written
}

func newOpenChunk(session string) openChunk {
	return openChunk{Chunk: Chunk{Session: session}, hash: sha256.New()}
}

// add accounts for a frame's stored bytes.
func (c *openChunk) add(stored []byte, raw int, first, last, now time.Duration) {
	if c.Raw == 0 {
		c.First, c.born = first.Microseconds(), now
	}
	c.Raw += int64(raw)
	c.Last = last.Microseconds()
	c.Length += int64(len(stored))
	c.hash.Write(stored)
}

// close returns the finished chunk and begins the next one.
func (c *openChunk) close() Chunk {
	done := c.Chunk
	done.SHA256 = hex.EncodeToString(c.hash.Sum(nil))
	c.Chunk = Chunk{Session: done.Session, N: done.N + 1, Offset: done.Offset + done.Length, First: done.Last, Last: done.Last}
	c.hash.Reset()
	return done
}
