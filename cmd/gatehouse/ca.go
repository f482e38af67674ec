package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/ca"
	"gatehouse/internal/config"
	"gatehouse/internal/decider/protocol"
)

// CACmd looks at the certificate authorities.
type CACmd struct {
	Show     CAShowCmd     `cmd:"" help:"Print the public keys of a CA, as authorized_keys writes them."`
	Status   CAStatusCmd   `cmd:"" help:"Say where the four CAs are: keys, rotation, and what it waits for."`
	Inspect  CAInspectCmd  `cmd:"" help:"Explain a certificate or a public key, and say whether it would be accepted now."`
	Rotate   CARotateCmd   `cmd:"" help:"Take the next step of a CA's rotation, or take the last one back."`
	SignHost CASignHostCmd `cmd:"" name:"sign-host" help:"Certify a target's host key with the host CA."`
}

// CAShowCmd prints a CA's public keys.
type CAShowCmd struct {
	ConfigFlag
	Name string `arg:"" enum:"agent,target,host,face" help:"agent, target, host or face."`
}

// Run prints one line for each key that is to be trusted: during a rotation there are two. Keys that are not there yet are made.
func (c *CAShowCmd) Run(ctx context.Context) error {
	settings, err := config.Load(c.Config)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	keys, err := caKeys(ctx, settings, ca.Name(c.Name))
	if err != nil {
		return err
	}
	for _, key := range keys {
		fmt.Printf("%s gatehouse-%s-ca\n", trimLine(ssh.MarshalAuthorizedKey(key)), c.Name)
	}
	return nil
}

func trimLine(b []byte) string {
	for len(b) > 0 && b[len(b)-1] == '\n' {
		b = b[:len(b)-1]
	}
	return string(b)
}

// CASignHostCmd certifies a target's host key, for targets with host_ca: true.
type CASignHostCmd struct {
	ConfigFlag
	Target    string        `required:"" help:"The target's name in the inventory."`
	PublicKey string        `required:"" type:"existingfile" help:"The target's host key, such as a copy of its ssh_host_ed25519_key.pub."`
	TTL       time.Duration `name:"ttl" default:"2160h" help:"How long it is valid."`
}

// Run writes the host certificate beside the key.
func (c *CASignHostCmd) Run(ctx context.Context) error {
	settings, err := config.Load(c.Config)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	text, err := os.ReadFile(c.PublicKey)
	if err != nil {
		return fmt.Errorf("read host key: %w", err)
	}
	key, comment, _, _, err := ssh.ParseAuthorizedKey(text)
	if err != nil {
		return &exitError{exitUsage, fmt.Errorf("%s is not a public key: %w", c.PublicKey, err)}
	}
	var out protocol.Issued
	err = withDecider(ctx, settings, func(call func(protocol.Op, any, any) error) error {
		return call(protocol.OpSignHost, protocol.SignHost{Target: c.Target, PublicKey: key.Marshal(), TTL: c.TTL, By: localUser()}, &out)
	})
	if err != nil {
		return err
	}
	path, err := writeCertificate(c.PublicKey, out.Certificate, comment)
	if err != nil {
		return err
	}
	fmt.Printf("%s: host certificate for %s, serial %d, valid until %s\n", path, c.Target, out.Serial, out.NotAfter.Format(time.RFC3339))
	return nil
}
