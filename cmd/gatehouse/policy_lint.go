package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"gatehouse/policy/lab"
)

// PolicyLintCmd is `gatehouse policy lint PATH`.
type PolicyLintCmd struct {
	PolicyPath
	InventoryFlag
	JSONFlag
	SARIF  string `name:"sarif" type:"path" placeholder:"FILE" help:"Write the findings as SARIF 2.1.0."`
	Strict bool   `help:"Warnings are errors."`
}

// Run prints the findings; exit status 1 if one of them is an error.
func (c *PolicyLintCmd) Run() error {
	p, err := c.read()
	if err != nil {
		return err
	}
	targets, err := c.targets()
	if err != nil {
		return err
	}
	found := lab.Lint(p, targets, time.Now())
	text, count := "", map[lab.Level]int{}
	for i := range found {
		found[i].File = c.named(found[i].File)
		text += found[i].String() + "\n"
		count[found[i].Level]++
	}
	text += fmt.Sprintf("%d errors, %d warnings, %d notes\n", count[lab.Error], count[lab.Warning], count[lab.Note])
	if c.SARIF != "" {
		if err := writeSARIF(c.SARIF, found); err != nil {
			return &exitError{exitUsage, err}
		}
	}
	if found == nil {
		found = []lab.Finding{}
	}
	if err := c.print(os.Stdout, found, text); err != nil {
		return err
	}
	if count[lab.Error] > 0 || c.Strict && count[lab.Warning] > 0 {
		return errors.New("the policy grants more than it looks, or is not what it looks")
	}
	return nil
}
