package replay

import (
	"io"
	"iter"
	"time"

	"gatehouse/recorder"
)

// maxLine is the longest line of a transcript; a longer one is broken.
const maxLine = 4 << 10

// Text writes events as a transcript: a line each for lines of output, with the time at which they began, escape sequences
// removed and control characters dropped. The second column is the event's code (recorder.Code). Structured events are shown
// as their JSON. It returns the error that ended the events, or w's.
func Text(w io.Writer, events iter.Seq2[recorder.Event, error]) error {
	t := transcript{Lines: NewLines(w), streams: make(map[recorder.Code]*stream)}
	for e, err := range events {
		if err == nil {
			err = t.event(e)
		}
		if err != nil {
			t.flush()
			return err
		}
	}
	return t.flush()
}

// transcript keeps an unfinished line for each stream.
type transcript struct {
	*Lines
	streams map[recorder.Code]*stream
	order   []recorder.Code
}

type stream struct {
	filter Filter
	line   []byte
	began  time.Duration
	cr     bool // the last character was a carriage return
}

func (t *transcript) event(e recorder.Event) error {
	switch e.Code {
	case recorder.Output, recorder.Stderr, recorder.Input:
		return t.stream(e)
	}
	t.Event(e)
	return t.Err
}

func (t *transcript) stream(e recorder.Event) error {
	s := t.streams[e.Code]
	if s == nil {
		s = &stream{filter: Filter{Plain: true}}
		t.streams[e.Code] = s
		t.order = append(t.order, e.Code)
	}
	for _, c := range s.filter.Append(nil, e.Data) {
		if err := t.char(s, e, c); err != nil {
			return err
		}
	}
	return nil
}

// char adds one byte to a stream's line. A carriage return alone ends the line too: progress bars read one step a line.
func (t *transcript) char(s *stream, e recorder.Event, c byte) error {
	after := s.cr
	s.cr = c == '\r'
	switch {
	case c == '\n' && after:
		return nil
	case c == '\n' || c == '\r' || len(s.line) >= maxLine && c&0xC0 != 0x80:
		err := t.put(s.began, e.Code, s.line)
		s.line = s.line[:0]
		if c == '\n' || c == '\r' || err != nil {
			s.began = e.At
			return err
		}
	case c == '\b':
		return nil
	}
	if len(s.line) == 0 {
		s.began = e.At
	}
	s.line = append(s.line, c)
	return nil
}

func (t *transcript) put(at time.Duration, code recorder.Code, text []byte) error {
	t.Put(at, code, string(text))
	return t.Err
}

// flush writes unfinished lines.
func (t *transcript) flush() error {
	for _, code := range t.order {
		s := t.streams[code]
		if s.line = s.filter.Flush(s.line); len(s.line) > 0 {
			if err := t.put(s.began, code, s.line); err != nil {
				return err
			}
			s.line = nil
		}
	}
	return nil
}
