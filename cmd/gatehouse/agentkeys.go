package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/decider/protocol"
)

// KeysCmd registers and looks after agents' keys.
type KeysCmd struct {
	Add    KeyAddCmd    `cmd:"" help:"Register an agent's public key: whoever holds it gets certificates by ssh BASTION renew."`
	List   KeyListCmd   `cmd:"" help:"List the registered keys."`
	Remove KeyRemoveCmd `cmd:"" help:"Remove a key; certificates that it got end by themselves, within the hour."`
}

// KeyAddCmd registers a key.
type KeyAddCmd struct {
	ConfigFlag
	Agent     string `required:"" help:"The agent whose it is; its policy must list enrol: [key]."`
	PublicKey string `required:"" type:"existingfile" help:"The public key file, NAME.pub; hardware keys (sk-…) are fine."`
}

// Run registers it.
func (c *KeyAddCmd) Run(ctx context.Context) error {
	text, err := os.ReadFile(c.PublicKey)
	if err != nil {
		return fmt.Errorf("read public key: %w", err)
	}
	key, comment, options, rest, err := ssh.ParseAuthorizedKey(text)
	if err != nil || len(options) > 0 || strings.TrimSpace(string(rest)) != "" {
		return &exitError{exitUsage, fmt.Errorf("%s is not one public key such as ssh-keygen writes", c.PublicKey)}
	}
	var out protocol.AgentKey
	in := protocol.KeyAdd{Agent: c.Agent, PublicKey: key.Marshal(), Comment: comment, By: localUser()}
	if err := askAdmin(ctx, c.Config, protocol.OpKeyAdd, in, &out); err != nil {
		return err
	}
	fmt.Printf("%s is agent:%s's\n", out.Fingerprint, out.Agent)
	return nil
}

// KeyListCmd lists the registered keys.
type KeyListCmd struct {
	ConfigFlag
	JSON bool `help:"Answer in JSON."`
}

// Run prints a table.
func (c *KeyListCmd) Run(ctx context.Context) error {
	var out protocol.KeyList
	if err := askAdmin(ctx, c.Config, protocol.OpKeyList, protocol.Empty{}, &out); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(out.Keys)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "AGENT\tFINGERPRINT\tTYPE\tREGISTERED\tBY\tCOMMENT")
	for _, k := range out.Keys {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", k.Agent, k.Fingerprint, k.Type, k.Made.Format(time.RFC3339), k.By, k.Comment)
	}
	return w.Flush()
}

// KeyRemoveCmd removes a registered key.
type KeyRemoveCmd struct {
	ConfigFlag
	Fingerprint string `arg:"" help:"SHA256:…, as keys list and ssh-keygen -l write it."`
}

// Run removes it.
func (c *KeyRemoveCmd) Run(ctx context.Context) error {
	return askAdmin(ctx, c.Config, protocol.OpKeyRemove, protocol.Remove{Name: c.Fingerprint, By: localUser()}, &protocol.Empty{})
}
