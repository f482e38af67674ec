package testhost

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh/knownhosts"
)

// The ports that FreePort chooses from: below those that Linux gives to outgoing connections, any of which could take one
// between the choice and its use.
const (
	firstPort = 16_384
	lastPort  = 32_767
)

var given sync.Map // ports that FreePort has handed out in this process

// FreePort is a TCP port on 127.0.0.1 that nobody listens on now, and that it has not returned before. Another process may take
// it before the caller does.
func FreePort() (int, error) {
	for range 1000 {
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		if _, before := given.LoadOrStore(port, true); before {
			continue
		}
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			return port, l.Close()
		}
	}
	return 0, errors.New("find a free port: none of a thousand is")
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
