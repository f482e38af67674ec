package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"gatehouse/internal/config"
	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
	"gatehouse/policy/access"
)

// HereFlags say whether a verb is for the Gatehouse of this machine, by root, or for another by ssh.
type HereFlags struct {
	ConfigFlag
	Server string `placeholder:"HOST" help:"Ask that host by ssh, whatever runs here."`
}

// settings are this machine's, if it has a configuration and no other host is meant.
func (h *HereFlags) settings() (config.Config, bool, error) {
	if h.Server != "" || os.Getenv("GATEHOUSE_HOST") != "" {
		return config.Config{}, false, nil
	}
	if _, err := os.Stat(h.Config); errors.Is(err, os.ErrNotExist) {
		return config.Config{}, false, nil
	}
	settings, err := config.Load(h.Config)
	if err != nil {
		return settings, true, &exitError{exitUsage, err}
	}
	return settings, true, nil
}

// ask does what a verb is about: here, or as the console's verb over ssh.
func (h *HereFlags) ask(ctx context.Context, verb policy.Argv, op protocol.Op, in, out any, print func()) error {
	settings, here, err := h.settings()
	if err != nil {
		return err
	}
	if !here {
		return askConsoleWith(ctx, h.Server, verb, os.Stdin, os.Stdout)
	}
	if err := withDecider(ctx, settings, func(call func(protocol.Op, any, any) error) error { return call(op, in, out) }); err != nil {
		return revokeExit(err)
	}
	print()
	return nil
}

// LockCmd stops something, now.
type LockCmd struct {
	HereFlags
	Subject string `arg:"" help:"everything, ses_…, con_…, agent:NAME, person:NAME, owner:person:NAME, owner:group:NAME, task:TEXT, target:NAME, group:NAME or rule:ID"`
	Reason  string `required:"" placeholder:"TEXT" help:"Why, in one line; it is recorded and shown to the clients."`
	Until   string `placeholder:"TIME" help:"When it ends by itself: 8h from now, or 2026-11-23T10:00:00Z. Without it, it stands until it is lifted."`
}

// Help says where it works.
func (LockCmd) Help() string {
	return "On Gatehouse's own machine root asks the service directly, which needs no network, no database and no room on the disk; elsewhere it is the console's verb, over ssh."
}

// Run says what was ended.
func (c *LockCmd) Run(ctx context.Context) error {
	what, err := console.ParseSubject(c.Subject)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	until, err := console.ParseUntil(c.Until, time.Now())
	if err != nil {
		return &exitError{exitUsage, err}
	}
	verb := policy.Argv{"lock", c.Subject, "--reason", c.Reason}
	if c.Until != "" {
		verb = append(verb, "--until", c.Until)
	}
	var out console.LockReport
	in := protocol.Lock{By: localUser(), Order: console.LockOrder{What: what, Reason: strings.TrimSpace(c.Reason), Until: until}}
	return c.ask(ctx, verb, protocol.OpLock, in, &out, func() { fmt.Print(out.Text()) })
}

// UnlockCmd lifts a lock.
type UnlockCmd struct {
	HereFlags
	ID     string `arg:"" help:"The lock, or a unique beginning of its id."`
	Reason string `required:"" placeholder:"TEXT" help:"Why, in one line; it is recorded."`
}

// Run says what became of it.
func (c *UnlockCmd) Run(ctx context.Context) error {
	var out access.Lock
	in := protocol.AccessName{By: localUser(), ID: c.ID, Words: strings.TrimSpace(c.Reason)}
	return c.ask(ctx, policy.Argv{"unlock", c.ID, "--reason", c.Reason}, protocol.OpUnlock, in, &out, func() { fmt.Print(console.UnlockText(out)) })
}

// LocksCmd lists the locks that stand.
type LocksCmd struct{ HereFlags }

// Run lists them.
func (c *LocksCmd) Run(ctx context.Context) error {
	var out protocol.Locks
	return c.ask(ctx, policy.Argv{"locks"}, protocol.OpLocks, protocol.AccessName{By: localUser()}, &out, func() { fmt.Print(console.LocksText(out.List, time.Now())) })
}
