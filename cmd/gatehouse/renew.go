package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/policy"
)

// RenewCmd gets a new certificate for a key file over SSH: by the certificate that is still good, or by the key itself where
// an administrator registered it. It runs the stock client, whose configuration, agents and hardware tokens are the user's own.
type RenewCmd struct {
	Key  string        `required:"" type:"path" help:"The private key's file; FILE.pub must be there, and FILE-cert.pub is replaced."`
	TTL  time.Duration `name:"ttl" help:"How long the certificate is to be good; without it as long as there may be."`
	Task string        `help:"What it is for; with a registered key."`
	Host string        `default:"gatehouse" env:"GATEHOUSE_HOST" help:"The host as ssh knows it."`
}

// Run replaces the certificate.
func (c *RenewCmd) Run(ctx context.Context) error {
	text, err := os.ReadFile(c.Key + ".pub")
	if err != nil {
		return &exitError{exitUsage, fmt.Errorf("read public key: %w", err)}
	}
	key, comment, _, _, err := ssh.ParseAuthorizedKey(text)
	if err != nil {
		return &exitError{exitUsage, fmt.Errorf("%s.pub is not a public key such as ssh-keygen writes: %w", c.Key, err)}
	}
	argv := policy.Argv{"renew"}
	if c.TTL != 0 {
		argv = append(argv, "--ttl", c.TTL.String())
	}
	if c.Task != "" {
		argv = append(argv, "--task", c.Task)
	}
	line, err := c.ask(ctx, policy.Plan{Op: policy.OpRun, Argv: argv}.String())
	if err != nil {
		return err
	}
	cert, err := checkCertificate(line, key, "", time.Now())
	if err != nil {
		return err
	}
	path := c.Key + "-cert.pub"
	if err := writeLines(path, []string{trimLine(ssh.MarshalAuthorizedKey(cert)) + " " + comment}, 0o644); err != nil {
		return fmt.Errorf("write certificate: %w", err)
	}
	fmt.Fprintf(os.Stderr, "%s: %s, serial %d, good until %s\n", path, cert.KeyId, cert.Serial, time.Unix(int64(cert.ValidBefore), 0).UTC().Format(time.RFC3339))
	return nil
}

// ask runs ssh with this key and returns what it prints.
func (c *RenewCmd) ask(ctx context.Context, line string) (string, error) {
	args := []string{"-T", "-o", "IdentitiesOnly=yes", "-i", c.Key}
	if config := os.Getenv("GATEHOUSE_SSH_CONFIG"); config != "" {
		args = append(args, "-F", config)
	}
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, "ssh", append(args, "--", c.Host, line)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, &out, os.Stderr
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && exit.ExitCode() == 255:
		return "", &exitError{exitUnavailable, nil}
	case errors.As(err, &exit):
		return "", &exitError{exit.ExitCode(), nil}
	}
	return out.String(), err
}
