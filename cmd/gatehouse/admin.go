package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"syscall"

	"gatehouse/internal/config"
	"gatehouse/internal/decider"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/supervisor"
)

// withDecider asks the running decider over its socket, which only root can open; where none runs, it takes the decider's
// folder itself for as long as the question lasts. Either way the audit log has it.
func withDecider(ctx context.Context, settings config.Config, ask func(call func(op protocol.Op, in, out any) error) error) error {
	conn, err := net.Dial("unix", supervisor.AdminSocket(settings.Data))
	if err == nil {
		client := protocol.NewClient(conn, nil)
		defer client.Close()
		return ask(func(op protocol.Op, in, out any) error { return client.Call(ctx, op, in, out) })
	}
	if !errors.Is(err, os.ErrNotExist) && !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("ask the decider: %w (run this as root)", err)
	}
	signers, err := localSigners(settings)
	if err != nil {
		return err
	}
	d, err := decider.Open(ctx, decider.Config{Keep: settings.Recordings.Rules(), Dir: supervisor.DeciderDir(settings.Data), Node: settings.Node, Names: settings.SSH.Names,
		WebURL: webURL(settings), Policy: settings.Policy, Targets: settings.Targets, Bundles: signedBundles(settings), Signers: signers, Export: settings.Export, Log: logger(settings, "decider")})
	if err != nil {
		return err
	}
	err = ask(func(op protocol.Op, in, out any) error { return callDirect(ctx, d, op, in, out) })
	// A service that starts meanwhile has looked at the folder's owners already.
	return errors.Join(err, d.Close(), supervisor.HandOver(settings))
}

func callDirect(ctx context.Context, d *decider.Decider, op protocol.Op, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encode %s: %w", op, err)
	}
	answer, err := d.HandleAdmin(ctx, op, body)
	if err != nil {
		return err
	}
	text, err := json.Marshal(answer)
	if err != nil {
		return fmt.Errorf("encode answer to %s: %w", op, err)
	}
	return protocol.Decode(text, out)
}

// localUser names who runs the command, for the log.
func localUser() string {
	if sudo := os.Getenv("SUDO_USER"); sudo != "" {
		return sudo
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "unknown"
}

// serviceRuns says whether a service answers here; the socket of one that was killed lies about.
func serviceRuns(settings config.Config) bool {
	conn, err := net.Dial("unix", supervisor.AdminSocket(settings.Data))
	if err != nil {
		return false
	}
	return conn.Close() == nil
}

// SetupLinkCmd prints a sign-in link.
type SetupLinkCmd struct {
	ConfigFlag
	Person string `required:"" help:"Who will be signed in: a person of the policy."`
}

// Run prints the link.
func (c *SetupLinkCmd) Run(ctx context.Context) error {
	settings, err := config.Load(c.Config)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	if !serviceRuns(settings) {
		return &exitError{exitUnavailable, errors.New("a link lives in the running service, and none runs here")}
	}
	var link protocol.Link
	err = withDecider(ctx, settings, func(call func(protocol.Op, any, any) error) error {
		return call(protocol.OpSetupLink, protocol.SetupLink{Person: c.Person, By: localUser()}, &link)
	})
	if err != nil {
		return err
	}
	fmt.Println(link.URL)
	fmt.Fprintf(os.Stderr, "signs in %s once, until %s\n", link.Person, link.Expires.UTC().Format("15:04:05 UTC"))
	return nil
}

// ReloadCmd reads policy and targets again.
type ReloadCmd struct{ ConfigFlag }

// Run says what is in force; what is on disk and not valid is exit 1.
func (c *ReloadCmd) Run(ctx context.Context) error {
	settings, err := config.Load(c.Config)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	var r protocol.Reloaded
	err = withDecider(ctx, settings, func(call func(protocol.Op, any, any) error) error {
		return call(protocol.OpReload, protocol.Empty{}, &r)
	})
	if err != nil {
		return err
	}
	fmt.Printf("in force: %s\n", r.PolicyHash)
	if r.Problem != "" {
		return &exitError{exitNo, fmt.Errorf("the files on disk are NOT in force: %s", r.Problem)}
	}
	return nil
}
