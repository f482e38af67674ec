package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"gatehouse/bastion/shell"
	"gatehouse/bastion/shell/outline"
	"gatehouse/policy"
	"gatehouse/policy/lab"
)

// PolicyExplainCmd is `gatehouse policy explain PATH --as AGENT --on TARGET --login LOGIN -- LINE`, or with a file or a forward instead of the line.
type PolicyExplainCmd struct {
	PolicyPath
	InventoryFlag
	JSONFlag
	As      string            `required:"" placeholder:"AGENT" help:"Who asks: release-bot, or person:ann."`
	On      string            `required:"" placeholder:"TARGET" help:"The target."`
	Login   string            `required:"" help:"The login on the target."`
	PTY     bool              `name:"pty" help:"A pty is asked for (ssh -t); without a line, a prompt."`
	Step    bool              `help:"The line is one command of a governed shell."`
	Task    string            `help:"The task that the certificate names."`
	Env     map[string]string `help:"A variable that the client sets: NAME=VALUE." mapsep:"none"`
	From    string            `placeholder:"ADDRESS" help:"The client's address."`
	At      time.Time         `format:"2006-01-02T15:04:05Z07:00" placeholder:"TIME" help:"When it is asked, if not now: 2026-11-25T10:00:00Z."`
	Granted []string          `placeholder:"ROLE" help:"Suppose that it holds this role for a time."`
	Line    []string          `arg:"" optional:"" help:"The line, after --."`

	Read    string `xor:"what" placeholder:"FILE" help:"Instead of a line: this file is read."`
	Write   string `xor:"what" placeholder:"FILE" help:"Instead of a line: this file is written."`
	List    string `xor:"what" placeholder:"FOLDER" help:"Instead of a line: this folder is listed."`
	By      string `enum:"sftp,scp" default:"sftp" help:"Of a file: the protocol that carries it, sftp or scp."`
	Forward string `xor:"what" placeholder:"HOST:PORT" help:"Instead of a line: this endpoint, or the path of a socket, is reached."`
}

// Run prints the decision and why; exit status 1 if it is denied, or refused by a governed shell.
func (c *PolicyExplainCmd) Run() error {
	p, err := c.read()
	if err != nil {
		return err
	}
	ask, err := c.ask()
	if err != nil {
		return err
	}
	e := lab.Explain(p, ask, shell.Parse)
	lab.ExplainShell(&e, p, ask, outline.Read)
	for i := range e.Commands {
		for j := range e.Commands[i].Rules {
			e.Commands[i].Rules[j].File = c.named(e.Commands[i].Rules[j].File)
		}
	}
	if err := c.print(os.Stdout, e, e.String()); err != nil {
		return err
	}
	if e.Decision.Verdict == policy.Deny || e.Shell != nil && e.Shell.Refused != nil {
		return &exitError{exitNo, nil}
	}
	return nil
}

func (c *PolicyExplainCmd) ask() (lab.Ask, error) {
	targets, err := c.targets()
	if err != nil {
		return lab.Ask{}, err
	}
	ask := lab.Ask{As: c.As, Target: lab.Target{Name: c.On}, Login: policy.Login(c.Login), Line: strings.Join(c.Line, " "), PTY: c.PTY, Step: c.Step, Task: c.Task, Source: c.From, Now: c.At, Granted: c.Granted}
	if ask.Now.IsZero() {
		ask.Now = time.Now()
	}
	for _, t := range targets {
		if t.Name == c.On {
			ask.Target = t
		}
	}
	if targets != nil && ask.Target.Labels == nil && !inInventory(targets, c.On) {
		return lab.Ask{}, &exitError{exitUsage, fmt.Errorf("there is no target %q in the inventory", c.On)}
	}
	if err := c.place(&ask); err != nil {
		return lab.Ask{}, &exitError{exitUsage, err}
	}
	for name, value := range c.Env {
		ask.Env = append(ask.Env, policy.EnvVar{Name: name, Value: value})
	}
	return ask, nil
}

// place reads what is asked if it is no line.
func (c *PolicyExplainCmd) place(ask *lab.Ask) error {
	for op, path := range map[policy.FileOp]string{policy.OpRead: c.Read, policy.OpWrite: c.Write, policy.OpList: c.List} {
		if path != "" {
			ask.Carry = &policy.FileAsk{By: policy.Carrier(c.By), Op: op, Path: path}
		}
	}
	if c.Forward != "" {
		f, err := policy.ParseForwardAsk(c.Forward)
		if err != nil {
			return fmt.Errorf("--forward %q: %w", c.Forward, err)
		}
		ask.Forward = &f
	}
	asked, prompt := ask.Carry != nil || ask.Forward != nil, c.PTY && len(c.Line) == 0
	if asked == (len(c.Line) > 0 || prompt) {
		return errors.New("ask for one thing: a line after --, --read, --write, --list, --forward, or --pty alone for a prompt")
	}
	return nil
}

func inInventory(targets []lab.Target, name string) bool {
	for _, t := range targets {
		if t.Name == name {
			return true
		}
	}
	return false
}
