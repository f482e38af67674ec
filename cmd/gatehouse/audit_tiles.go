package main

import (
	"context"
	"errors"
	"fmt"

	"gatehouse/recorder/audit"
)

// AuditTilesCmd is `gatehouse audit tiles`.
type AuditTilesCmd struct {
	Out      string `required:"" help:"The folder, for a web server or a bucket." type:"path"`
	Cosigned bool   `help:"Only what a witness has cosigned."`
	logFlags
}

// Run writes what is new.
func (c *AuditTilesCmd) Run(ctx context.Context) error {
	dir, key, err := c.find()
	if err != nil {
		return &exitError{exitUsage, err}
	}
	t, err := audit.WriteTiles(ctx, audit.TilesOptions{LogDir: dir, VerifierKey: key, Out: c.Out, Cosigned: c.Cosigned})
	for _, finding := range []error{audit.ErrRollback, audit.ErrFork, audit.ErrForeign, audit.ErrChanged} {
		if errors.Is(err, finding) {
			return &exitError{exitNo, fmt.Errorf("BAD: %w", err)}
		}
	}
	if err != nil {
		return &exitError{exitUsage, err}
	}
	fmt.Printf("entries %d to %d, %d files\n", t.From, t.To, t.Files)
	for _, first := range t.LeftOut {
		fmt.Printf("note: no bundle of the entries from %d on: one is longer than its format allows; its hash is there\n", first)
	}
	return nil
}
