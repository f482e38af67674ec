package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/testgate"
	"gatehouse/internal/testhost"
)

// The ways to the target, as hosts of one ssh_config.
const (
	direct   = "direct"
	jump     = "jump"            // ssh -J through a stock sshd
	routed   = "routed"          // login@target@bastion
	inside   = "inside"          // ssh -J through Gatehouse
	keys     = "/srv/keys"       // what the stock ways log in with, on the target and on the jump host
	noise    = "/srv/noise"      // random bytes
	prose    = "/srv/prose"      // log text
	lines    = "/srv/lines"      // a little of it
	lookedAt = "/srv/look/lines" // the same, where a rule has a path slot
)

// algorithms are the same on every hop, so that no way has the cheaper ones.
var algorithms = []string{"KexAlgorithms curve25519-sha256", "Ciphers aes128-gcm@openssh.com"}

const policyText = `version: 1
people: {ann: {roles: [oncall]}}
agents: {bot: {owner: person:ann, roles: [operator], enrol: [join]}}
roles:
  oncall: {rights: [view, operate]}
  operator:
    targets: [web-1, many]
    logins: [deploy, root]
    shell: governed
    forward: [{to: "@FORWARD@", via: target}]
    allow:
      - waiting
      - {run: waiting pinned, mode: pinned}
      - "true"
      - {run: echoing, pty: true}
      - {run: cat, pty: true}
      - {run: sleep <text>, pty: true}
      - leave <int>
      - cat (/srv/noise|/srv/prose|/srv/lines)
      - uname
      - grep -F request
      - sort
      - uniq
      - wc -l
      - {run: wc -c, stdin: pipe}
      - head -n 1 /srv/lines
      - head -n 1 <path:/srv/look/**>
      - {run: sink, stdin: data}
    files: {read: [/srv/noise], write: [/home/deploy/landed]}
`

// programs are what the clients run on the target.
var programs = map[string]string{
	"waiting": "#!/bin/sh\necho READY\nexec sleep 3600\n",
	"echoing": "#!/bin/sh\nstty raw -echo\necho READY\nexec cat\n",
	"leave":   "#!/bin/sh\nexit \"$1\"\n",
	"sink":    "#!/bin/sh\nexec cat >/dev/null\n",
}

// world is everything that is compared.
type world struct {
	dir   string
	quick bool

	searchMB     int    // megabytes of text to search
	killSessions int    // that are killed
	forward      string // where the forward leads that policy admits

	many *crowd
	gate *testgate.Gate
	jump *testhost.Host
	key  string // private key file of the stock ways
	ssh  string // ssh_config with all ways
}

// n is how often something is repeated.
func (w *world) n(full int) int {
	if w.quick {
		return max(full/10, 3)
	}
	return full
}

func build(ctx context.Context, dir, binary string, quick bool) (*world, error) {
	w := &world{dir: dir, quick: quick, key: filepath.Join(dir, "stock"), ssh: filepath.Join(dir, "ssh_config")}
	options := append([]string{"AuthorizedKeysFile " + keys, "DisableForwarding no", "AllowTcpForwarding local"}, algorithms...)
	var err error
	if w.many, err = startCrowd(); err != nil {
		return nil, err
	}
	port, err := testhost.FreePort()
	if err != nil {
		return nil, errors.Join(err, w.many.close())
	}
	w.forward = fmt.Sprintf("127.0.0.1:%d", port)
	g, err := testgate.Start(ctx, testgate.Config{Dir: dir, Binary: binary, Policy: strings.ReplaceAll(policyText, "@FORWARD@", w.forward), Extra: w.many.entry(), Hosts: []testhost.Config{
		{Name: "web-1", Accounts: []testhost.Account{{Name: "deploy", UID: 2000}, {Name: "root"}}, Programs: programs, Options: options}}})
	if err != nil {
		return nil, errors.Join(err, w.many.close())
	}
	w.gate = g
	if err := w.prepare(ctx, options); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

// prepare makes the jump host, the stock ways' key, the files to move and the client's configuration.
func (w *world) prepare(ctx context.Context, options []string) error {
	if out, err := exec.CommandContext(ctx, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "stock", "-f", w.key).CombinedOutput(); err != nil {
		return fmt.Errorf("make key: %w: %s", err, out)
	}
	public, err := os.ReadFile(w.key + ".pub")
	if err != nil {
		return fmt.Errorf("read key: %w", err)
	}
	folder := filepath.Join(w.dir, "jump-host")
	if err := os.Mkdir(folder, 0o755); err != nil {
		return fmt.Errorf("make jump host's folder: %w", err)
	}
	options = append(options, "DisableForwarding no", "AllowTcpForwarding yes")
	if w.jump, err = testhost.Start(ctx, testhost.Config{Dir: folder, Name: "jump", TargetCA: string(public),
		Accounts: []testhost.Account{{Name: "jumper", UID: 2001}}, Options: options}); err != nil {
		return err
	}
	for _, h := range []*testhost.Host{w.target(), w.jump} {
		if err := place(h, keys, public); err != nil {
			return err
		}
	}
	if err := w.placeFiles(); err != nil {
		return err
	}
	return w.enrol(ctx)
}

func (w *world) target() *testhost.Host { return w.gate.Hosts["web-1"] }

// place writes a file on a host.
func place(h *testhost.Host, path string, text []byte) error {
	here, err := h.Path(path)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(here), 0o755); err != nil {
		return fmt.Errorf("make the folder of %s: %w", path, err)
	}
	if err := os.WriteFile(here, text, 0o644); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// enrol gives the clients fresh certificates and writes the configuration with all ways.
func (w *world) enrol(ctx context.Context) error {
	for kind, name := range map[string]string{"agent": "bot", "person": "ann"} {
		if _, err := w.gate.Enrol(ctx, kind, name); err != nil {
			return err
		}
	}
	ours, err := os.ReadFile(w.gate.Client("bot"))
	if err != nil {
		return fmt.Errorf("read ssh_config: %w", err)
	}
	known := filepath.Join(w.dir, "known_hosts")
	if err := os.WriteFile(known, []byte(w.target().KnownHosts()+w.jump.KnownHosts()), 0o644); err != nil {
		return fmt.Errorf("write known_hosts: %w", err)
	}
	stock := filepath.Join(w.dir, "ssh_config.stock")
	err = testhost.WriteSSHConfig(stock,
		testhost.ClientHost{Alias: direct, Addr: w.target().Addr(), User: "deploy", Identity: w.key, KnownHosts: known},
		testhost.ClientHost{Alias: jump, Addr: w.target().Addr(), User: "deploy", Identity: w.key, KnownHosts: known, Options: []string{"ProxyJump hop"}},
		testhost.ClientHost{Alias: "hop", Addr: w.jump.Addr(), User: "jumper", Identity: w.key, KnownHosts: known})
	if err != nil {
		return err
	}
	text, err := os.ReadFile(stock)
	if err != nil {
		return fmt.Errorf("read ssh_config: %w", err)
	}
	blocks := "Host *\n  " + strings.Join(algorithms, "\n  ") + "\n  LogLevel ERROR\n  BatchMode yes\n" + string(text) +
		"Host " + routed + "\n  User deploy@web-1\n  HostName gatehouse\n  ProxyJump none\n" +
		"Host " + inside + "\n  User deploy\n  HostName web-1\n  HostKeyAlias web-1\n  ProxyJump gatehouse\n"
	blocks = strings.Replace(blocks, "  HostName gatehouse\n", reachGate(w.gate.SSHAddr), 1)
	return os.WriteFile(w.ssh, append([]byte(blocks), ours...), 0o600)
}

func reachGate(addr string) string {
	host, port, _ := strings.Cut(addr, ":")
	return "  HostName " + host + "\n  Port " + port + "\n  HostKeyAlias gatehouse\n"
}

// placeFiles writes what is read: incompressible bytes and text as logs have it.
func (w *world) placeFiles() error {
	size := 64 << 20
	if w.quick {
		size /= 8
	}
	b := make([]byte, size)
	if _, err := rand.Read(b); err != nil {
		return fmt.Errorf("make random bytes: %w", err)
	}
	if err := place(w.target(), noise, b); err != nil {
		return err
	}
	var text strings.Builder
	for i := 0; text.Len() < size; i++ {
		fmt.Fprintf(&text, "2025-11-%02d %02d:%02d:%02d web-1 app-api[%d]: request %d from 10.%d.%d.%d took %d ms status=%d\n",
			i%28+1, i/3600%24, i/60%60, i%60, 1000+i%7, i*7919, i%200, i*13%256, i*17%256, i*31%2000, 200+i%5)
	}
	for path, size := range map[string]int{prose: size, lines: 64 << 10, lookedAt: 64 << 10} {
		if err := place(w.target(), path, []byte(text.String()[:size])); err != nil {
			return err
		}
	}
	return nil
}

// command is a stock client on one of the ways. It dies with this process.
func (w *world) command(ctx context.Context, way string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "ssh", append([]string{"-F", w.ssh, way}, args...)...)
	cmd.Env = append(os.Environ(), "SSH_AUTH_SOCK=")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// pids are Gatehouse's processes.
func (w *world) pids() []int {
	return []int{w.gate.PID("supervisor"), w.gate.PID("decider"), w.gate.PID("door")}
}

func (w *world) close() error {
	err := w.gate.Close()
	if w.jump != nil {
		err = errors.Join(err, w.jump.Close())
	}
	return errors.Join(err, w.many.close())
}

// signer is the key, and certificate, of an enrolled client.
func (w *world) signer(who string) (ssh.Signer, error) {
	folder := filepath.Dir(w.gate.Client(who))
	key, err := readKey(filepath.Join(folder, "id"))
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(folder, "id-cert.pub"))
	if err != nil {
		return nil, fmt.Errorf("read certificate: %w", err)
	}
	public, _, _, _, err := ssh.ParseAuthorizedKey(text)
	if err != nil {
		return nil, fmt.Errorf("parse certificate: %w", err)
	}
	cert, ok := public.(*ssh.Certificate)
	if !ok {
		return nil, fmt.Errorf("the file of %s holds no certificate", who)
	}
	return ssh.NewCertSigner(cert, key)
}

func readKey(path string) (ssh.Signer, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	return ssh.ParsePrivateKey(text)
}
