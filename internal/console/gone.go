package console

import (
	"context"
	"errors"
	"io/fs"

	"gatehouse/internal/store"
	"gatehouse/recorder"
)

// GoneError is returned for a recording that cannot be read because it was removed, or its key was.
type GoneError struct {
	Kept Kept // what became of it
	Err  error
}

func (e *GoneError) Error() string { return "the recording was " + e.Kept.Text() }
func (e *GoneError) Unwrap() error { return e.Err }

// gone is err, or what became of the recording of s if that explains it.
func (c *Console) gone(ctx context.Context, s store.Session, err error) error {
	locked := (*recorder.EncryptedError)(nil)
	if !errors.Is(err, fs.ErrNotExist) && !(errors.As(err, &locked) && locked.Lost) {
		return err
	}
	list := []Session{{ID: s.ID}}
	if c.addFates(ctx, list) != nil || list[0].Kept == nil {
		return err
	}
	return &GoneError{Kept: *list[0].Kept, Err: err}
}

// sayGone puts what became of a session's recording into its timeline, which otherwise knows only that it cannot be read.
func (t *Timeline) sayGone(k *Kept) {
	if k == nil || k.Kind == "held" || t.Recorded && t.Locked == "" {
		return
	}
	t.Locked = "The recording was " + k.Text() + "."
}
