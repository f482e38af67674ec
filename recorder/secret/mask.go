package secret

import (
	"bytes"
	"context"
	"iter"
	"time"

	"gatehouse/recorder"
)

const (
	maxHeld   = 1 << 20                // bytes of events that Mask holds back
	maxEvents = 8 << 10                // of them
	liveHold  = 300 * time.Millisecond // how long Live holds an event back at most
	liveBatch = 50 * time.Millisecond  // and by how much less, so that a flood is not looked at anew for each event
)

// Mask yields the same events with the secrets in them masked, in the same order. It reads ahead until the line that an event
// belongs to has ended, by at most 1 MiB or 8,192 events: of a secret that is spread further its beginning may show.
func (d *Detector) Mask(h recorder.Header, events iter.Seq2[recorder.Event, error]) iter.Seq2[recorder.Event, error] {
	return func(yield func(recorder.Event, error) bool) {
		m := newMasker(d, h)
		for e, err := range events {
			if err != nil {
				if m.flush(yield) {
					yield(recorder.Event{}, err)
				}
				return
			}
			m.add(e, time.Time{})
			if !m.release(yield) {
				return
			}
		}
		m.flush(yield)
	}
}

// MaskEvent returns an event that is no stream's (a command, a decision, a signal, an exit, a note, a kill) with the secrets in it masked.
// Others come back as they are: what is in a stream does not end with an event.
func (d *Detector) MaskEvent(e recorder.Event) recorder.Event {
	switch e.Code {
	case recorder.Command, recorder.Decision, recorder.Signal, recorder.Exit, recorder.Kill, recorder.Note, recorder.File, recorder.Forward, recorder.Line, recorder.Step:
		e.Data = d.MaskJSON(e.Data)
	}
	return e
}

// MaskJSON returns a JSON text with the secrets in its strings masked; it stays JSON. What is no JSON is masked as text.
func (d *Detector) MaskJSON(data []byte) []byte {
	return Apply(d.eventHits(0, data), 0, data)
}

// MaskText returns a text with the secrets in it masked.
func (d *Detector) MaskText(text string) string {
	spans := d.Find(text)
	if len(spans) == 0 {
		return text
	}
	b := []byte(text)
	for _, s := range spans {
		stars(b[s.From:s.To])
	}
	return string(b)
}

// MaskCut is MaskText for a text that may be cut off: what may be the beginning of a secret at its end is masked too.
func (d *Detector) MaskCut(text string) string {
	b := []byte(d.MaskText(text))
	line := bytes.LastIndexByte(b, '\n') + 1
	for _, s := range d.open([]byte(text)[line:]) {
		stars(b[line+s.From : line+s.To])
	}
	return string(b)
}

// Live is Mask for events that are still coming: an event is held back until its line has ended, and at most 300 ms. Of a
// secret that comes more slowly than that its beginning shows, its rest does not. follow is called once, with a context that
// ends with ctx or when the caller has enough; it must end then.
func (d *Detector) Live(ctx context.Context, h recorder.Header, follow func(context.Context) iter.Seq2[recorder.Event, error]) iter.Seq2[recorder.Event, error] {
	return func(yield func(recorder.Event, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		coming := pump(ctx, follow)
		defer func() {
			cancel()
			for range coming { // until the pump has ended
			}
		}()
		m := newMasker(d, h)
		timer := time.NewTimer(liveHold)
		defer timer.Stop()
		for {
			select {
			case next, ok := <-coming:
				if !ok {
					if m.flush(yield) && ctx.Err() != nil {
						yield(recorder.Event{}, context.Cause(ctx))
					}
					return
				}
				if next.err != nil {
					if m.flush(yield) {
						yield(recorder.Event{}, next.err)
					}
					return
				}
				m.add(next.e, time.Now())
				if !m.release(yield) {
					return
				}
			case <-timer.C:
				if !m.expire(time.Now().Add(liveBatch-liveHold), yield) {
					return
				}
			}
			timer.Reset(m.wait())
		}
	}
}

// arrival is an event or the error that ended them.
type arrival struct {
	e   recorder.Event
	err error
}

// pump reads events in a goroutine of its own, which ends with them or with ctx; then the channel is closed.
func pump(ctx context.Context, follow func(context.Context) iter.Seq2[recorder.Event, error]) <-chan arrival {
	out := make(chan arrival, 64)
	go func() {
		defer close(out)
		for e, err := range follow(ctx) {
			select {
			case out <- arrival{e, err}:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

// masker holds events back until it is known what in them is secret.
type masker struct {
	s     *scanner
	held  []heldEvent
	first int // the number of held[0]
	bytes int
}

type heldEvent struct {
	recorder.Event
	hits []Hit
	came time.Time
}

func newMasker(d *Detector, h recorder.Header) *masker {
	m := &masker{}
	m.s = newScanner(d, h, func(h Hit) {
		if i := h.Event - m.first; i >= 0 { // else it was shown already
			m.held[i].hits = append(m.held[i].hits, h)
		}
	})
	return m
}

func (m *masker) add(e recorder.Event, came time.Time) {
	m.held = append(m.held, heldEvent{Event: e, came: came})
	m.bytes += len(e.Data)
	m.s.event(e)
}

// release yields what is settled, and everything when too much is held. It returns false when the caller has enough.
func (m *masker) release(yield func(recorder.Event, error) bool) bool {
	n := max(0, m.s.pending()-m.first)
	if m.bytes > maxHeld || len(m.held) > maxEvents {
		m.s.peek()
		n = len(m.held)
	}
	return m.yield(n, yield)
}

// expire yields what came before a time.
func (m *masker) expire(before time.Time, yield func(recorder.Event, error) bool) bool {
	n := 0
	for n < len(m.held) && !m.held[n].came.After(before) {
		n++
	}
	if n == 0 {
		return true
	}
	m.s.peek()
	return m.yield(n, yield)
}

// wait is how long the oldest event may still be held.
func (m *masker) wait() time.Duration {
	if len(m.held) == 0 {
		return time.Hour
	}
	return max(0, time.Until(m.held[0].came.Add(liveHold)))
}

// flush yields everything.
func (m *masker) flush(yield func(recorder.Event, error) bool) bool {
	m.s.peek() // the recording may go on
	m.s.end()
	return m.yield(len(m.held), yield)
}

// yield hands on the first n events.
func (m *masker) yield(n int, yield func(recorder.Event, error) bool) bool {
	for i := range n {
		e := m.held[i]
		m.held[i] = heldEvent{}
		m.bytes -= len(e.Data)
		m.first++
		e.Data = Apply(e.hits, m.first-1, e.Data)
		if !yield(e.Event, nil) {
			return false
		}
	}
	m.held = m.held[n:]
	return true
}
