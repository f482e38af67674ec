package bastion

import (
	"context"
	"errors"
	"iter"
	"strings"

	"gatehouse/bastion/preview"
	"gatehouse/internal/store"
	"gatehouse/internal/vt"
	"gatehouse/recorder"
	"gatehouse/recorder/replay"
)

// What is shown of the session before: its last lines, of a recording that is not too long to be read for that.
const (
	screenLines   = 20
	screenWidth   = 200      // characters of a line
	screenEarlier = 20       // sessions that are looked through
	screenBytes   = 32 << 20 // of a recording, unpacked
)

// lastScreen is the end of what the requester last saw on this target in the same task: of the governed shell that the command is of, or
// of the newest earlier session of the same identity, task, target and login that printed something. A note says why it is not shown; nothing is said where there is none.
func (s *session) lastScreen(ctx context.Context) (lines []string, note string) {
	if s.shell != nil {
		if lines, err := s.endOf(ctx, s.id); err == nil && len(lines) > 0 {
			return lines, ""
		}
	}
	list, err := s.conn.server.cfg.Sessions.List(ctx, store.Filter{Identity: s.row.Identity, Target: s.row.Target, Before: s.id, Limit: screenEarlier})
	if err != nil {
		return nil, "what the session before showed cannot be looked up"
	}
	for _, earlier := range list {
		if earlier.Task != s.row.Task || earlier.Login != s.row.Login || earlier.State == store.Live || earlier.BytesOut == 0 {
			continue
		}
		lines, err := s.endOf(ctx, earlier.ID)
		switch {
		case errors.As(err, new(*recorder.EncryptedError)):
			return nil, "the last lines of " + earlier.ID + " are not shown: its recording is encrypted, and the door has no key for it"
		case err != nil:
			return nil, "the last lines of " + earlier.ID + " are not shown: its recording cannot be read to its end here"
		}
		return lines, ""
	}
	return nil, ""
}

// errLong ends the reading of a recording that is too long.
var errLong = errors.New("the recording is too long")

// endOf reads a recording as a terminal that is as large as the session's, with secrets masked.
func (s *session) endOf(ctx context.Context, id string) ([]string, error) {
	rec, err := s.conn.server.cfg.Recorder.Read(id)
	if err != nil {
		return nil, err
	}
	defer rec.Close()
	h := rec.Header()
	cols, rows := screenWidth, screenLines+1 // the last is where the cursor waits
	if h.PTY && h.Cols > 0 && h.Rows > 0 {
		cols, rows = min(h.Cols, 1000), min(h.Rows, 1000)
	}
	term, shown, left := vt.New(cols, rows), replay.NewScreen(h.PTY), screenBytes
	for e, err := range s.conn.server.cfg.Secrets.Mask(h, bounded(ctx, rec.Events(), left)) {
		if err != nil {
			return nil, err
		}
		_, _ = term.Write([]byte(shown.Text(e)))
	}
	return lastLines(term.Lines()), nil
}

// bounded ends with errLong when there is more.
func bounded(ctx context.Context, events iter.Seq2[recorder.Event, error], left int) iter.Seq2[recorder.Event, error] {
	return func(yield func(recorder.Event, error) bool) {
		for e, err := range events {
			if left -= len(e.Data); err == nil && left < 0 {
				err = errLong
			}
			if err == nil && ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// lastLines are the last of a screen, without empty ones at its end.
func lastLines(lines []string) []string {
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	lines = lines[max(0, len(lines)-screenLines):]
	for i, line := range lines {
		if r := []rune(line); len(r) > screenWidth {
			line = string(r[:screenWidth])
		}
		lines[i] = preview.Visible(line)
	}
	return lines
}
