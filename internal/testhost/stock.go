package testhost

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// stockConfig is the sshd_config of the machine that the test runs on: what its distribution ships.
const stockConfig = "/etc/ssh/sshd_config"

// writeStock writes /etc/ssh as a distribution ships it, with the port in a drop-in file. A folder that is there is kept.
func writeStock(cfg Config, port int) error {
	root := filepath.Join(cfg.Dir, fsDir, sshFolder)
	text := cfg.SSHDConfig
	if text == "" {
		own, err := os.ReadFile(stockConfig)
		if err != nil {
			return fmt.Errorf("read the machine's sshd_config: %w", err)
		}
		text = string(own)
	}
	if err := makeDir(root, 0o755, 0); err != nil {
		return err
	}
	if err := makeDir(filepath.Join(root, "sshd_config.d"), 0o755, 0); err != nil {
		return err
	}
	if err := writeFile(filepath.Join(root, "sshd_config"), text, 0o644); err != nil {
		return err
	}
	key, err := os.ReadFile(filepath.Join(cfg.Dir, fsDir, "etc/host_key"))
	if err != nil {
		return err
	}
	if err := writeFile(filepath.Join(root, "ssh_host_ed25519_key"), string(key), 0o600); err != nil {
		return err
	}
	drop := fmt.Sprintf("ListenAddress 127.0.0.1:%d\nHostKey /etc/ssh/ssh_host_ed25519_key\nUsePAM no\nLogLevel VERBOSE\n", port)
	return writeFile(filepath.Join(root, "sshd_config.d", "50-test.conf"), drop, 0o644)
}

// Root runs a program as root inside the target's namespaces, as somebody at its console would. An exit status that is not 0
// is a result.
func (h *Host) Root(ctx context.Context, script string) (Result, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "nsenter", "--target", strconv.Itoa(h.PID()), "--mount", "--pid", "--uts", "/bin/sh", "-s")
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader([]byte(script)), &stdout, &stderr
	err := cmd.Run()
	r := Result{Stdout: stdout.String(), Stderr: stderr.String(), Status: cmd.ProcessState.ExitCode()}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return r, fmt.Errorf("run as root on target %s: %w", h.cfg.Name, err)
	}
	return r, nil
}
