package console

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"
	"unicode/utf8"

	"gatehouse/internal/store"
)

// The verbs about what becomes of recordings, and the right each needs.
const (
	SessionsHold   Verb = "sessions.hold"   // review or administer
	SessionsUnhold Verb = "sessions.unhold" // administer
	SessionsHolds  Verb = "sessions.holds"  // view
	RecordingShred Verb = "recording.shred" // administer and review, both
)

// Keeper holds, removes and shreds recordings. Whoever calls it was authorised. Safe for concurrent use.
type Keeper interface {
	// Hold makes a hold, which is in force when it returns; At and ID are filled in.
	Hold(ctx context.Context, h store.Hold) (store.Hold, error)
	// Lift ends a hold; store.ErrNotFound.
	Lift(ctx context.Context, hold, by string) error
	Holds(ctx context.Context) ([]store.Hold, error)
	HoldsOn(ctx context.Context, s store.Session) ([]store.Hold, error)
	// Fates says what became of the recordings of these sessions.
	Fates(ctx context.Context, sessions ...string) (map[string]store.Fate, error)
	// Shred destroys the key of a closed recording, after the audit entry: *HeldError, *ForbiddenError.
	Shred(ctx context.Context, who Credential, by string, s store.Session, reason string) error
}

// HeldError says that a legal hold keeps a recording.
type HeldError struct {
	Session string
	Hold    store.Hold
}

func (e *HeldError) Error() string {
	return fmt.Sprintf("%s is under the legal hold %s (%s, by %s): lift that first: sessions unhold %s", e.Session, e.Hold.ID, e.Hold.Reason, e.Hold.By, e.Hold.ID)
}

var errNoKeeper = errors.New("this service keeps no holds and destroys nothing")

// HoldChoice says what a hold is about: a session, or a filter with at least one field.
type HoldChoice struct {
	Session, Identity, Target string
	Since, Until              time.Time
}

func (h HoldChoice) valid() bool {
	if h.Session != "" {
		return h == HoldChoice{Session: h.Session}
	}
	name := h.Identity + h.Target
	return h != HoldChoice{} && len(name) <= maxName && Visible(name) == name && (h.Until.IsZero() || h.Since.Before(h.Until))
}

// object is what the audit entry says is held.
func (h HoldChoice) object() string {
	var parts []string
	for _, p := range []struct{ name, value string }{{"", h.Identity}, {"target:", h.Target}, {"since:", stampOrNone(h.Since)}, {"until:", stampOrNone(h.Until)}} {
		if p.value != "" {
			parts = append(parts, p.name+p.value)
		}
	}
	return strings.Join(parts, " ")
}

func stampOrNone(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// Hold keeps recordings from being removed or shredded until it is lifted.
func (c *Console) Hold(ctx context.Context, who Credential, choice HoldChoice, reason string) (store.Hold, error) {
	if !choice.valid() {
		return store.Hold{}, usagef("name a session, or at least one of an agent or person, a target and a time")
	}
	if err := checkWhy(reason, "a hold"); err != nil {
		return store.Hold{}, err
	}
	h := store.Hold{Identity: choice.Identity, Target: choice.Target, Since: choice.Since, Until: choice.Until, Reason: reason}
	var by Actor
	var err error
	if choice.Session != "" {
		var s store.Session
		by, s, err = c.session(ctx, who, SessionsHold, choice.Session, reason)
		h.Session = s.ID
	} else {
		by, err = c.cfg.Authorize.Authorize(ctx, who, SessionsHold, choice.object(), reason)
	}
	if err != nil {
		return store.Hold{}, err
	}
	if c.cfg.Keep == nil {
		return store.Hold{}, errNoKeeper
	}
	h.By = by.Principal
	return c.cfg.Keep.Hold(ctx, h)
}

// Unhold lifts a hold, named by its id or, if it is the only one on it, by its session.
func (c *Console) Unhold(ctx context.Context, who Credential, id, reason string) (store.Hold, error) {
	if err := checkWhy(reason, "lifting a hold"); err != nil {
		return store.Hold{}, err
	}
	id = Visible(id[:min(len(id), maxName)])
	by, err := c.cfg.Authorize.Authorize(ctx, who, SessionsUnhold, id, reason)
	if err != nil {
		return store.Hold{}, err
	}
	if c.cfg.Keep == nil {
		return store.Hold{}, errNoKeeper
	}
	all, err := c.cfg.Keep.Holds(ctx)
	if err != nil {
		return store.Hold{}, err
	}
	var found []store.Hold
	for _, h := range all {
		if strings.EqualFold(h.ID, id) || (h.Session != "" && strings.HasPrefix(strings.ToLower(h.Session), strings.ToLower(id))) {
			found = append(found, h)
		}
	}
	switch {
	case len(found) == 0:
		return store.Hold{}, fmt.Errorf("hold %q: %w", id, store.ErrNotFound)
	case len(found) > 1:
		return store.Hold{}, usagef("%d holds are on %s: name one by its id (sessions holds)", len(found), id)
	}
	return found[0], c.cfg.Keep.Lift(ctx, found[0].ID, by.Principal)
}

// Holds lists the holds that stand.
func (c *Console) Holds(ctx context.Context, who Credential) ([]store.Hold, error) {
	if _, err := c.cfg.Authorize.Authorize(ctx, who, SessionsHolds, "", ""); err != nil {
		return nil, err
	}
	if c.cfg.Keep == nil {
		return nil, nil
	}
	return c.cfg.Keep.Holds(ctx)
}

// Shred destroys the key of a session's recording: nobody can read it any more, and it still fits the audit log.
func (c *Console) Shred(ctx context.Context, who Credential, id, reason string) (string, error) {
	if err := checkWhy(reason, "shredding"); err != nil {
		return "", err
	}
	by, s, err := c.session(ctx, who, RecordingShred, id, reason)
	if err != nil {
		return "", err
	}
	if c.cfg.Keep == nil {
		return "", errNoKeeper
	}
	if gone := c.gone(ctx, s, fs.ErrNotExist); gone != fs.ErrNotExist {
		return "", gone // before, not beside, what the keeper would say of it
	}
	return s.ID, c.cfg.Keep.Shred(ctx, who, by.Principal, s, reason)
}

// checkWhy wants a reason: one line.
func checkWhy(reason, what string) error {
	if reason == "" || strings.TrimSpace(reason) != reason || utf8.RuneCountInString(reason) > maxReason || Visible(reason) != reason {
		return usagef("%s needs a reason: one line of at most %d characters", what, maxReason)
	}
	return nil
}

// addFates says of each session what became of its recording.
func (c *Console) addFates(ctx context.Context, sessions []Session) error {
	if c.cfg.Keep == nil || len(sessions) == 0 {
		return nil
	}
	ids := make([]string, len(sessions))
	for i, s := range sessions {
		ids[i] = s.ID
	}
	fates, err := c.cfg.Keep.Fates(ctx, ids...)
	if err != nil {
		return err
	}
	for i, s := range sessions {
		if f, ok := fates[s.ID]; ok {
			sessions[i].Kept = &Kept{Kind: f.Kind, At: f.At, Why: f.Why, By: f.By}
		}
	}
	return nil
}

// addKept says of a session what became of its recording, or which hold keeps it.
func (c *Console) addKept(ctx context.Context, s store.Session, view Session) (Session, error) {
	list := []Session{view}
	if err := c.addFates(ctx, list); err != nil || list[0].Kept != nil || c.cfg.Keep == nil {
		return list[0], err
	}
	holds, err := c.cfg.Keep.HoldsOn(ctx, s)
	if len(holds) > 0 {
		h := holds[0]
		list[0].Kept = &Kept{Kind: "held", At: h.At, Why: h.Reason, By: h.By}
	}
	return list[0], err
}
