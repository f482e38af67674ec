package main

import (
	"fmt"
	"os"

	"gatehouse/bastion/shell"
	"gatehouse/internal/decider"
	"gatehouse/policy/lab"
)

// PolicyTightenCmd is `gatehouse policy tighten PATH --log DATA`.
type PolicyTightenCmd struct {
	PolicyPath
	HistoryFlags
	JSONFlag
	Values int `default:"3" help:"Slots that took at most so many different words take only these."`
	Tests  int `default:"2" help:"At most so many tests are added for each rule, from lines that were run."`
}

// Run prints a unified diff on standard output, for patch or git apply, and what it does on standard error.
func (c *PolicyTightenCmd) Run() error {
	if c.Log == "" {
		return errNoLog
	}
	if _, err := c.read(); err != nil { // prints the mistakes
		return err
	}
	files, err := decider.ReadPolicy(c.Path)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	skipped := 0
	t, err := lab.Tighten(files, c.history(&skipped), lab.TightenOptions{Parse: shell.Parse, Few: c.Values, Tests: c.Tests})
	if err != nil {
		return &exitError{exitUsage, err}
	}
	if c.JSON {
		return c.print(os.Stdout, t, "")
	}
	fmt.Fprint(os.Stderr, lab.TightenedText(t))
	fmt.Print(t.Patch)
	return nil
}
