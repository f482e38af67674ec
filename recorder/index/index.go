package index

import (
	"iter"
	"time"

	"gatehouse/recorder"
	"gatehouse/recorder/secret"
)

// The bounds of an index. Beyond them it gets coarser, or says what it left out; it never grows.
const (
	segmentBytes  = 256 << 10       // of shown text from one keyframe to the next, at first
	segmentTime   = 3 * time.Minute // after which a keyframe comes, if something was shown
	segmentLeast  = 8 << 10         // of shown text in a segment that ends by time
	maxKeyframes  = 4096            // then every second one goes, and the next are twice as far apart
	maxSnapshots  = 16 << 20        // bytes of all snapshots as stored
	maxSnapshot   = 1 << 20         // bytes of one as it is played; a larger one loses its colours
	maxPauses     = 50_000          // then only longer ones count
	maxEvents     = 2000            // events beside the streams, and
	maxEventBytes = 4 << 20         // their data
	maxHits       = 200_000
	maxNotes      = 32
	maxNote       = 1 << 10
	leastPause    = time.Second // shorter ones are no pauses
)

// Index is what was derived from one recording. It is immutable and safe for concurrent use.
type Index struct {
	head
	snapshots [][]byte // compressed, one a keyframe
}

// head is an index without its snapshots, as it is stored. Times are µs since the recording's start.
type head struct {
	Header    recorder.Header `json:"header"`
	SHA256    string          `json:"sha256"` // hex, of the recording's file as it was read
	Size      int64           `json:"size"`   // of that file
	Torn      bool            `json:"torn,omitempty"`
	Count     int             `json:"count"` // of all events: nobody looked for secrets in what came later
	Last      int64           `json:"last"`  // the last event
	Shown     int64           `json:"shown"` // the last event that a viewer sees
	Output    int64           `json:"output"`
	Pauses    [][2]int64      `json:"pauses,omitempty"` // end and length
	Least     int64           `json:"least_pause"`      // shorter ones are not in Pauses
	Keyframes []keyframe      `json:"keyframes,omitempty"`
	Hits      []secret.Hit    `json:"hits,omitempty"`
	Masked    bool            `json:"masked"` // secrets were looked for
	Events    []storedEvent   `json:"events,omitempty"`
	Omitted   int             `json:"omitted,omitempty"` // events beside the streams that are not in Events
	Bucket    int64           `json:"bucket"`            // µs of one number of Activity
	Activity  []int64         `json:"activity,omitempty"`
	Notes     []string        `json:"notes,omitempty"` // what is weaker in it than it should be
	Rows      bool            `json:"rows,omitempty"`  // the search has the recording's rows
}

// keyframe is where a segment begins.
type keyframe struct {
	At     int64  `json:"at"`    // of the segment's first shown event; later than any before
	Frame  int64  `json:"frame"` // where in the file to read from; what is shown before At belongs to the segment before
	Event  int    `json:"event"` // the number of the frame's first event
	State  []byte `json:"state"` // of replay.Screen there
	Cols   int    `json:"cols"`
	Rows   int    `json:"rows"`
	Stored int    `json:"stored"` // bytes of its snapshot
}

// storedEvent is one that belongs to no stream.
type storedEvent struct {
	At   int64  `json:"at"`
	Code byte   `json:"code"`
	Data []byte `json:"data"`
}

// Header returns the recording's.
func (x *Index) Header() recorder.Header { return x.head.Header }

// Fits says whether the index was made from a file of this size and hash; an empty hash is not known.
func (x *Index) Fits(size int64, sha256 string) bool {
	return x.Size == size && (sha256 == "" || x.SHA256 == sha256)
}

// Duration is the time of the last event.
func (x *Index) Duration() time.Duration { return micros(x.Last) }

// OutputBytes is how much the session wrote to its client.
func (x *Index) OutputBytes() int64 { return x.Output }

// Torn says whether the recording ends in the middle.
func (x *Index) Torn() bool { return x.head.Torn }

// Notes says what is weaker in the index than it should be, for people.
func (x *Index) Notes() []string { return x.head.Notes }

// Segments is how many places there are to begin at: none if nothing is shown.
func (x *Index) Segments() int { return len(x.Keyframes) }

// Bytes is about what the index takes in memory.
func (x *Index) Bytes() int {
	n := 16*len(x.Pauses) + 64*len(x.Hits) + 160*len(x.Keyframes) + 8*len(x.head.Activity)
	for _, s := range x.snapshots {
		n += len(s)
	}
	for _, e := range x.head.Events {
		n += len(e.Data) + 48
	}
	return n
}

// Events yields the events that belong to no stream, masked, and how many there were beyond those is Omitted.
func (x *Index) Events() iter.Seq[recorder.Event] {
	return func(yield func(recorder.Event) bool) {
		for _, e := range x.head.Events {
			if !yield(recorder.Event{At: micros(e.At), Code: recorder.Code(e.Code), Data: e.Data}) {
				return
			}
		}
	}
}

// Omitted is how many events beside the streams the index leaves out.
func (x *Index) Omitted() int { return x.head.Omitted }

// Activity returns bytes of output a bucket, from the start, and how long a bucket is.
func (x *Index) Activity() (bucket time.Duration, bytes []int64) {
	return micros(x.Bucket), x.head.Activity
}

func micros(us int64) time.Duration { return time.Duration(us) * time.Microsecond }
