package main

import (
	"errors"
	"os"

	"gatehouse/policy"
	"gatehouse/policy/lab"
)

// errNoLog says that a verb needs a history.
var errNoLog = &exitError{exitUsage, errors.New("name the data folder of Gatehouse with --log")}

// PolicySimulateCmd is `gatehouse policy simulate PROPOSED --log DATA`.
type PolicySimulateCmd struct {
	PolicyPath
	HistoryFlags
	JSONFlag
}

// Run prints what would have been decided otherwise; exit status 1 if something would have been denied that was not.
func (c *PolicySimulateCmd) Run() error {
	if c.Log == "" {
		return errNoLog
	}
	p, err := c.read()
	if err != nil {
		return err
	}
	skipped := 0
	changes, err := lab.Simulate(p, c.history(&skipped))
	if err != nil {
		return &exitError{exitUsage, err}
	}
	changes.Skipped = skipped
	if err := c.print(os.Stdout, changes, changes.String()); err != nil {
		return err
	}
	if changes.Count(policy.Deny) > 0 {
		return &exitError{exitNo, nil}
	}
	return nil
}
