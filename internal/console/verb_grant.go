package console

import (
	"context"
	"io"
	"time"

	"gatehouse/policy/access"
)

type grantsListCmd struct {
	All    bool   `help:"Those that have ended, too."`
	Who    string `help:"Only those of this agent or person, such as agent:NAME." placeholder:"PRINCIPAL"`
	Task   string `help:"Only those of this task." placeholder:"TASK"`
	Before string `help:"Only those older than this one (the next page)." placeholder:"ID"`
}

func (g *grantsListCmd) Run(in *invocation) error {
	a, err := in.access()
	if err != nil {
		return err
	}
	if err := principal(g.Who); err != nil {
		return err
	}
	page, next, err := a.Grants(in.ctx, in.who, AccessFilter{Live: !g.All, Who: g.Who, Task: g.Task, Before: g.Before})
	if err != nil {
		return err
	}
	if err := in.printGrants(page, next); err != nil || in.json {
		return err
	}
	if next != "" {
		in.printf("\nOlder ones: grants list --before %s\n", Visible(next))
	}
	return nil
}

// printGrants prints two lines a grant, so that nothing is cut.
func (in *invocation) printGrants(page []access.Grant, next string) error {
	if in.json {
		return in.printJSON(struct {
			Grants []access.Grant `json:"grants"`
			Next   string         `json:"next,omitempty"`
		}{append([]access.Grant{}, page...), next})
	}
	if len(page) == 0 {
		in.println("No grants.")
	}
	for _, g := range page {
		in.printf("%s  %s: %s\n    %s\n", Visible(g.ID), Visible(g.By.Principal), Visible(ScopeText(g.Scope)), Visible(GrantText(g, in.c.cfg.Now())))
	}
	return nil
}

type grantsEndCmd struct {
	ID     string `arg:"" help:"The grant, or a unique beginning of its id."`
	Reason string `help:"Why, in one line; whoever holds it reads it." required:"" placeholder:"TEXT"`
}

func (g *grantsEndCmd) Run(in *invocation) error { return in.endGrants(g.ID, g.Reason) }

type doneCmd struct {
	Reason string `help:"What to note, in one line." placeholder:"TEXT" default:"the task is done"`
}

// Run ends the caller's own grants of its task.
func (d *doneCmd) Run(in *invocation) error { return in.endGrants("", d.Reason) }

func (in *invocation) endGrants(id, reason string) error {
	a, err := in.access()
	if err != nil {
		return err
	}
	words, err := line("a reason", reason)
	if err != nil {
		return err
	}
	ended, err := a.EndGrants(in.ctx, in.who, id, words)
	if err != nil {
		return err
	}
	return in.printGrants(ended, "")
}

type heartbeatCmd struct {
	ID    string        `arg:"" optional:"" help:"The grant; without it, your own of this task."`
	Every time.Duration `help:"Go on so often, until the standard input ends." placeholder:"20s"`
}

func (h *heartbeatCmd) Run(in *invocation) error {
	a, err := in.access()
	if err != nil {
		return err
	}
	if h.Every != 0 && (h.Every < time.Second || h.Every > time.Hour) {
		return usagef("--every takes a time from 1s to 1h")
	}
	alive, err := a.Beat(in.ctx, in.who, h.ID)
	if err != nil {
		return err
	}
	if err := in.printGrants(alive, ""); err != nil || h.Every == 0 {
		return err
	}
	ctx, stop := in.untilEnd()
	defer stop()
	tick := time.NewTicker(h.Every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return in.ctx.Err()
		case <-tick.C:
		}
		if _, err := a.Beat(in.ctx, in.who, h.ID); err != nil { // an ended grant says so
			return err
		}
	}
}

// untilEnd returns a context that ends with the standard input, on a terminal by a key.
func (in *invocation) untilEnd() (context.Context, context.CancelFunc) {
	if in.std.PTY || in.std.In == nil {
		return in.untilKey()
	}
	ctx, cancel := context.WithCancel(in.ctx)
	go func() { // ends with the input, at the latest when Run has returned
		defer cancel()
		_, _ = io.Copy(io.Discard, in.std.In)
	}()
	return ctx, cancel
}
