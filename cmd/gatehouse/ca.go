package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/ca"
	"gatehouse/internal/config"
	"gatehouse/internal/decider"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/supervisor"
)

// CACmd looks at the certificate authorities.
type CACmd struct {
	Show     CAShowCmd     `cmd:"" help:"Print a CA's public key, as authorized_keys writes it."`
	SignHost CASignHostCmd `cmd:"" name:"sign-host" help:"Certify a target's host key with the host CA."`
}

// CAShowCmd prints a CA's public key.
type CAShowCmd struct {
	ConfigFlag
	Name string `arg:"" enum:"agent,target,host,face" help:"agent, target, host or face."`
}

// Run prints one line. Keys that are not there yet are made.
func (c *CAShowCmd) Run(ctx context.Context) error {
	settings, err := config.Load(c.Config)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	key, err := caKey(ctx, settings, c.Name)
	if err != nil {
		return err
	}
	fmt.Printf("%s gatehouse-%s-ca\n", trimLine(ssh.MarshalAuthorizedKey(key)), c.Name)
	return nil
}

// caKey reads a CA's public key; a decider that never ran is opened once, so that the keys exist.
func caKey(ctx context.Context, settings config.Config, name string) (ssh.PublicKey, error) {
	file := map[string]string{"agent": ca.AgentKeyFile, "target": ca.TargetKeyFile, "host": ca.HostKeyFile, "face": ca.FaceKeyFile}[name]
	dir := decider.CADir(supervisor.DeciderDir(settings.Data))
	path := filepath.Join(dir, file+".pub")
	if _, err := os.Stat(path); os.IsNotExist(err) {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("make CA folder: %w", err)
		}
		if _, err := ca.Open(dir, time.Now); err != nil {
			return nil, err
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read CA key: %w", err)
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey(text)
	if err != nil {
		return nil, fmt.Errorf("read CA key %s: %w", path, err)
	}
	return key, nil
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
