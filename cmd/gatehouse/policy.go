package main

import "fmt"

// PolicyCmd works on policies as files; it needs no server. Exit status: 0 yes, 1 no, 2 the question could not be answered.
type PolicyCmd struct {
	Check    PolicyCheckCmd    `cmd:"" help:"Read a policy and report every mistake with its place."`
	Test     PolicyTestCmd     `cmd:"" help:"Check a policy and run its tests: those that it holds, and test files beside it."`
	Explain  PolicyExplainCmd  `cmd:"" help:"Say what a policy decides on a line, and why each rule matched or did not."`
	Lint     PolicyLintCmd     `cmd:"" help:"Find rules that are useless, or that grant more than they look."`
	Diff     PolicyDiffCmd     `cmd:"" help:"Compare what two policies do: what becomes allowed, asked or denied, for whom."`
	Simulate PolicySimulateCmd `cmd:"" help:"Decide again, by a proposed policy, what was really asked."`
	Shadow   PolicyShadowCmd   `cmd:"" help:"Report where the shadow policy of a running Gatehouse would have decided otherwise."`
	Tighten  PolicyTightenCmd  `cmd:"" help:"Print a patch that makes a policy as small as what was really used."`
	Access   PolicyAccessCmd   `cmd:"" help:"Say who can run what where: of an agent, or on a target."`
	Sign     PolicySignCmd     `cmd:"" help:"Sign a policy as its author or a reviewer, with an SSH key."`
	Verify   PolicyVerifyCmd   `cmd:"" help:"Check the signatures of a policy."`
	Schema   PolicySchemaCmd   `cmd:"" help:"Print the JSON Schema of policy files, for editors."`
}

// PolicyCheckCmd is `gatehouse policy check PATH`.
type PolicyCheckCmd struct {
	PolicyPath
}

// Run prints the policy's hash, the one that decisions carry.
func (c *PolicyCheckCmd) Run() error {
	p, err := c.read()
	if err != nil {
		return &exitError{exitNo, err}
	}
	fmt.Println("ok", p.Hash())
	return nil
}
