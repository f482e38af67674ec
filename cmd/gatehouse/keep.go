package main

import (
	"context"
	"fmt"
	"path/filepath"

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

// storageText is the room for recordings in Prometheus' text format.
func (d *door) storageText() string {
	s, err := d.space.Look()
	if err != nil {
		return "" // the log has it; an absent number is an alert as well
	}
	full := 0
	if s.Free < s.Least {
		full = 1
	}
	return fmt.Sprintf("# HELP gatehouse_storage_free_bytes Free bytes where recordings lie.\n# TYPE gatehouse_storage_free_bytes gauge\ngatehouse_storage_free_bytes %d\n"+
		"# HELP gatehouse_storage_warn_bytes Free bytes below which people are warned.\n# TYPE gatehouse_storage_warn_bytes gauge\ngatehouse_storage_warn_bytes %d\n"+
		"# HELP gatehouse_storage_full Whether new sessions are refused for want of space.\n# TYPE gatehouse_storage_full gauge\ngatehouse_storage_full %d\n", s.Free, s.Warn, full)
}
