package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"gatehouse/internal/testhost"
)

// relay is docs/examples/clients/relay.sh at work for a client that cannot show a certificate.
type relay struct {
	cmd  *exec.Cmd
	said syncBuffer
	env  []string // what the driver is told of it
}

// startRelay runs the script as its page says, and waits until it listens.
func (s *seat) startRelay(ctx context.Context) (*relay, error) {
	port, err := testhost.FreePort()
	if err != nil {
		return nil, err
	}
	script, err := filepath.Abs(filepath.FromSlash("docs/examples/clients/relay.sh"))
	if err != nil {
		return nil, err
	}
	who, err := user.Current()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil { // Debian's sshd wants it when root runs it
		return nil, err
	}
	folder := filepath.Join(s.dir, "relay")
	key := filepath.Join(s.dir, "plain")
	if r, err := testhost.Run(ctx, nil, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key); err != nil || r.Status != 0 {
		return nil, errors.Join(fmt.Errorf("make a key: %s", r.Stderr), err)
	}
	r := &relay{cmd: exec.Command(script, folder, s.gate.Client(s.name), login+"@"+targetName, strconv.Itoa(port), key+".pub")}
	r.cmd.Stderr = &r.said
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := r.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the relay: %w", err)
	}
	for deadline := time.Now().Add(patience); !strings.Contains(r.said.String(), "Server listening"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			r.close()
			return nil, fmt.Errorf("the relay does not listen: %s", r.said.String())
		}
	}
	hostKey, err := os.ReadFile(filepath.Join(folder, "host_ed25519.pub"))
	if err != nil {
		r.close()
		return nil, err
	}
	r.env = []string{"GH_RELAY_PORT=" + strconv.Itoa(port), "GH_RELAY_USER=" + who.Username, "GH_RELAY_KEY=" + key, "GH_RELAY_HOSTKEY=" + strings.TrimSpace(string(hostKey))}
	return r, nil
}

// close ends the relay's sshd; the ssh that shares its connections ends with the door's.
func (r *relay) close() {
	_ = syscall.Kill(-r.cmd.Process.Pid, syscall.SIGTERM) // ended already is fine
	_ = r.cmd.Wait()                                      // it was told to end
}
