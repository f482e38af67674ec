package replay

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"gatehouse/recorder"
)

// Lines writes the lines of a transcript. After an error it writes nothing more.
type Lines struct {
	Err error // the first of the writer
	w   io.Writer
}

// NewLines returns Lines that write to w.
func NewLines(w io.Writer) *Lines { return &Lines{w: w} }

// Put writes one line: the time, the event's code, the text, which must be safe to show.
func (l *Lines) Put(at time.Duration, code recorder.Code, text string) {
	if l.Err != nil {
		return
	}
	at = at.Truncate(time.Millisecond)
	_, l.Err = fmt.Fprintf(l.w, "%02d:%02d:%06.3f %c %s\n", int(at.Hours()), int(at.Minutes())%60, (at % time.Minute).Seconds(), code, text)
}

// Event writes an event that belongs to no stream, as its JSON on one line, made safe to show.
func (l *Lines) Event(e recorder.Event) {
	f := Filter{Plain: true}
	text := f.Flush(f.Append(nil, bytes.ReplaceAll(e.Data, []byte("\n"), []byte(" "))))
	for i := range text {
		if text[i] < ' ' {
			text[i] = ' '
		}
	}
	l.Put(e.At, e.Code, string(text))
}
