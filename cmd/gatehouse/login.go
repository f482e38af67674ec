package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"gatehouse/web"
)

// LoginCmd gets a certificate for an agent by a proof that it has already, or for a person by the browser.
type LoginCmd struct {
	ServerFlag
	As         string        `help:"The agent to log in as. Without it a person logs in, by the browser."`
	Key        string        `type:"path" help:"The private key's file; made if there is none. The certificate goes beside it as FILE-cert.pub. Without it both are only in the running ssh-agent, for as long as the certificate is good."`
	TTL        time.Duration `name:"ttl" help:"How long the certificate is to be good; without it as long as the policy allows."`
	Task       string        `help:"What it is for; goes into the certificate, the audit log and the target's own log."`
	Source     []string      `help:"Where it may be used from, as prefixes such as 10.0.0.0/8."`
	KnownHosts string        `type:"path" help:"Write what ssh must know about the door and the targets into this file."`

	TokenFile     string `complete:"files" help:"The file with an OpenID Connect token, such as Kubernetes projects into a pod; - reads it from standard input. Otherwise GATEHOUSE_TOKEN, or a GitHub Actions job's own."`
	JoinTokenFile string `complete:"files" help:"The file with a one-time join token; - reads it from standard input."`
	Audience      string `help:"The audience that a GitHub Actions job's token is asked for; without it, the server's address."`

	PersonFlags
}

// Run logs an agent or a person in.
func (c *LoginCmd) Run(ctx context.Context) error {
	api, err := c.open()
	if err != nil {
		return err
	}
	defer api.close()
	if c.As == "" {
		return c.loginPerson(ctx, api)
	}
	// 1. A place for the key, before anything is used up.
	keys, err := openKeyPair(c.Key, "agent:"+c.As)
	if err != nil {
		return err
	}
	defer keys.close()
	// 2. The proof.
	in := web.CertificateRequest{Agent: c.As, PublicKey: keys.publicLine(), Task: c.Task, Sources: c.Source}
	if c.TTL != 0 {
		in.TTL = c.TTL.String()
	}
	if err := c.prove(ctx, &in); err != nil {
		return err
	}
	// 3. The certificate for it.
	var out web.Certificate
	if err := api.post(ctx, "/v1/certificates", in, &out); err != nil {
		return err
	}
	return c.keep(keys, out, "agent:"+c.As)
}

// keep puts the certificate where ssh finds it and says so.
func (c *LoginCmd) keep(keys *keyPair, out web.Certificate, principal string) error {
	where, err := keys.keep(out.Certificate, principal, time.Now())
	if err != nil {
		return err
	}
	if c.KnownHosts != "" {
		if err := writeLines(c.KnownHosts, out.KnownHosts, 0o644); err != nil {
			return fmt.Errorf("write known_hosts: %w", err)
		}
	}
	fmt.Fprintf(os.Stderr, "%s: %s, serial %s, good until %s\n", where, out.KeyID, out.Serial, out.NotAfter.UTC().Format(time.RFC3339))
	if out.RenewUntil != nil && out.RenewUntil.After(out.NotAfter) {
		fmt.Fprintf(os.Stderr, "renew it until %s with: gatehouse renew\n", out.RenewUntil.UTC().Format(time.RFC3339))
	}
	return nil
}

// errNoProof says all ways.
var errNoProof = errors.New("nothing here proves who this is: give --token-file or --join-token-file, set GATEHOUSE_TOKEN, or let the GitHub Actions job " +
	"have `permissions: {id-token: write}`; with a registered key use gatehouse renew")
