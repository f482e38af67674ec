package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/ca"
	"gatehouse/internal/config"
	"gatehouse/internal/decider"
	"gatehouse/internal/supervisor"
)

// caManifest reads what the CAs' keys are; without a running service too. For a decider that never ran they are made.
func caManifest(ctx context.Context, settings config.Config) (ca.Manifest, error) {
	dir := decider.CADir(supervisor.DeciderDir(settings.Data))
	m, err := ca.ReadManifest(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return m, err
	}
	if err := ctx.Err(); err != nil {
		return ca.Manifest{}, err
	}
	signers, err := localSigners(settings)
	if err != nil {
		return ca.Manifest{}, err
	}
	set, err := ca.OpenWith(dir, signers, time.Now)
	if err != nil {
		return ca.Manifest{}, err
	}
	return set.Manifest(), nil
}

// caKeys are the keys of a CA that whoever believes it is to trust, the one that signs first.
func caKeys(ctx context.Context, settings config.Config, name ca.Name) ([]ssh.PublicKey, error) {
	m, err := caManifest(ctx, settings)
	if err != nil {
		return nil, fmt.Errorf("read the %s CA's keys: %w", name, err)
	}
	return m.Trusted(name)
}
