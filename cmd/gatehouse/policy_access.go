package main

import (
	"os"

	"gatehouse/policy/lab"
)

// PolicyAccessCmd is `gatehouse policy access AGENT|TARGET PATH`.
type PolicyAccessCmd struct {
	Name string `arg:"" help:"An agent, person:NAME, or a target (target:NAME where an agent has that name)."`
	PolicyPath
	InventoryFlag
	HistoryFlags
	JSONFlag
}

// Run prints who can run what where; exit status 1 if nobody can run anything.
func (c *PolicyAccessCmd) Run() error {
	p, err := c.read()
	if err != nil {
		return err
	}
	targets, err := c.targets()
	if err != nil {
		return err
	}
	skipped := 0
	list, err := lab.AccessOf(p, c.Name, targets, c.history(&skipped))
	if err != nil {
		return &exitError{exitNo, err}
	}
	if list == nil {
		list = []lab.Access{}
	}
	if err := c.print(os.Stdout, list, lab.AccessText(list, c.Log != "")); err != nil {
		return err
	}
	if len(list) == 0 {
		return &exitError{exitNo, nil}
	}
	return nil
}
