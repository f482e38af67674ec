package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/config"
	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
)

// IssueCmd issues a certificate that opens the door.
type IssueCmd struct {
	ConfigFlag
	Agent     string        `xor:"who" required:"" help:"The agent it is for."`
	Person    string        `xor:"who" required:"" help:"The person it is for."`
	PublicKey string        `required:"" type:"existingfile" help:"The public key file, NAME.pub; the certificate is written beside it as NAME-cert.pub."`
	TTL       time.Duration `name:"ttl" default:"15m" help:"How long it is valid; no longer than the policy allows."`
	Task      string        `help:"What it is for; goes into the certificate, the audit log and the target's own log."`
	Source    []string      `help:"Where it may be used from, as prefixes such as 10.0.0.0/8."`
}

// Run writes the certificate.
func (c *IssueCmd) Run(ctx context.Context) error {
	settings, err := config.Load(c.Config)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	text, err := os.ReadFile(c.PublicKey)
	if err != nil {
		return fmt.Errorf("read public key: %w", err)
	}
	key, comment, _, _, err := ssh.ParseAuthorizedKey(text)
	if err != nil {
		return &exitError{exitUsage, fmt.Errorf("%s is not a public key such as ssh-keygen writes: %w", c.PublicKey, err)}
	}
	in := protocol.Issue{Kind: policy.Agent, Name: c.Agent, Task: c.Task, PublicKey: key.Marshal(), TTL: c.TTL, Sources: c.Source, By: localUser()}
	if c.Person != "" {
		in.Kind, in.Name = policy.Person, c.Person
	}
	var out protocol.Issued
	err = withDecider(ctx, settings, func(call func(protocol.Op, any, any) error) error {
		return call(protocol.OpIssue, in, &out)
	})
	if err != nil {
		return err
	}
	path, err := writeCertificate(c.PublicKey, out.Certificate, comment)
	if err != nil {
		return err
	}
	fmt.Printf("%s: %s, serial %d, valid until %s\n", path, out.KeyID, out.Serial, out.NotAfter.Format(time.RFC3339))
	return nil
}

// writeCertificate puts NAME-cert.pub beside NAME.pub, where ssh looks for it.
func writeCertificate(publicKey string, wire []byte, comment string) (string, error) {
	cert, err := ssh.ParsePublicKey(wire)
	if err != nil {
		return "", fmt.Errorf("read certificate: %w", err)
	}
	base, ok := strings.CutSuffix(publicKey, ".pub")
	if !ok {
		return "", &exitError{exitUsage, errors.New("the public key file's name must end in .pub")}
	}
	line := strings.TrimSuffix(string(ssh.MarshalAuthorizedKey(cert)), "\n")
	if comment != "" {
		line += " " + comment
	}
	path := base + "-cert.pub"
	if err := os.WriteFile(path, []byte(line+"\n"), 0o644); err != nil {
		return "", fmt.Errorf("write certificate: %w", err)
	}
	return path, nil
}
