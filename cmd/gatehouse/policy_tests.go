package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"gatehouse/bastion/shell"
	"gatehouse/policy"
	"gatehouse/policy/lab"
)

// PolicyTestCmd is `gatehouse policy test PATH`.
type PolicyTestCmd struct {
	PolicyPath
	InventoryFlag
	JSONFlag
	Verbose bool   `short:"v" help:"Show the tests that pass too."`
	JUnit   string `name:"junit" type:"path" placeholder:"FILE" help:"Write a JUnit report."`
	SARIF   string `name:"sarif" type:"path" placeholder:"FILE" help:"Write the tests that fail as SARIF 2.1.0."`
}

// errPolicyTests says that a policy does not decide what its tests expect.
var errPolicyTests = errors.New("the policy does not decide what its tests expect")

// Run prints the tests that fail, and how many there are.
func (c *PolicyTestCmd) Run() error {
	p, err := c.read()
	if err != nil {
		return err
	}
	targets, err := c.targets()
	if err != nil {
		return err
	}
	cases, err := c.cases()
	if err != nil {
		return &exitError{exitUsage, err}
	}
	results := slices.Concat(lab.Inline(p, shell.Parse), lab.Run(p, cases, shell.Parse, targets, lab.TestTime()))
	for i := range results {
		results[i].File = c.named(results[i].File)
	}
	if err := c.write(results); err != nil {
		return &exitError{exitUsage, err}
	}
	if err := c.print(os.Stdout, results, c.text(results)); err != nil {
		return err
	}
	if lab.Failed(results) > 0 {
		return errPolicyTests
	}
	return nil
}

func (c *PolicyTestCmd) text(results []lab.Result) string {
	text := ""
	for _, r := range results {
		if r.Problem == "" && !c.Verbose {
			continue
		}
		outcome := r.Problem
		if outcome == "" {
			outcome = "ok"
		}
		text += fmt.Sprintf("%s:%d: %s: %s\n", r.File, r.Line, lab.Show(r.Asks), outcome)
	}
	return text + fmt.Sprintf("%d tests, %d failed\n", len(results), lab.Failed(results))
}

// maxTestFile bounds a test file, in bytes.
const maxTestFile = 4 << 20

// cases reads the test files beside the policy and in tests/ below it. Their names are relative to the policy's folder.
func (c *PolicyTestCmd) cases() ([]lab.Case, error) {
	var cases []lab.Case
	for _, pattern := range []string{"*.txtar", filepath.Join("tests", "*.txtar")} {
		paths, err := filepath.Glob(filepath.Join(c.folder(), pattern))
		if err != nil {
			return nil, fmt.Errorf("read tests: %w", err)
		}
		for _, path := range paths {
			found, err := c.casesOf(path)
			if err != nil {
				return nil, err
			}
			cases = append(cases, found...)
		}
	}
	return cases, nil
}

func (c *PolicyTestCmd) casesOf(path string) ([]lab.Case, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read tests: %w", err)
	}
	if info.Size() > maxTestFile {
		return nil, fmt.Errorf("read tests: %s is larger than %d bytes", path, maxTestFile)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read tests: %w", err)
	}
	name, err := filepath.Rel(c.folder(), path)
	if err != nil {
		return nil, fmt.Errorf("read tests: %w", err)
	}
	return lab.ReadCases(policy.File{Name: name, Data: text})
}

// write writes the reports that were asked for.
func (c *PolicyTestCmd) write(results []lab.Result) error {
	if c.JUnit != "" {
		text, err := lab.JUnit(results)
		if err != nil {
			return err
		}
		if err := os.WriteFile(c.JUnit, text, 0o644); err != nil {
			return fmt.Errorf("write report: %w", err)
		}
	}
	if c.SARIF == "" {
		return nil
	}
	return writeSARIF(c.SARIF, lab.Failures(results))
}

func writeSARIF(path string, found []lab.Finding) error {
	text, err := lab.SARIF(found)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}
