package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"gatehouse/internal/testgate"
	"gatehouse/internal/testhost"
	"gatehouse/internal/testshell"
)

// uid is the login's on the target.
const uid = 2001

// keysFile has the key that opens the target straight, without Gatehouse.
const keysFile = "/run/target/etc/plain_keys"

// remote starts a target and a Gatehouse before it, and makes both ways to it.
func remote(ctx context.Context, root string) (*testshell.Remote, func() error, error) {
	if err := os.Chmod(root, 0o755); err != nil {
		return nil, nil, err
	}
	policy, err := os.ReadFile(filepath.Join("scripts", "shelldiff", "policy.yaml"))
	if err != nil {
		return nil, nil, err
	}
	binary, err := filepath.Abs(filepath.Join("bin", "gatehouse"))
	if err != nil {
		return nil, nil, err
	}
	host := testhost.Config{Name: "web-1", Accounts: []testhost.Account{{Name: "deploy", UID: uid, Shell: "/bin/bash"}}, Options: []string{"AuthorizedKeysFile " + keysFile}}
	dir := filepath.Join(root, "gate")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, nil, err
	}
	gate, err := testgate.Start(ctx, testgate.Config{Dir: dir, Binary: binary, Policy: string(policy), Hosts: []testhost.Config{host}})
	if err != nil {
		return nil, nil, err
	}
	r, err := ways(ctx, root, gate)
	if err != nil {
		return nil, nil, errors.Join(err, gate.Close())
	}
	return r, gate.Close, nil
}

// ways enrols the agent, and gives the target a key of our own.
func ways(ctx context.Context, root string, gate *testgate.Gate) (*testshell.Remote, error) {
	if _, err := gate.Enrol(ctx, "agent", "bot"); err != nil {
		return nil, err
	}
	target := gate.Hosts["web-1"]
	home, err := target.Path("/home/deploy")
	if err != nil {
		return nil, err
	}
	key := filepath.Join(root, "plain")
	if out, err := exec.CommandContext(ctx, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("make a key: %w: %s", err, out)
	}
	public, err := os.ReadFile(key + ".pub")
	if err != nil {
		return nil, err
	}
	keys := filepath.Join(filepath.Dir(filepath.Dir(home)), "etc", filepath.Base(keysFile))
	known, config := filepath.Join(root, "known"), filepath.Join(root, "config")
	plain := testhost.ClientHost{Alias: "plain", Addr: target.Addr(), User: "deploy", Identity: key, KnownHosts: known}
	if err := errors.Join(os.WriteFile(keys, public, 0o644), os.WriteFile(known, []byte(target.KnownHosts()), 0o644), testhost.WriteSSHConfig(config, plain)); err != nil {
		return nil, err
	}
	return &testshell.Remote{
		Home: home, UID: uid,
		Plain: func(ctx context.Context, stdin io.Reader, words ...string) (testhost.Result, error) {
			return testhost.SSH(ctx, config, stdin, append([]string{"plain"}, words...)...)
		},
		Gate: func(ctx context.Context, stdin io.Reader, words ...string) (testhost.Result, error) {
			return gate.SSH(ctx, "bot", stdin, append([]string{"deploy@web-1@gatehouse"}, words...)...)
		},
	}, nil
}

// way is how a case comes to its shell: each in its turn, but that what has input of its own comes as a line.
func way(c testshell.Case, i int) string {
	if c.Stdin != "" {
		return testshell.ByLine
	}
	return []string{testshell.ByLine, testshell.ByInput, testshell.ByFile}[i%3]
}
