package main

import (
	"context"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"gatehouse/internal/config"
	"gatehouse/internal/decider/protocol"
)

// JoinTokenCmd makes and looks after one-time join tokens.
type JoinTokenCmd struct {
	Create JoinCreateCmd `cmd:"" help:"Print a one-time token with which an agent gets its first certificate."`
	List   JoinListCmd   `cmd:"" help:"List the tokens that have not expired."`
	Remove JoinRemoveCmd `cmd:"" help:"Remove a token, so that nobody can use it."`
}

// JoinCreateCmd makes a join token.
type JoinCreateCmd struct {
	ConfigFlag
	Agent string        `required:"" help:"The agent it is for; its policy must list enrol: [join]."`
	TTL   time.Duration `name:"ttl" default:"10m" help:"How long it can be used; at most 24h."`
}

// Run prints the token alone on standard output: it is not shown again.
func (c *JoinCreateCmd) Run(ctx context.Context) error {
	var out protocol.JoinCreated
	if err := askAdmin(ctx, c.Config, protocol.OpJoinCreate, protocol.JoinCreate{Agent: c.Agent, TTL: c.TTL, By: localUser()}, &out); err != nil {
		return err
	}
	fmt.Println(out.Secret)
	fmt.Fprintf(os.Stderr, "%s for agent:%s, for one certificate, until %s; it is not shown again\n", out.Token.ID, out.Token.Agent, out.Token.Expires.Format(time.RFC3339))
	return nil
}

// JoinListCmd lists join tokens.
type JoinListCmd struct {
	ConfigFlag
	JSON bool `help:"Answer in JSON."`
}

// Run prints a table without secrets.
func (c *JoinListCmd) Run(ctx context.Context) error {
	var out protocol.JoinList
	if err := askAdmin(ctx, c.Config, protocol.OpJoinList, protocol.Empty{}, &out); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(out.Tokens)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tAGENT\tEXPIRES\tUSED\tMADE BY")
	for _, t := range out.Tokens {
		used := "-"
		if !t.Used.IsZero() {
			used = t.Used.Format(time.RFC3339)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", t.ID, t.Agent, t.Expires.Format(time.RFC3339), used, t.By)
	}
	return w.Flush()
}

// JoinRemoveCmd removes a join token.
type JoinRemoveCmd struct {
	ConfigFlag
	ID string `arg:"" help:"The token's id, jt_…."`
}

// Run removes it.
func (c *JoinRemoveCmd) Run(ctx context.Context) error {
	return askAdmin(ctx, c.Config, protocol.OpJoinRemove, protocol.Remove{Name: c.ID, By: localUser()}, &protocol.Empty{})
}

// askAdmin asks the decider one thing as root on its machine.
func askAdmin(ctx context.Context, configPath string, op protocol.Op, in, out any) error {
	settings, err := config.Load(configPath)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	return withDecider(ctx, settings, func(call func(protocol.Op, any, any) error) error { return call(op, in, out) })
}
