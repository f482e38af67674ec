package main

import (
	"context"
	"path/filepath"

	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/keep"
	"gatehouse/recorder/retain"
)

// openKeeper makes what holds, removes and shreds recordings. What is derived from them is forgotten along.
func (d *door) openKeeper(dir string, derived ...keep.Forgetter) error {
	storage := d.settings.Storage
	d.space = keep.NewSpace(keep.SpaceConfig{Dir: filepath.Join(dir, "recordings"), Warn: uint64(storage.Warning()), Least: uint64(storage.MinFree), Log: d.log.Named("keep")})
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

// countStorage adds the room for recordings to the numbers. Where it cannot be looked up the number is -1, and the log has why.
func (d *door) countStorage() {
	look := func(say func(console.Storage) float64) func() float64 {
		return func() float64 {
			s, err := d.space.Look()
			if err != nil {
				return -1
			}
			return say(s)
		}
	}
	d.numbers.gauge("gatehouse_storage_free_bytes", "Free bytes where recordings lie.", look(func(s console.Storage) float64 { return float64(s.Free) }))
	d.numbers.gauge("gatehouse_storage_warn_bytes", "Free bytes below which people are warned.", look(func(s console.Storage) float64 { return float64(s.Warn) }))
	d.numbers.gauge("gatehouse_storage_full", "Whether new sessions are refused for want of space.", look(func(s console.Storage) float64 { return truth(s.Free < s.Least) }))
}
