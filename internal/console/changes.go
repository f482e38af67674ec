package console

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"gatehouse/internal/store"
)

// Changes calls report with the mark of the list of sessions now, and again whenever it is another, until ctx ends. A Listing
// carries the mark it was made at. It is authorised as a listing, once: the caller bounds ctx.
func (c *Console) Changes(ctx context.Context, who Credential, every time.Duration, report func(mark string) error) error {
	if _, err := c.cfg.Authorize.Authorize(ctx, who, SessionsList, "", ""); err != nil {
		return err
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for last := ""; ; {
		mark, err := c.mark(ctx)
		if err != nil {
			return err
		}
		if mark != last {
			if err := report(mark); err != nil {
				return err
			}
			last = mark
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// mark is a fingerprint of what a list shows first: which sessions are live, and which is the newest.
func (c *Console) mark(ctx context.Context) (string, error) {
	sum := sha256.New()
	for _, f := range []store.Filter{{State: store.Live, Limit: maxList}, {Limit: 1}} {
		list, err := c.cfg.Sessions.List(ctx, f)
		if err != nil {
			return "", fmt.Errorf("list sessions for changes: %w", err)
		}
		for _, s := range list {
			fmt.Fprintln(sum, s.ID, s.State)
		}
		fmt.Fprintln(sum)
	}
	return hex.EncodeToString(sum.Sum(nil))[:16], nil
}
