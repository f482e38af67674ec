package index

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"gatehouse/recorder"
	"gatehouse/recorder/asciicast"
	"gatehouse/recorder/replay"
	"gatehouse/recorder/secret"
)

// maxMarkers bounds the player's own markers: more make every seek slow.
const maxMarkers = 200

// Player is asciinema-player's index of a segmented recording, and what a page needs beside it. Times are played seconds, where
// nothing else is said, written as whole microseconds.
type Player struct {
	Version  int             `json:"version"`
	Duration json.Number     `json:"duration"`
	Term     PlayerTerm      `json:"term"`
	Segments []PlayerSegment `json:"segments"`
	Markers  [][2]any        `json:"markers"`

	Times    [][2]float64 `json:"times"`    // pairs of real and played seconds
	Bucket   float64      `json:"bucket"`   // real seconds of one number of Activity
	Activity []int64      `json:"activity"` // bytes of output
	Notes    []string     `json:"notes,omitempty"`
}

// PlayerTerm is the terminal's size at the beginning.
type PlayerTerm struct {
	Cols int `json:"cols"`
	Rows int `json:"rows"`
}

// PlayerSegment is one segment.
type PlayerSegment struct {
	Start json.Number `json:"start"`
	URL   string      `json:"url"`
}

// Player returns the player's index with pauses as t has them; url names a segment's address. The player wants the first
// segment to start at 0, though its first event may come later.
func (x *Index) Player(t Times, url func(n int) string) Player {
	cols, rows := size(x.Header().Cols, x.Header().Rows)
	p := Player{Version: 1, Duration: seconds(t.Played(micros(x.Shown))), Term: PlayerTerm{cols, rows}, Segments: []PlayerSegment{}, Markers: [][2]any{},
		Times: t.Pairs(x.Duration()), Bucket: micros(x.Bucket).Seconds(), Activity: append([]int64{}, x.head.Activity...), Notes: x.head.Notes}
	for i, k := range x.Keyframes {
		p.Segments = append(p.Segments, PlayerSegment{seconds(t.Played(micros(k.At))), url(i)})
	}
	if len(p.Segments) > 0 {
		p.Segments[0].Start = "0"
	}
	for e := range x.Events() {
		if text := asciicast.Label(e); text != "" && len(p.Markers) < maxMarkers && e.At <= micros(x.Shown) {
			p.Markers = append(p.Markers, [2]any{seconds(t.Played(e.At)), text})
		}
	}
	return p
}

// Segment returns segment n for the player, read from the recording that the index was made of. Its first event is at its
// start, and the last segment's last one at the duration: the player relies on both.
func (x *Index) Segment(rd *recorder.Reader, n int, t Times) ([]byte, error) {
	if n < 0 || n >= len(x.Keyframes) {
		return nil, fmt.Errorf("segment %d of %d", n, len(x.Keyframes))
	}
	snapshot, err := x.snapshot(n)
	if err != nil {
		return nil, err
	}
	init, err := json.Marshal(snapshot)
	if err != nil {
		return nil, err
	}
	k := x.Keyframes[n]
	b := fmt.Appendf(make([]byte, 0, 2*segmentBytes), `{"snapshot":{"cols":%d,"rows":%d,"init":%s},"events":[`, k.Cols, k.Rows, init)
	first := true
	err = x.play(rd, n, func(e shownEvent) bool {
		if !first {
			b = append(b, ',')
		}
		first = false
		b = asciicast.AppendEvent(b, t.Played(e.at), e.code, e.text)
		return true
	})
	return append(b, "]}"...), err
}

func (x *Index) snapshot(n int) (string, error) {
	text, err := expand(x.snapshots[n], maxSnapshot)
	if err != nil {
		return "", fmt.Errorf("keyframe %d of the index of %s: %w", n, x.Header().Session, err)
	}
	return string(text), nil
}

// shownEvent is one that a viewer sees: output, or another size.
type shownEvent struct {
	at         time.Duration
	code       byte // o or r
	text       string
	cols, rows int
}

// play yields what segment n shows.
func (x *Index) play(rd *recorder.Reader, n int, yield func(shownEvent) bool) error {
	k := x.Keyframes[n]
	until := int64(maxMicros)
	if n+1 < len(x.Keyframes) {
		until = x.Keyframes[n+1].At
	}
	screen := replay.NewScreen(x.Header().PTY)
	if err := screen.Restore(k.State); err != nil {
		return fmt.Errorf("keyframe %d of the index of %s: %w", n, x.Header().Session, err)
	}
	if err := rd.SeekFrame(k.Frame); err != nil {
		return err
	}
	number := k.Event - 1
	for e, err := range rd.Events() {
		if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, recorder.ErrCorrupt) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read recording: %w", err)
		}
		if number++; number >= x.Count || e.At.Microseconds() >= until {
			return nil
		}
		out, ok := x.show(screen, number, e)
		if ok && e.At.Microseconds() >= k.At && !yield(out) {
			return nil
		}
	}
	return nil
}

// show turns a recorded event into what is seen of it, masked.
func (x *Index) show(screen *replay.Screen, number int, e recorder.Event) (shownEvent, bool) {
	switch e.Code {
	case recorder.Output, recorder.Stderr:
		e.Data = secret.Apply(x.Hits, number, e.Data)
		text := screen.Text(e)
		return shownEvent{at: e.At, code: 'o', text: text}, text != ""
	case recorder.Resize:
		cols, rows, ok := sizeOf(e.Data)
		return shownEvent{at: e.At, code: 'r', text: strconv.Itoa(cols) + "x" + strconv.Itoa(rows), cols: cols, rows: rows}, ok
	}
	return shownEvent{}, false
}

// seconds is d as a JSON number that is the same wherever it is written.
func seconds(d time.Duration) json.Number { return json.Number(asciicast.AppendSeconds(nil, d)) }
