package console

import (
	"context"
	"fmt"
	"iter"

	"gatehouse/recorder"
	"gatehouse/recorder/seal"
)

// Unsealer is the decider as it opens what clients sent.
type Unsealer interface {
	// Unseal returns the key of the sealed input of one session's recording, which is given as it is wrapped there. It needs the
	// right unmask; the audit entry, with the reason, is durable when it returns. A refusal is a *ForbiddenError. Safe for
	// concurrent use.
	Unseal(ctx context.Context, who Credential, session, reason string, wrapped []byte) (seal.Key, error)
}

// unsealed yields a recording's events with its sealed input opened: as input events, at the times when it came. What was
// recorded in the clear of it is left out, as it would be there twice. Without sealed input nobody is asked.
func (c *Console) unsealed(ctx context.Context, who Credential, session string, events iter.Seq2[recorder.Event, error]) iter.Seq2[recorder.Event, error] {
	return func(yield func(recorder.Event, error) bool) {
		var opener *seal.Opener
		for e, err := range events {
			switch {
			case err != nil:
			case e.Code == recorder.InputKey && opener == nil:
				opener, err = c.opener(ctx, who, session, e.Data)
				if err == nil {
					continue
				}
			case e.Code == recorder.InputKey, e.Code == recorder.Input && opener != nil:
				continue
			case e.Code == recorder.Sealed:
				e, err = opened(opener, e)
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

func (c *Console) opener(ctx context.Context, who Credential, session string, wrapped []byte) (*seal.Opener, error) {
	key, err := c.cfg.Unseal.Unseal(ctx, who, session, c.reason, wrapped)
	if err != nil {
		return nil, fmt.Errorf("open what %s was sent: %w", session, err)
	}
	return key.Open()
}

func opened(opener *seal.Opener, e recorder.Event) (recorder.Event, error) {
	if opener == nil {
		return e, fmt.Errorf("%w: its key is not in the recording", seal.ErrSealed)
	}
	plain, err := opener.Event(e.Data)
	e.Code, e.Data = recorder.Input, plain
	return e, err
}
