package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/health"
	"gatehouse/internal/supervisor"
)

var (
	errDraining   = errors.New("draining")
	errFull       = errors.New("less is free than storage.min_free")
	errSick       = errors.New("not everything answers")
	errNotInForce = errors.New("the files on disk are not in force")
)

// openHealth makes what says whether the door can do its work.
func (d *door) openHealth() {
	d.health = health.New(health.Config{Log: d.log.Named("health"), Checks: []health.Check{
		{Name: "accept", Live: health.Works, Fault: "connections are not accepted", Run: func(context.Context) error { return d.checkAccepts() }},
		{Name: "decider", Live: health.Works, Fault: "the decider does not answer", Run: func(ctx context.Context) error {
			return d.decider.Call(ctx, protocol.OpMetrics, protocol.Empty{}, new(protocol.Metrics)) // which waits for no disk
		}},
		{Name: "audit", Fault: "the audit log cannot be written", Run: d.checkAudit},
		{Name: "recorder", Live: health.Answers, Fault: "recordings cannot be written", Run: func(context.Context) error { return d.probeRecordings() }},
		{Name: "disk", Fault: "too little space is free: no session begins", Run: func(context.Context) error { return d.checkSpace() }},
		{Name: "draining", Cheap: true, Fault: "the service is stopping", Run: func(context.Context) error { return d.checkStays() }},
	}})
}

// alive is what the supervisor asks for the service manager's watchdog.
func (d *door) alive(context.Context) error {
	if d.health.Report(true).Status != "ok" {
		return errSick
	}
	return nil
}

func (d *door) checkAudit(ctx context.Context) error {
	h, err := d.decider.Health(ctx)
	if err == nil && h.Audit != "" {
		err = errors.New(h.Audit)
	}
	return err
}

// probeRecordings writes a byte where recordings are, durably.
func (d *door) probeRecordings() error {
	path := filepath.Join(supervisor.DoorDir(d.settings.Data), "recordings", probeFile)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("probe recordings: %w", err)
	}
	_, err = f.Write([]byte{'\n'})
	return errors.Join(err, f.Sync(), f.Close())
}

// probeFile is no recording's name.
const probeFile = ".probe"

func (d *door) checkSpace() error {
	s, err := d.space.Look()
	if err == nil && s.State == console.StorageFull {
		err = errFull
	}
	return err
}

// checkAccepts has nothing to find in a door that drains: it accepts nobody on purpose, and must not be started again for it.
func (d *door) checkAccepts() error {
	if d.ending.draining.Load() {
		return nil
	}
	return d.beat.Alive()
}

func (d *door) checkStays() error {
	if d.ending.draining.Load() {
		return errDraining
	}
	return nil
}
