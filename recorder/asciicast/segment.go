package asciicast

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"gatehouse/recorder"
)

const (
	segmentBytes = 256 << 10 // of text in a segment, about
	maxMarkers   = 200       // more make every seek slow
	maxSegments  = 20_000
)

// Cast is a recording prepared for seeking: where its segments begin and what the screen holds there. It costs at most some
// 130 KiB a segment, mostly far less, and is made by one pass over the recording.
//
// Without a terminal emulator the screen at a segment's start is what the output since the last clearing gives, at most 64
// KiB of it. That is exact for text that scrolls by and for programs that clear the screen or enter the alternate one within
// that; a full-screen program that repainted only parts for longer may show gaps after a seek, until it repaints.
type Cast struct {
	header   recorder.Header
	opts     Options
	duration time.Duration
	segments []segment
	markers  []event
	pauses   []pause
}

// segment is what is known at its start.
type segment struct {
	start      time.Duration // played time of its first event
	frame      int64         // where to read from
	state      translator    // before the first event of the frame
	cols, rows int
	init       string
}

// pause is where time was left out: played time is real time minus cut from real on.
type pause struct {
	real, cut time.Duration
}

// Prepare reads a recording to its end. A torn one is prepared as far as it decodes.
func Prepare(r *recorder.Reader, opts Options) (*Cast, error) {
	p := preparer{cast: &Cast{header: r.Header(), opts: opts}, frame: -1}
	p.cols, p.rows = termSize(r.Header())
	state := newTranslator(r.Header(), opts)
	for e, err := range r.Events() {
		if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, recorder.ErrCorrupt) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read recording: %w", err)
		}
		if r.Frame() != p.frame {
			p.frame = r.Frame()
			p.due = len(p.cast.segments) == 0 || p.text >= segmentBytes
			p.before = state
		}
		real, played := state.real, state.played
		out, ok := state.next(e)
		if cut := (e.At - real) - (state.played - played); cut > 0 {
			p.cast.pauses = append(p.cast.pauses, pause{e.At, e.At - state.played})
		}
		if ok && out.code != 'x' {
			p.event(out)
		}
	}
	p.finish()
	return p.cast, nil
}

// finish gives a last segment without any length to the one before it: the player refuses a start that is not before the
// duration.
func (p *preparer) finish() {
	c := p.cast
	if n := len(c.segments); n > 1 && c.segments[n-1].start == c.duration {
		c.segments = c.segments[:n-1]
	}
}

// preparer collects segments.
type preparer struct {
	cast       *Cast
	frame      int64 // of the event at hand
	due        bool  // a segment begins with the next event that is shown
	before     translator
	text       int // bytes in the segment
	screen     screen
	cols, rows int
}

func (p *preparer) event(e event) {
	c := p.cast
	// A segment ends where the next one's time begins, so no two events of one time may be on both sides.
	if n := len(c.segments); p.due && n < maxSegments && (n == 0 || e.at > c.duration) {
		c.segments = append(c.segments, segment{e.at, p.frame, p.before, p.cols, p.rows, p.screen.init()})
		p.text, p.due = 0, false
	}
	c.duration = e.at
	p.text += len(e.data) + 16
	switch e.code {
	case 'o':
		p.screen.write(e.data)
	case 'r':
		fmt.Sscanf(e.data, "%dx%d", &p.cols, &p.rows)
	case 'm':
		if len(c.markers) < maxMarkers {
			c.markers = append(c.markers, e)
		}
	}
}

// Duration is the played time of the last event.
func (c *Cast) Duration() time.Duration { return c.duration }

// Segments is how many there are: 0 for a recording that shows nothing.
func (c *Cast) Segments() int { return len(c.segments) }

// Played returns the played time of a real one, both since the start.
func (c *Cast) Played(real time.Duration) time.Duration {
	var before time.Duration
	for _, p := range c.pauses {
		if p.real > real {
			// Within a shortened pause, or before it.
			return min(real-before, p.real-p.cut)
		}
		before = p.cut
	}
	return real - before
}

// Real returns the real time of a played one.
func (c *Cast) Real(played time.Duration) time.Duration {
	var cut time.Duration
	for _, p := range c.pauses {
		if p.real-p.cut > played {
			break
		}
		cut = p.cut
	}
	return played + cut
}

// Index returns asciinema-player's index of a segmented recording; url names a segment's address.
func (c *Cast) Index(url func(n int) string) ([]byte, error) {
	type seg struct {
		Start json.Number `json:"start"`
		URL   string      `json:"url"`
	}
	cols, rows := termSize(c.header)
	index := struct {
		Version  int         `json:"version"`
		Duration json.Number `json:"duration"`
		Term     termV3      `json:"term"`
		Segments []seg       `json:"segments"`
		Markers  [][2]any    `json:"markers"`
	}{1, seconds(c.duration), termV3{Cols: cols, Rows: rows}, []seg{}, [][2]any{}}
	for i, s := range c.segments {
		index.Segments = append(index.Segments, seg{seconds(s.start), url(i)})
	}
	for _, m := range c.markers {
		index.Markers = append(index.Markers, [2]any{seconds(m.at), m.data})
	}
	return json.Marshal(index)
}

// Segment returns segment n, read from the same recording. Its first event is at its start, the last segment's last one at
// the duration: the player relies on both.
func (c *Cast) Segment(r *recorder.Reader, n int) ([]byte, error) {
	if n < 0 || n >= len(c.segments) {
		return nil, fmt.Errorf("segment %d of %d", n, len(c.segments))
	}
	s := c.segments[n]
	if err := r.SeekFrame(s.frame); err != nil {
		return nil, err
	}
	end := c.duration + 1
	if n+1 < len(c.segments) {
		end = c.segments[n+1].start
	}
	init, err := json.Marshal(s.init)
	if err != nil {
		return nil, err
	}
	b := fmt.Appendf(nil, `{"snapshot":{"cols":%d,"rows":%d,"init":%s},"events":[`, s.cols, s.rows, init)
	b, err = s.appendEvents(b, r, end)
	return append(b, "]}"...), err
}

// appendEvents appends the events from the segment's start to end.
func (s segment) appendEvents(b []byte, r *recorder.Reader, end time.Duration) ([]byte, error) {
	state, first := s.state, true
	for e, err := range r.Events() {
		if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, recorder.ErrCorrupt) {
			break
		}
		if err != nil {
			return b, fmt.Errorf("read recording: %w", err)
		}
		out, ok := state.next(e)
		if !ok || out.code == 'x' {
			continue
		}
		if out.at < s.start {
			continue
		}
		if out.at >= end {
			break
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = appendEvent(b, out.at, out.code, out.data)
	}
	return b, nil
}

// seconds is d as a JSON number that is the same wherever it is written.
func seconds(d time.Duration) json.Number {
	us := d.Microseconds()
	return json.Number(strconv.FormatInt(us/1e6, 10) + fmt.Sprintf(".%06d", us%1e6))
}
