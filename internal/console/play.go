package console

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"

	"gatehouse/recorder"
	"gatehouse/recorder/replay"
)

type playCmd struct {
	ID       string        `arg:"" help:"The session, or a unique beginning of its id."`
	Speed    float64       `help:"How many times faster than it happened, 0.1 to 1000." default:"1"`
	SkipIdle time.Duration `help:"Shorten pauses that are longer than this." placeholder:"2s"`
	From     string        `help:"Begin there: a time since its start (90s, 1h2m) or of the day, in UTC (14:02:40)." placeholder:"TIME"`
	unmaskFlags
}

func (p *playCmd) Run(in *invocation) error {
	if !(p.Speed >= 0.1 && p.Speed <= 1000) { // NaN too
		return usagef("--speed takes a number from 0.1 to 1000")
	}
	if p.SkipIdle < 0 {
		return usagef("--skip-idle takes a time above zero")
	}
	c, err := p.console(in.c)
	if err != nil {
		return err
	}
	rec, err := c.Play(in.ctx, in.who, p.ID)
	if err != nil {
		return err
	}
	defer rec.Close()
	from, err := parseFrom(p.From, rec.Recording.Header().Started)
	if err != nil {
		return err
	}
	if in.json {
		return torn(in, writeEvents(in.out, after(rec.Events, from)))
	}
	ctx, stop := in.untilKey()
	defer stop()
	if from > 0 {
		if err := in.c.beginAt(ctx, in, rec, from); err != nil {
			return err
		}
		defer func() { _, _ = io.WriteString(in.out, replay.Reset) }()
	}
	return in.screen(ctx, rec, &pacer{speed: p.Speed, idle: p.SkipIdle, last: from})
}

// pacer waits between events as long as it took between them, faster and with pauses shortened.
type pacer struct {
	speed float64
	idle  time.Duration // 0: pauses are kept
	last  time.Duration
}

func (p *pacer) wait(ctx context.Context, at time.Duration) error {
	pause := at - p.last
	p.last = at
	if p.idle > 0 {
		pause = min(pause, p.idle)
	}
	pause = time.Duration(float64(pause) / p.speed)
	if pause <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// screen writes what the session's client saw, through the filter that keeps a hostile target out of the reader's terminal.
func (in *invocation) screen(ctx context.Context, rec *Playback, pace *pacer) error {
	var stdout, stderr replay.Filter
	var text []byte
	styled := false
	defer func() {
		if styled {
			_, _ = io.WriteString(in.out, replay.Reset)
		}
	}()
	for e, err := range rec.Events {
		if err != nil {
			return torn(in, err)
		}
		if pace != nil {
			if err := pace.wait(ctx, e.At); err != nil {
				return err
			}
		}
		switch e.Code {
		case recorder.Output:
			text = stdout.Append(text[:0], e.Data)
		case recorder.Stderr:
			text = stderr.Append(text[:0], e.Data)
		default:
			continue
		}
		styled = styled || bytes.IndexByte(text, 0x1b) >= 0
		if _, err := in.out.Write(text); err != nil {
			return err
		}
	}
	return nil
}

// torn turns the end of a recording that was cut off into a line for the reader.
func torn(in *invocation, err error) error {
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	_, err = io.WriteString(in.errs, "gatehouse: the recording ends here, in the middle; its last second may be missing\n")
	return err
}

// untilKey returns a context that also ends when q, Ctrl-C or Ctrl-D is pressed, on a pty: there no signal comes.
func (in *invocation) untilKey() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(in.ctx)
	if in.std.PTY && in.std.In != nil {
		go func() {
			defer cancel()
			key := make([]byte, 1)
			for {
				if n, err := in.std.In.Read(key); err != nil || n == 1 && (key[0] == 'q' || key[0] == 3 || key[0] == 4) {
					return
				}
			}
		}()
	}
	return ctx, cancel
}
