package index

import (
	"fmt"
	"io"
	"iter"

	"gatehouse/internal/vt"
	"gatehouse/recorder"
	"gatehouse/recorder/replay"
)

// Transcript writes events of a session with a pty as text, a line each for what was shown: as it was seen, so that a progress
// bar is one line, and with the time at which the line was complete. A line stands where it left the screen, so times may go
// back a little. Other events are lines of their own, as in replay.Text, and input is left out: what is echoed is in the output.
// It returns the error that ended the events, or w's.
func Transcript(w io.Writer, h recorder.Header, events iter.Seq2[recorder.Event, error]) error {
	cols, lines := size(h.Cols, h.Rows)
	term, screen := vt.New(cols, lines), replay.NewScreen(h.PTY)
	out := replay.NewLines(w)
	rows := newRows(term, func(r Row) {
		if r.Kind == KindOutput {
			out.Put(r.At, recorder.Output, r.Text)
		}
	})
	for e, err := range events {
		if err != nil {
			rows.end(rows.at())
			return err
		}
		switch e.Code {
		case recorder.Output, recorder.Stderr:
			rows.write(e.At, screen.Text(e))
		case recorder.Resize:
			if cols, lines, ok := sizeOf(e.Data); ok {
				term.Resize(cols, lines)
			}
		case recorder.Command, recorder.Decision, recorder.Signal, recorder.Kill, recorder.Note, recorder.Exit, recorder.File, recorder.Forward, recorder.Line, recorder.Step:
			rows.event(e)
			out.Event(e)
		}
		if out.Err != nil {
			return out.Err
		}
	}
	rows.end(rows.at())
	if rows.omitted > 0 {
		out.Put(rows.at(), recorder.Note, fmt.Sprintf(`{"note":"%d lines are left out: a few bytes of output fill many, again and again"}`, rows.omitted))
	}
	return out.Err
}
