package index

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"gatehouse/internal/vt"
	"gatehouse/recorder"
	"gatehouse/recorder/replay"
	"gatehouse/recorder/secret"
)

// Options says how an index is made.
type Options struct {
	// Hits are the places of secrets, in the order of the recording. Masked says that they were looked for.
	Hits   []secret.Hit
	Masked bool
	// Detector looks once more at each row, for what only the screen has put together; nil does not.
	Detector *secret.Detector
	// Most is how many events there are to be read: a recording may have grown since secrets were looked for. 0 is all of them,
	// below 0 none.
	Most int
	// Rows gets the recording's rows as they come; nil leaves them out.
	Rows func(Row)
}

// Build makes the index of a recording in one pass. A recording that is torn or corrupt is indexed as far as it decodes. It
// ends early with ctx's cause. The caller fills in the file's hash and size.
func Build(ctx context.Context, rd *recorder.Reader, o Options) (*Index, error) {
	b := newBuilder(rd.Header(), o)
	for e, err := range rd.Events() {
		if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, recorder.ErrCorrupt) {
			b.torn(err)
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read recording: %w", err)
		}
		if o.Most != 0 && b.number >= o.Most {
			break
		}
		if frame := rd.Frame(); frame != b.frame {
			if err := context.Cause(ctx); err != nil {
				return nil, err
			}
			b.begin(frame, e.At)
		}
		b.event(e)
	}
	return b.finish(), nil
}

// builder makes an index.
type builder struct {
	x      *Index
	opts   Options
	screen *replay.Screen
	term   *vt.Terminal
	rows   *rows // nil without Options.Rows

	frame     int64  // of the event at hand
	number    int    // of the event at hand
	first     int    // of the frame's first event
	state     []byte // of screen before that
	due       bool   // a segment begins with the next event that is shown
	text      int    // bytes shown since the last keyframe
	apart     int    // bytes from one keyframe to the next
	snapshots int    // bytes of all
	shown     time.Duration
	pauses    pauses
	activity  activity
	kept      int // bytes of events
}

func newBuilder(h recorder.Header, o Options) *builder {
	cols, rows := size(h.Cols, h.Rows)
	b := &builder{x: &Index{head: head{Header: h, Hits: o.Hits, Masked: o.Masked}}, opts: o, screen: replay.NewScreen(h.PTY),
		term: vt.New(cols, rows), frame: -1, apart: segmentBytes, pauses: pauses{least: leastPause}, activity: newActivity()}
	if o.Rows != nil {
		b.rows = newRows(b.term, b.row)
	}
	if n := len(o.Hits); n > 0 && o.Hits[n-1].To < 0 {
		b.note("there are more secrets than are kept: everything after them is masked")
	}
	return b
}

// begin notes where a frame begins.
func (b *builder) begin(frame int64, at time.Duration) {
	b.frame, b.first, b.state = frame, b.number, b.screen.State()
	n := len(b.x.Keyframes)
	b.due = n == 0 || b.text >= b.apart || b.text >= segmentLeast && at-micros(b.x.Keyframes[n-1].At) >= segmentTime
}

// event takes one event.
func (b *builder) event(e recorder.Event) {
	e.Data = secret.Apply(b.opts.Hits, b.number, e.Data)
	b.x.Last = e.At.Microseconds()
	b.pauses.add(e.At)
	switch e.Code {
	case recorder.Output, recorder.Stderr:
		b.output(e)
	case recorder.Resize:
		if cols, rows, ok := sizeOf(e.Data); ok {
			b.show(e.At, 16)
			b.term.Resize(cols, rows)
		}
	case recorder.Command, recorder.Decision, recorder.Signal, recorder.Kill, recorder.Note, recorder.Exit, recorder.File, recorder.Forward, recorder.Line, recorder.Step:
		b.keep(e)
	}
	b.number++
}

func (b *builder) output(e recorder.Event) {
	b.x.Output += int64(len(e.Data))
	b.activity.add(e.At, len(e.Data))
	text := b.screen.Text(e)
	if text == "" {
		return
	}
	b.show(e.At, len(text)+16)
	if b.rows != nil {
		b.rows.write(e.At, text)
		return
	}
	_, _ = b.term.Write([]byte(text)) // never fails
}

// row hands on a row.
func (b *builder) row(r Row) {
	if b.opts.Detector != nil {
		r.Text = b.opts.Detector.MaskText(r.Text)
	}
	b.opts.Rows(r)
}

// keep takes an event that belongs to no stream.
func (b *builder) keep(e recorder.Event) {
	if b.rows != nil {
		b.rows.event(e)
	}
	if len(b.x.head.Events) >= maxEvents || b.kept+len(e.Data) > maxEventBytes {
		b.x.head.Omitted++
		return
	}
	b.kept += len(e.Data)
	b.x.head.Events = append(b.x.head.Events, storedEvent{e.At.Microseconds(), byte(e.Code), e.Data})
}

// show notes an event that a viewer sees, before the terminal has it. A segment ends where the next one's time begins, so no
// two events of one time may be on both sides.
func (b *builder) show(at time.Duration, n int) {
	if b.due && (len(b.x.Keyframes) == 0 || at > b.shown) {
		b.keyframe(at)
	}
	b.shown = at
	b.text += n
}

func (b *builder) keyframe(at time.Duration) {
	cols, rows := b.term.Size()
	text := ""
	if len(b.x.Keyframes) > 0 {
		text = b.snapshot()
	}
	stored := compress([]byte(text))
	b.x.Keyframes = append(b.x.Keyframes, keyframe{At: at.Microseconds(), Frame: b.frame, Event: b.first, State: b.state, Cols: cols, Rows: rows, Stored: len(stored)})
	b.x.snapshots = append(b.x.snapshots, stored)
	b.snapshots += len(stored)
	b.text, b.due = 0, false
	for len(b.x.Keyframes) > maxKeyframes || b.snapshots > maxSnapshots && len(b.x.Keyframes) > 1 {
		b.thin()
	}
}

// snapshot returns the screen as it is, without colours where these make it too long.
func (b *builder) snapshot() string {
	text := b.term.Snapshot()
	if len(text) <= maxSnapshot {
		return text
	}
	b.note("a screen was too large: after some jumps it has no colours until it is painted again")
	text = strings.Join(b.term.Lines(), "\r\n")
	return strings.ToValidUTF8(text[:min(len(text), maxSnapshot)], "")
}

// thin forgets every second keyframe.
func (b *builder) thin() {
	x := b.x
	b.apart *= 2
	b.snapshots = 0
	n := (len(x.Keyframes) + 1) / 2
	for i := range n {
		x.Keyframes[i], x.snapshots[i] = x.Keyframes[2*i], x.snapshots[2*i]
		b.snapshots += x.Keyframes[i].Stored
	}
	clear(x.snapshots[n:])
	x.Keyframes, x.snapshots = x.Keyframes[:n], x.snapshots[:n]
}

func (b *builder) torn(err error) {
	b.x.head.Torn = true
	if errors.Is(err, recorder.ErrCorrupt) {
		b.note(err.Error())
	}
}

// note keeps a note once.
func (b *builder) note(text string) { b.x.note(text) }

func (x *Index) note(text string) {
	text = strings.ToValidUTF8(text[:min(len(text), maxNote)], "")
	for _, n := range x.head.Notes {
		if n == text {
			return
		}
	}
	if len(x.head.Notes) < maxNotes {
		x.head.Notes = append(x.head.Notes, text)
	}
}

// finish completes the index. A last segment without any length goes to the one before it: the player refuses a start that is
// not before the duration.
func (b *builder) finish() *Index {
	x := b.x
	if b.rows != nil {
		b.rows.end(micros(x.Last))
		if b.rows.omitted > 0 {
			b.note("a few bytes of output fill many lines, again and again: the search has not all of those")
		}
	}
	if b.term.Lost() {
		b.note("the screen could not be followed everywhere: what is shown after a jump may be wrong until it is painted again")
	}
	x.Count, x.Shown = b.number, b.shown.Microseconds()
	if n := len(x.Keyframes); n > 1 && x.Keyframes[n-1].At == x.Shown {
		x.Keyframes, x.snapshots = x.Keyframes[:n-1], x.snapshots[:n-1]
	}
	x.Pauses, x.Least = b.pauses.list, b.pauses.least.Microseconds()
	x.Bucket, x.head.Activity = b.activity.bucket.Microseconds(), b.activity.bytes
	return x
}

// The size that a recording without a terminal is shown in, and the largest.
const (
	defaultCols = 80
	defaultRows = 24
	maxSize     = 1000
)

func size(cols, rows int) (int, int) {
	if !validSize(cols, rows) {
		return defaultCols, defaultRows
	}
	return cols, rows
}

func validSize(cols, rows int) bool {
	return cols > 0 && rows > 0 && cols <= maxSize && rows <= maxSize
}

// sizeOf reads a resize event; false if it makes no sense.
func sizeOf(data []byte) (cols, rows int, ok bool) {
	var r struct{ Cols, Rows int }
	if json.Unmarshal(data, &r) != nil || !validSize(r.Cols, r.Rows) {
		return 0, 0, false
	}
	return r.Cols, r.Rows, true
}
