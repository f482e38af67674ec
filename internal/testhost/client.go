package testhost

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/crypto/ssh/knownhosts"
)

// FreePort is a TCP port on 127.0.0.1 that nobody listens on now. Another process may take it before the caller does.
func FreePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// KnownHosts is the known_hosts line that pins the target's host key at its address.
func (h *Host) KnownHosts() string {
	return knownhosts.Line([]string{h.Addr()}, h.HostKey()) + "\n"
}

// ClientHost is one Host block of a stock client's configuration.
type ClientHost struct {
	Alias      string
	Addr       string // host:port
	User       string
	Identity   string   // private key file; a certificate lies beside it as Identity-cert.pub
	KnownHosts string   // known_hosts file; it is the only one that is asked
	Options    []string // further lines, which win over the block's own
}

// WriteSSHConfig writes a configuration for a stock client that asks nobody anything: no agent, no password, no prompt,
// and no host key but those listed. "Host *" options of the caller's go into each block.
func WriteSSHConfig(path string, hosts ...ClientHost) error {
	var text strings.Builder
	for _, h := range hosts {
		host, port, err := net.SplitHostPort(h.Addr)
		if err != nil {
			return fmt.Errorf("host block %s: %w", h.Alias, err)
		}
		fmt.Fprintf(&text, "Host %s\n", h.Alias)
		for _, line := range append(append([]string{}, h.Options...),
			"HostName "+host,
			"Port "+port,
			"User "+h.User,
			"IdentityFile "+h.Identity,
			"UserKnownHostsFile "+h.KnownHosts,
			"IdentitiesOnly yes",
			"IdentityAgent none",
			"GlobalKnownHostsFile none",
			"StrictHostKeyChecking yes",
			"BatchMode yes",
			"ConnectTimeout 10",
		) {
			fmt.Fprintf(&text, "    %s\n", line)
		}
	}
	return writeFile(path, text.String(), 0o600)
}

// Result is what a client program left: its output and its exit status, or -1 if a signal ended it.
type Result struct {
	Stdout, Stderr string
	Status         int
}

// clientLimit ends a client that hangs.
const clientLimit = 60 * time.Second

// SSH runs the stock client with `ssh -F config args…`; a nil stdin is /dev/null. An exit status that is not 0 is a result,
// not an error: an error means that the client did not run, or ran longer than ctx or a minute.
func SSH(ctx context.Context, config string, stdin io.Reader, args ...string) (Result, error) {
	return Run(ctx, stdin, "ssh", append([]string{"-F", config}, args...)...)
}

// Run is SSH for any other client program (scp, sftp, ssh-keygen), with the arguments as they are.
func Run(ctx context.Context, stdin io.Reader, name string, args ...string) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, clientLimit)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "SSH_AUTH_SOCK=", "SSH_ASKPASS=")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &stdout, &stderr
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	r := Result{Stdout: stdout.String(), Stderr: stderr.String(), Status: cmd.ProcessState.ExitCode()}
	if ctx.Err() != nil {
		return r, fmt.Errorf("%s %q: %w", name, args, ctx.Err())
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return r, fmt.Errorf("%s %q: %w", name, args, err)
	}
	return r, nil
}
