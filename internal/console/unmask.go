package console

import (
	"context"
	"errors"
	"iter"
	"strings"
	"unicode/utf8"

	"gatehouse/internal/store"
	"gatehouse/recorder"
)

// ErrUnmask is returned where something unmasked is asked for without a reason, or with one that is no single line.
var ErrUnmask = errors.New("showing what is masked needs a reason (--unmask --reason TEXT): one line of at most 500 characters")

// Unmasked returns a console that shows sessions with the secrets in them. Each of its reads of a session needs the right
// unmask beside the verb's own, and is audited as sessions.unmask with the reason before anything is shown. Its lists are masked.
func (c *Console) Unmasked(reason string) (*Console, error) {
	reason = strings.TrimSpace(reason)
	if reason == "" || utf8.RuneCountInString(reason) > maxReason || Visible(reason) != reason {
		return nil, ErrUnmask
	}
	return &Console{cfg: c.cfg, reason: reason}, nil
}

// Unmask asks whether who may see the session that id names unmasked, for that reason, and returns the session's whole id.
func (c *Console) Unmask(ctx context.Context, who Credential, id, reason string) (Actor, string, error) {
	open, err := c.Unmasked(reason)
	if err != nil {
		return Actor{}, "", err
	}
	by, s, err := open.session(ctx, who, SessionsShow, id, "")
	return by, s.ID, err
}

// unmasked says whether secrets are shown.
func (c *Console) unmasked() bool { return c.reason != "" }

// mayUnmask authorises what session has found, if secrets are to be shown.
func (c *Console) mayUnmask(ctx context.Context, who Credential, by Actor, s store.Session) (Actor, store.Session, error) {
	if !c.unmasked() {
		return by, s, nil
	}
	by, err := c.cfg.Authorize.Authorize(ctx, who, SessionsUnmask, s.ID, c.reason)
	if err != nil {
		return Actor{}, store.Session{}, err
	}
	return by, s, nil
}

// shown is text as it may be shown.
func (c *Console) shown(text string) string {
	if c.unmasked() {
		return text
	}
	return c.mask(text)
}

// keptText is from how many bytes on a text of a session's row may be the beginning of a longer one.
const keptText = 4096

// mask masks a text of a session's row.
func (c *Console) mask(text string) string {
	if len(text) >= keptText {
		return c.cfg.Secrets.MaskCut(text)
	}
	return c.cfg.Secrets.MaskText(text)
}

// detail is a session as whoever looks at it alone may see it.
func (c *Console) detail(ctx context.Context, s store.Session) Session {
	return viewSession(s, c.ShortID(ctx, s.ID), c.cfg.Now().UTC(), c.shown)
}

// masked is a recording's events as they may be shown.
func (c *Console) masked(h recorder.Header, events iter.Seq2[recorder.Event, error]) iter.Seq2[recorder.Event, error] {
	if c.unmasked() {
		return events
	}
	return c.cfg.Secrets.Mask(h, events)
}

// structure is the events of a recording as its timeline shows them: streams are not looked at.
func (c *Console) structure(events iter.Seq2[recorder.Event, error]) iter.Seq2[recorder.Event, error] {
	if c.unmasked() {
		return events
	}
	return func(yield func(recorder.Event, error) bool) {
		for e, err := range events {
			if !yield(c.cfg.Secrets.MaskEvent(e), err) {
				return
			}
		}
	}
}

// follow is the events of a live session as they may be shown.
func (c *Console) follow(ctx context.Context, h recorder.Header, session string) iter.Seq2[recorder.Event, error] {
	if c.unmasked() {
		return c.cfg.Recordings.Follow(ctx, session)
	}
	return c.cfg.Secrets.Live(ctx, h, func(ctx context.Context) iter.Seq2[recorder.Event, error] {
		return c.cfg.Recordings.Follow(ctx, session)
	})
}

// unmaskFlags are of the verbs that can show what is masked.
type unmaskFlags struct {
	Unmask bool   `help:"Show secrets. Needs the right unmask and a reason, and is audited."`
	Reason string `help:"Why; it stands in the audit log." placeholder:"TEXT"`
}

// console returns what runs the verb.
func (u unmaskFlags) console(c *Console) (*Console, error) {
	switch {
	case u.Unmask:
		return c.Unmasked(u.Reason)
	case u.Reason != "":
		return nil, usagef("--reason goes with --unmask")
	}
	return c, nil
}
