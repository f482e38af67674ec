package main

import (
	"errors"
	"fmt"
	"os"

	"gatehouse/bastion/shell"
	"gatehouse/internal/decider"
	"gatehouse/policy"
)

// PolicyCmd reads a policy as the service would; it needs no server.
type PolicyCmd struct {
	Check PolicyCheckCmd `cmd:"" help:"Read a policy and report every mistake with its place."`
	Test  PolicyTestCmd  `cmd:"" help:"Check a policy and run the tests that it holds."`
}

// PolicyCheckCmd is `gatehouse policy check PATH`.
type PolicyCheckCmd struct {
	Path string `arg:"" help:"A policy file, or a folder of *.yaml."`
}

// Run prints the policy's hash, the one that decisions carry.
func (c *PolicyCheckCmd) Run() error {
	p, err := readPolicy(c.Path)
	if err != nil {
		return err
	}
	fmt.Println("ok", p.Hash())
	return nil
}

// PolicyTestCmd is `gatehouse policy test PATH`.
type PolicyTestCmd struct {
	Path    string `arg:"" help:"A policy file, or a folder of *.yaml."`
	Verbose bool   `short:"v" help:"Show the tests that pass too."`
}

// errPolicyTests says that a policy does not decide what its tests expect.
var errPolicyTests = errors.New("the policy does not decide what its tests expect")

// Run prints the tests that fail, and how many there are.
func (c *PolicyTestCmd) Run() error {
	p, err := readPolicy(c.Path)
	if err != nil {
		return err
	}
	results := p.RunTests(shell.Parse)
	failed := 0
	for _, r := range results {
		if r.Problem != "" {
			failed++
		}
		if r.Problem != "" || c.Verbose {
			fmt.Println(describeTest(r))
		}
	}
	fmt.Printf("%d tests, %d failed\n", len(results), failed)
	if failed > 0 {
		return errPolicyTests
	}
	return nil
}

func describeTest(r policy.TestResult) string {
	outcome := "ok"
	if r.Problem != "" {
		outcome = r.Problem
	}
	return fmt.Sprintf("%s:%d: %s as %s@%s %q: %s", r.Test.File, r.Test.Line, r.Test.As, r.Test.Login, r.Test.Target, r.Test.Run, outcome)
}

func readPolicy(path string) (*policy.Policy, error) {
	files, err := decider.ReadPolicy(path)
	if err != nil {
		return nil, err
	}
	p, err := policy.Parse(files)
	var wrong *policy.ParseError
	if errors.As(err, &wrong) {
		for _, problem := range wrong.Problems {
			fmt.Fprintln(os.Stderr, problem)
		}
		return nil, fmt.Errorf("%s is not a valid policy", path)
	}
	return p, err
}
