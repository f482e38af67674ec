package console

import (
	"context"
	"io"
	"iter"
	"time"

	"gatehouse/recorder"
	"gatehouse/recorder/replay"
)

// parseFrom reads a place in a recording: a duration since its start, a time of the day in UTC (the first one after the start),
// or a whole time as RFC 3339 has it.
func parseFrom(text string, started time.Time) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return d, nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return max(0, at.Sub(started)), nil
	}
	for _, layout := range []string{"15:04:05", "15:04"} {
		clock, err := time.Parse(layout, text)
		if err != nil {
			continue
		}
		s := started.UTC()
		at := time.Date(s.Year(), s.Month(), s.Day(), clock.Hour(), clock.Minute(), clock.Second(), clock.Nanosecond(), time.UTC)
		if at.Before(s.Truncate(time.Second)) {
			at = at.AddDate(0, 0, 1)
		}
		return max(0, at.Sub(s)), nil
	}
	return 0, usagef("--from takes a time since the start, as 90s or 1h2m, or of the day in UTC, as 14:02:40")
}

// after leaves out the events before a time.
func after(events iter.Seq2[recorder.Event, error], from time.Duration) iter.Seq2[recorder.Event, error] {
	return func(yield func(recorder.Event, error) bool) {
		for e, err := range events {
			if err == nil && e.At < from {
				continue
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// beginAt draws the screen as it was at a time, and leaves the later events to be played. Without a pty there was no screen.
func (c *Console) beginAt(ctx context.Context, in *invocation, rec *Playback, from time.Duration) error {
	if !rec.Recording.Header().PTY {
		rec.Events = after(rec.Events, from)
		return nil
	}
	x, err := c.Index(ctx, rec)
	if err != nil {
		return err
	}
	screen, events, err := x.At(rec.Recording, from)
	if err != nil {
		return err
	}
	rec.Events = events
	f := replay.Filter{}
	_, err = io.WriteString(in.out, replay.Reset+"\x1b[H\x1b[2J"+string(f.Append(nil, []byte(screen))))
	return err
}
