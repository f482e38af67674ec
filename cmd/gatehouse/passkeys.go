package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"gatehouse/internal/config"
	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
)

// PasskeysCmd is what root does about somebody's passkeys. People keep their own in the browser.
type PasskeysCmd struct {
	List   PasskeysListCmd   `cmd:"" help:"List a person's passkeys."`
	Remove PasskeysRemoveCmd `cmd:"" help:"Remove one of a person's passkeys, and end that person's sign-ins."`
	Reset  PasskeysResetCmd  `cmd:"" help:"Remove all of a person's passkeys, end the sign-ins, and print a set-up link for that person."`
}

// PersonFlag names somebody of the policy.
type PersonFlag struct {
	ConfigFlag
	Person string `required:"" help:"Whose passkeys."`
}

// ask puts a question to the decider.
func (f PersonFlag) ask(ctx context.Context, op protocol.Op, in, out any) error {
	settings, err := config.Load(f.Config)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	return withDecider(ctx, settings, func(call func(protocol.Op, any, any) error) error { return call(op, in, out) })
}

// PasskeysListCmd lists.
type PasskeysListCmd struct{ PersonFlag }

// Run prints one line a passkey.
func (c *PasskeysListCmd) Run(ctx context.Context) error {
	var list protocol.PasskeyList
	if err := c.ask(ctx, protocol.OpPasskeys, protocol.PasskeysOf{Person: c.Person, By: localUser()}, &list); err != nil {
		return err
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tNAME\tADDED\tLAST USED")
	for _, p := range list.Passkeys {
		used := "never"
		if !p.Used.IsZero() {
			used = p.Used.Format(time.RFC3339)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", p.ID, console.Visible(p.Name), p.Created.Format(time.RFC3339), used)
	}
	return w.Flush()
}

// PasskeysRemoveCmd removes one.
type PasskeysRemoveCmd struct {
	PersonFlag
	ID    string `arg:"" help:"The passkey, as list names it."`
	Force bool   `help:"Even the last one of somebody who has no other way in."`
}

// Run removes it.
func (c *PasskeysRemoveCmd) Run(ctx context.Context) error {
	in := protocol.PasskeyDrop{Person: c.Person, ID: c.ID, Force: c.Force, By: localUser()}
	if err := c.ask(ctx, protocol.OpPasskeyDrop, in, &protocol.Empty{}); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "removed %s of %s, whose sign-ins have ended\n", c.ID, c.Person)
	return nil
}

// PasskeysResetCmd removes all.
type PasskeysResetCmd struct{ PersonFlag }

// Run prints the link for the person.
func (c *PasskeysResetCmd) Run(ctx context.Context) error {
	settings, err := config.Load(c.Config)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	if !serviceRuns(settings) {
		return &exitError{exitUnavailable, errors.New("the set-up link would live in the running service, and none runs here: start it first, nothing was removed")}
	}
	var link protocol.Link
	if err := c.ask(ctx, protocol.OpPasskeyReset, protocol.PasskeysOf{Person: c.Person, By: localUser()}, &link); err != nil {
		return err
	}
	fmt.Println(link.URL)
	fmt.Fprintf(os.Stderr, "all passkeys of %s are removed; the link signs %s in once, until %s\n", link.Person, link.Person, link.Expires.UTC().Format("15:04:05 UTC"))
	return nil
}
