package secret

import (
	"cmp"
	"encoding/json"
	"iter"
	"slices"

	"gatehouse/recorder"
)

// maxHits bounds what Scan keeps of a recording.
const maxHits = 100_000

// Scan returns the secrets of a whole recording, in the order of their events. If events end with an error (a torn
// recording), it returns what was found before it and the error.
func (d *Detector) Scan(h recorder.Header, events iter.Seq2[recorder.Event, error]) ([]Hit, error) {
	var hits []Hit
	s := newScanner(d, h, func(h Hit) { hits = append(hits, h) })
	for e, err := range events {
		if err != nil {
			s.peek()
			s.end()
			return inOrder(hits), err
		}
		settled := s.pending()
		s.event(e)
		if len(hits) > maxHits {
			hits = slices.DeleteFunc(hits, func(h Hit) bool { return h.Event >= settled })
			return append(inOrder(hits), Hit{settled, 0, -1, "too-many"}), nil
		}
	}
	s.peek() // the recording may go on
	s.end()
	return inOrder(hits), nil
}

// inOrder sorts hits and joins those that overlap.
func inOrder(hits []Hit) []Hit {
	slices.SortStableFunc(hits, func(a, b Hit) int { return cmp.Or(cmp.Compare(a.Event, b.Event), cmp.Compare(a.From, b.From)) })
	var out []Hit
	for _, h := range hits {
		if n := len(out); n > 0 && out[n-1].Event == h.Event && h.From < out[n-1].To {
			out[n-1].To = max(out[n-1].To, h.To)
			continue
		}
		out = append(out, h)
	}
	return out
}

// scanner reads the events of one recording in order.
type scanner struct {
	d       *Detector
	n       int // of the next event
	hit     func(Hit)
	streams map[recorder.Code]*row
}

func newScanner(d *Detector, h recorder.Header, hit func(Hit)) *scanner {
	s := &scanner{d: d, hit: hit, streams: map[recorder.Code]*row{}}
	cols := 0
	if h.PTY {
		cols = width(h.Cols)
	}
	for _, code := range []recorder.Code{recorder.Output, recorder.Stderr, recorder.Input} {
		s.streams[code] = &row{d: d, cols: cols, hit: hit}
	}
	return s
}

// width is a screen's width as far as it can be one.
func width(cols int) int {
	if cols < 1 || cols > 1000 {
		return 80
	}
	return cols
}

// event reads the next event. Hits of it and of earlier ones may come with later events, or with end.
func (s *scanner) event(e recorder.Event) {
	n := s.n
	s.n++
	switch e.Code {
	case recorder.Output, recorder.Stderr, recorder.Input:
		s.streams[e.Code].write(n, e.Data)
	case recorder.Resize:
		s.resize(e.Data)
	case recorder.Command, recorder.Decision, recorder.Signal, recorder.Exit, recorder.Kill, recorder.Note, recorder.File, recorder.Forward, recorder.Line, recorder.Step:
		for _, h := range s.d.eventHits(n, e.Data) {
			s.hit(h)
		}
	}
}

func (s *scanner) resize(data []byte) {
	var size struct{ Cols, Rows int }
	if json.Unmarshal(data, &size) != nil {
		return
	}
	for _, r := range s.streams {
		if r.cols > 0 {
			r.cols = width(size.Cols)
		}
	}
}

// end looks at lines that have not ended.
func (s *scanner) end() {
	for _, r := range s.streams {
		r.end()
	}
}

// peek looks at lines that have not ended, as far as they go.
func (s *scanner) peek() {
	for _, r := range s.streams {
		r.peek()
	}
}

// pending returns the number of the first event that may still get hits.
func (s *scanner) pending() int {
	first := s.n
	for _, r := range s.streams {
		first = min(first, r.first(s.n))
	}
	return first
}

// eventHits returns the secrets in an event that is no stream's: JSON, or text if it does not decode.
func (d *Detector) eventHits(n int, data []byte) []Hit {
	if json.Valid(data) {
		return d.jsonHits(n, data)
	}
	var hits []Hit
	for _, s := range d.Find(string(data)) {
		hits = append(hits, Hit{n, s.From, s.To, s.Rule})
	}
	return hits
}

// joined looks at a line as a whole, and at each row of it by itself: a full row may also have been one by accident.
func (d *Detector) joined(in *block, text []byte, joints []int) []Span {
	spans := in.line(d, text)
	from := 0
	for _, to := range joints {
		spans = append(spans, shift(d.find(text[from:to]), from)...)
		from = to
	}
	if from > 0 {
		spans = append(spans, shift(d.find(text[from:]), from)...)
	}
	return merge(spans)
}

func shift(spans []Span, by int) []Span {
	for i := range spans {
		spans[i].From += by
		spans[i].To += by
	}
	return spans
}
