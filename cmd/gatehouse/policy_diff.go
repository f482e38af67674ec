package main

import (
	"os"
	"time"

	"gatehouse/bastion/shell"
	"gatehouse/policy/lab"
)

// PolicyDiffCmd is `gatehouse policy diff OLD NEW`.
type PolicyDiffCmd struct {
	Old string `arg:"" complete:"files" help:"A policy file, or a folder of *.yaml."`
	New string `arg:"" complete:"files" help:"The policy that it is compared with."`
	InventoryFlag
	HistoryFlags
	JSONFlag
	Status bool `help:"Exit with 1 if something becomes allowed or asked."`
}

// Run prints what changes.
func (c *PolicyDiffCmd) Run() error {
	old, err := readPolicy(c.Old)
	if err != nil {
		return err
	}
	proposed, err := readPolicy(c.New)
	if err != nil {
		return err
	}
	targets, err := c.targets()
	if err != nil {
		return err
	}
	now, skipped := time.Now(), 0
	bar := newBar("comparing", now)
	changes, err := lab.Diff(old, proposed, lab.Comparison{Parse: shell.Parse, Targets: targets, History: c.history(&skipped), Now: now, Progress: bar.at})
	bar.end()
	if err != nil {
		return &exitError{exitUsage, err}
	}
	changes.Skipped = skipped
	if err := c.print(os.Stdout, changes, changes.String()); err != nil {
		return err
	}
	for _, change := range changes.Changes {
		if c.Status && change.Wider() {
			return &exitError{exitNo, nil}
		}
	}
	return nil
}
