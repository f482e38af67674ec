package main

import (
	"context"

	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/keep"
	"gatehouse/recorder/retain"
)

// openKeeper makes what holds, removes and shreds recordings. What is derived from them is forgotten along.
func (d *door) openKeeper(derived ...keep.Forgetter) error {
	rules, err := retain.New(d.settings.Recordings.Rules())
	if err != nil {
		return err
	}
	d.keeper, err = keep.New(keep.Config{Store: d.sessions, Recordings: d.recorder, Note: d.noteDisposal, Forget: derived, Rules: rules, Log: d.log.Named("keep")})
	return err
}

// noteDisposal has the decider write what is about to be destroyed.
func (d *door) noteDisposal(ctx context.Context, x keep.Disposal) error {
	return d.decider.Dispose(ctx, x.Who, protocol.Dispose{Kind: x.Kind, Session: x.What.Session, SHA256: x.What.SHA256, Size: x.What.Size, Why: x.Why})
}
