package console

import (
	"context"
	"fmt"
	"iter"

	"gatehouse/internal/store"
	"gatehouse/recorder"
)

// Playback is a recording that the actor may read. The caller closes it.
type Playback struct {
	By        Actor
	Session   Session
	Recording *recorder.Reader
	// Events yields the events in order; a recording that is torn yields an error last.
	Events iter.Seq2[recorder.Event, error]
	// SoFar yields what was on the disk when a session was opened to be watched: a beginning of Events, for whoever wants to
	// draw the past in one go. Nil for a replay.
	SoFar iter.Seq2[recorder.Event, error]
	// Unmasked says that secrets are to be shown; Recording has them in any case.
	Unmasked bool
}

// Close releases the recording.
func (p *Playback) Close() error { return p.Recording.Close() }

// Play opens the recording of a session for replay.
func (c *Console) Play(ctx context.Context, who Credential, id string) (*Playback, error) {
	by, s, err := c.session(ctx, who, SessionsPlay, id, "")
	if err != nil {
		return nil, err
	}
	return c.open(ctx, who, by, s)
}

// Tail opens a session to be watched: Events yields everything so far and then what comes, until it ends or ctx does.
func (c *Console) Tail(ctx context.Context, who Credential, id string) (*Playback, error) {
	by, s, err := c.session(ctx, who, SessionsTail, id, "")
	if err != nil {
		return nil, err
	}
	p, err := c.open(ctx, who, by, s)
	if err != nil {
		return nil, err
	}
	p.SoFar, p.Events = p.Events, c.follow(ctx, p.Recording.Header(), s.ID)
	return p, nil
}

func (c *Console) open(ctx context.Context, who Credential, by Actor, s store.Session) (*Playback, error) {
	rec, err := c.cfg.Recordings.Read(s.ID)
	if err != nil {
		return nil, fmt.Errorf("read recording of %s: %w", s.ID, c.gone(ctx, s, err))
	}
	events := c.masked(rec.Header(), rec.Events())
	if c.unmasked() {
		events = c.unsealed(ctx, who, s.ID, events)
	}
	return &Playback{By: by, Session: c.detail(ctx, s), Recording: rec, Events: events, Unmasked: c.unmasked()}, nil
}
