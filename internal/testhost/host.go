// Package testhost runs a private stock OpenSSH sshd as a target for the demo, the end-to-end tests and the benchmarks.
//
// The sshd lives in its own mount, PID and host name namespaces: its accounts exist only there, /home, /root, /tmp, /srv and
// /var/log are folders of its own, the rest of the machine is read-only, and when its first process dies the kernel ends all
// the others. It listens on loopback and its only trust is the target CA that it is given. It stands in for a real server in
// everything that Gatehouse sees of one; the network and the kernel are the machine's own.
//
// It trusts whoever configures it, as root. It guarantees that nothing outside Config.Dir changes, and that Close, or the
// death of the process that started it, leaves no process and no mount. It is no sandbox: a root login that means harm can
// mount and reach devices as root can anywhere. It is for tests: production code never imports it.
package testhost

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// ErrNeedsRoot says that the process may not make namespaces: the private target needs CAP_SYS_ADMIN.
var ErrNeedsRoot = errors.New("a private target needs CAP_SYS_ADMIN (root) for its own namespaces")

// Account is a login on the target. Its principals file holds exactly "gh:NAME:LOGIN".
type Account struct {
	Name  string // "root" is uid 0 and lives in /root; others live in /home/NAME
	UID   int    // also the group id; 0 only for root
	Shell string // absolute; "" means /bin/sh
}

// Config says what the target is.
type Config struct {
	Dir      string    // existing folder that is the host's alone; everything it writes is below it
	Name     string    // host name and the middle of its principals, "web-1"
	TargetCA string    // authorized_keys lines of the CAs whose user certificates open the target
	Accounts []Account // at least one
	Port     int       // on 127.0.0.1; 0 means a free one

	HostKey         ed25519.PrivateKey // nil means a fresh one
	HostCertificate *ssh.Certificate   // over HostKey; nil means none

	Programs  map[string]string // name → executable script, in /usr/local/bin of the target
	Recorders []string          // names of programs that record how they were called (Host.Calls)
	LogLevel  string            // sshd's; "" means VERBOSE, at which key ID and serial are logged
	Options   []string          // further sshd_config lines; they win over the host's own
	Subsystem string            // the server of subsystem sftp; "" means internal-sftp, "none" that there is no such line

	// Stock is a host that nobody has made a target: /etc/ssh is its own and as SSHDConfig and the distribution's drop-in
	// folder have it, TargetCA is trusted by nothing, and logins open by their own authorized_keys.
	Stock      bool
	SSHDConfig string // stock: the text of /etc/ssh/sshd_config; "" means this machine's
}

// Host is a running target.
type Host struct {
	cfg     Config
	addr    string
	hostKey ssh.PublicKey
	proc    *process
}

// startLimit bounds how long an sshd may take until it listens.
const startLimit = 20 * time.Second

// Start runs the target until Close, until ctx ends, or until this process dies. It returns when the sshd listens.
func Start(ctx context.Context, cfg Config) (*Host, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	sshd, err := findSSHD()
	if err != nil {
		return nil, err
	}
	hostKey, err := layOut(&cfg)
	if err != nil {
		return nil, fmt.Errorf("lay out target %s: %w", cfg.Name, err)
	}
	if err := buildRecorders(ctx, cfg); err != nil {
		return nil, err
	}
	h := &Host{cfg: cfg, hostKey: hostKey}
	if err := h.listen(ctx, sshd); err != nil {
		return nil, fmt.Errorf("start target %s: %w", cfg.Name, err)
	}
	return h, nil
}

// listen tries a few free ports, as another process may take one between the choice and the bind.
func (h *Host) listen(ctx context.Context, sshd string) error {
	for attempt := 1; ; attempt++ {
		port := h.cfg.Port
		if port == 0 {
			var err error
			if port, err = FreePort(); err != nil {
				return err
			}
		}
		if err := writeSSHDConfig(h.cfg, port); err != nil {
			return err
		}
		proc, err := enter(ctx, h.cfg, sshd)
		if err == nil {
			h.proc, h.addr = proc, net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
			return nil
		}
		if h.cfg.Port != 0 || attempt == 3 || !strings.Contains(err.Error(), "Address already in use") {
			return err
		}
	}
}

// Addr is where the target listens, "127.0.0.1:PORT".
func (h *Host) Addr() string { return h.addr }

// HostKey is what the target proves to its clients.
func (h *Host) HostKey() ssh.PublicKey { return h.hostKey }

// PID is the listening sshd, as this process sees it; inside its namespace it is 1.
func (h *Host) PID() int { return h.proc.pid }

// AuthLog is what the sshd has logged so far: one line per accepted certificate with its key ID and serial.
func (h *Host) AuthLog() string {
	text, err := os.ReadFile(filepath.Join(h.cfg.Dir, logFile))
	if err != nil {
		return ""
	}
	return string(text)
}

// Close ends the sshd and every process on the target, and returns when they are gone. The files in Config.Dir stay, as
// they are what a test looks at; they are the caller's to remove.
func (h *Host) Close() error { return h.proc.kill() }

// Path is where a file of the target lies for this process. Only the folders that are the target's own have one.
func (h *Host) Path(onTarget string) (string, error) {
	clean := filepath.Clean(onTarget)
	for _, m := range ownFolders {
		if rest, ok := strings.CutPrefix(clean, m.at); ok && (rest == "" || rest[0] == '/') {
			return filepath.Join(h.cfg.Dir, fsDir, m.dir, rest), nil
		}
	}
	return "", fmt.Errorf("path %q is not in a folder of the target's own", onTarget)
}

var nameForm = regexp.MustCompile(`^[a-z_][a-z0-9_.-]{0,31}$`)

// Validate says what is missing or would not do.
func (c Config) Validate() error {
	switch info, err := os.Stat(c.Dir); {
	case c.Dir == "" || !filepath.IsAbs(c.Dir):
		return fmt.Errorf("target folder %q: want an absolute path", c.Dir)
	case err != nil:
		return fmt.Errorf("target folder: %w", err)
	case !info.IsDir():
		return fmt.Errorf("target folder %q: not a folder", c.Dir)
	case !nameForm.MatchString(c.Name):
		return fmt.Errorf("target name %q: want %s", c.Name, nameForm)
	case !c.Stock && len(bytes.TrimSpace([]byte(c.TargetCA))) == 0:
		return errors.New("target has no CA: nobody could log in")
	case len(c.Accounts) == 0:
		return errors.New("target has no accounts")
	case c.HostCertificate != nil && c.HostKey == nil:
		return errors.New("host certificate without its host key")
	}
	for _, a := range c.Accounts {
		if !nameForm.MatchString(a.Name) || (a.Name == "root") != (a.UID == 0) || a.UID < 0 {
			return fmt.Errorf("account %q with uid %d: want a plain name, and uid 0 for root alone", a.Name, a.UID)
		}
	}
	return nil
}

// findSSHD looks where servers keep it too: sbin is often not on PATH, and sshd insists on its absolute path.
func findSSHD() (string, error) {
	if path, err := exec.LookPath("sshd"); err == nil && filepath.IsAbs(path) {
		return path, nil
	}
	const usual = "/usr/sbin/sshd"
	if _, err := os.Stat(usual); err != nil {
		return "", fmt.Errorf("find sshd (scripts/setup installs it): %w", err)
	}
	return usual, nil
}
