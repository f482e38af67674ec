package testgate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"gatehouse/internal/testhost"
)

// Run runs the gatehouse program.
func (g *Gate) Run(ctx context.Context, args ...string) (testhost.Result, error) {
	return testhost.Run(ctx, nil, g.cfg.Binary, args...)
}

// Enrol makes a key, a certificate and an ssh_config for an agent or a person ("agent:demo", "person:ann"), and returns the
// ssh_config's path. more are further arguments of `gatehouse issue`.
func (g *Gate) Enrol(ctx context.Context, kind, name string, more ...string) (config string, err error) {
	folder := filepath.Join(g.cfg.Dir, "client-"+name)
	key := filepath.Join(folder, "id")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", fmt.Errorf("make client's folder: %w", err)
	}
	if _, err := os.Stat(key); err != nil {
		if err := must(testhost.Run(ctx, nil, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", key)); err != nil {
			return "", err
		}
	}
	args := append([]string{"issue", "--config", g.Path, "--" + kind, name, "--public-key", key + ".pub"}, more...)
	if err := must(g.Run(ctx, args...)); err != nil {
		return "", err
	}
	if err := must(g.Run(ctx, "ssh-config", "--config", g.Path, "--identity", key, "--out", folder)); err != nil {
		return "", err
	}
	return g.Client(name), nil
}

// Client is the path of an enrolled client's ssh_config.
func (g *Gate) Client(name string) string {
	return filepath.Join(g.cfg.Dir, "client-"+name, "ssh_config")
}

// SSH runs the stock client as an enrolled client.
func (g *Gate) SSH(ctx context.Context, who string, stdin io.Reader, args ...string) (testhost.Result, error) {
	return testhost.SSH(ctx, g.Client(who), stdin, append([]string{"-o", "BatchMode=yes"}, args...)...)
}

func must(r testhost.Result, err error) error {
	if err == nil && r.Status != 0 {
		err = errors.New("exit status not 0")
	}
	if err != nil {
		return fmt.Errorf("%w: %s%s", err, r.Stdout, r.Stderr)
	}
	return nil
}
