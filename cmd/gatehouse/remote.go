package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"

	"github.com/alecthomas/kong"

	"gatehouse/policy"
)

// RemoteCmd is a verb of the SSH console, asked with the stock ssh client: its configuration, keys, agents and hardware
// tokens are the user's own. The host is "gatehouse", as ssh-config writes it, or GATEHOUSE_HOST.
type RemoteCmd struct {
	Args []string `arg:"" optional:"" help:"The verb's arguments."`
}

// Run runs ssh in this program's place, as far as the user can tell.
func (c *RemoteCmd) Run(ctx context.Context, k *kong.Context) error {
	return askConsole(ctx, append([]string{k.Selected().Name}, c.Args...))
}

// askConsole runs a verb of the console by the stock ssh client.
func askConsole(ctx context.Context, argv policy.Argv) error {
	return askConsoleWith(ctx, "", argv, os.Stdin, os.Stdout)
}

// askConsoleWith does so on a host as ssh knows it, where one is given, and with these streams.
func askConsoleWith(ctx context.Context, host string, argv policy.Argv, in io.Reader, out io.Writer) error {
	if host == "" {
		host = os.Getenv("GATEHOUSE_HOST")
	}
	if host == "" {
		host = "gatehouse"
	}
	line := policy.Plan{Op: policy.OpRun, Argv: argv}.String()
	var args []string
	if config := os.Getenv("GATEHOUSE_SSH_CONFIG"); config != "" {
		args = append(args, "-F", config)
	}
	cmd := exec.CommandContext(ctx, "ssh", append(args, "--", host, line)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, os.Stderr
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && exit.ExitCode() == 255:
		return &exitError{exitUnavailable, fmt.Errorf("ssh did not reach %s, or lost it (see gatehouse ssh-config; GATEHOUSE_HOST names another host, GATEHOUSE_SSH_CONFIG its configuration)", host)}
	case errors.As(err, &exit):
		return &exitError{exit.ExitCode(), nil}
	}
	return err
}
