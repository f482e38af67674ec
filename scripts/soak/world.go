package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"gatehouse/internal/faultproxy"
	"gatehouse/internal/testgate"
	"gatehouse/internal/testhost"
)

// The targets. Only their names are fixed; they are reached through proxies.
var targetNames = []string{"web-1", "web-2"}

// here is this machine as a target.
const here = "ops@bastion-host@gatehouse"

const policyText = `version: 1
people: {ann: {roles: [oncall]}}
agents: {bot: {owner: person:ann, roles: [operator, here]}}
roles:
  oncall: {rights: [view, operate]}
  operator:
    targets: ["web-*"]
    logins: [deploy]
    allow:
      - {run: emit <text> <int> <int>, pty: true}
      - {run: hold <text>, pty: true}
      - {run: keep <text>, stdin: data}
    files: {read: ["~/**"], write: ["~/**"]}
    forward: [{to: "127.0.0.1:1024-65535", via: target}]
  here:
    targets: [bastion-host]
    logins: [ops]
    allow: ["/usr/bin/seq <int>", "/bin/false", {run: "/bin/sleep <int>", pty: true}]
`

// programs are on every target. The first argument makes a session recognisable.
var programs = map[string]string{
	"emit": "#!/bin/sh\ni=0\nwhile [ $i -lt $2 ]; do echo \"$1 $i\"; i=$((i+1)); done\nexit $3\n",
	"hold": "#!/bin/sh\nsetsid sleep 100000 \"$1\" 2>/dev/null &\necho begun\nwhile :; do sleep 1000; done\n",
	"keep": "#!/bin/sh\nsha256sum\n",
}

// What the data folder may hold, and what must stay free of it.
const (
	dataSize = "8g"
	minFree  = 32 << 20
)

// certificateTTL is what the policy's defaults allow; clients get new ones in time.
const (
	certificateTTL = "15m"
	renewEvery     = 4 * time.Minute
)

// world is a Gatehouse with targets behind bad networks, and clients that reach it through another.
type world struct {
	dir     string
	gate    *testgate.Gate
	hosts   []testhost.Config // to start them again
	network map[string]*faultproxy.Proxy
	front   *faultproxy.Proxy // between clients and Gatehouse
	mounted bool

	mu sync.Mutex // guards gate.Hosts while targets are replaced
}

func build(ctx context.Context, o options, dir string) (*world, error) {
	w := &world{dir: dir, network: map[string]*faultproxy.Proxy{}}
	if err := w.build(ctx, o); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

func (w *world) build(ctx context.Context, o options) (err error) {
	// 1. A disk of its own, that can be filled.
	data := filepath.Join(w.dir, "data")
	if err := os.MkdirAll(data, 0o755); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	if err := unix.Mount("tmpfs", data, "tmpfs", 0, "mode=0755,size="+dataSize); err != nil {
		return fmt.Errorf("mount the data folder: %w", err)
	}
	w.mounted = true
	// 2. Targets whose keys and ports outlive them, and the service.
	for i, name := range targetNames {
		_, key, err := ed25519.GenerateKey(nil)
		if err != nil {
			return err
		}
		port, err := testhost.FreePort()
		if err != nil {
			return err
		}
		w.hosts = append(w.hosts, testhost.Config{Name: name, Port: port, HostKey: key, Accounts: []testhost.Account{{Name: "deploy", UID: 2000 + i}}, Programs: programs,
			Options: []string{"DisableForwarding no", "AllowTcpForwarding yes"}})
	}
	w.gate, err = testgate.Start(ctx, testgate.Config{Dir: w.dir, Binary: o.binary, Policy: policyText, Hosts: w.hosts, Data: data, MinFree: fmt.Sprint(minFree)})
	if err != nil {
		return err
	}
	// 3. The networks between them, and what clients need.
	if w.front, err = faultproxy.Listen(w.gate.SSHAddr); err != nil {
		return err
	}
	if err := w.putTargets(ctx); err != nil {
		return err
	}
	return w.enrol(ctx)
}

// putTargets puts an inventory in force in which the targets are where their proxies are.
func (w *world) putTargets(ctx context.Context) error {
	text := "version: 1\ntargets:\n  bastion-host: {local: true, run_as: {ops: nobody}, limits: {processes: 200, cpu_time: 10m}}\n"
	ca, err := w.gate.Run(ctx, "ca", "show", "--config", w.gate.Path, "target")
	if err != nil || ca.Status != 0 {
		return errors.Join(err, fmt.Errorf("show target CA: %s", ca.Stderr))
	}
	for i, hc := range w.hosts {
		h := w.gate.Hosts[hc.Name]
		w.hosts[i].Dir, w.hosts[i].TargetCA = filepath.Join(w.dir, "host-"+hc.Name), ca.Stdout
		p, err := faultproxy.Listen(h.Addr())
		if err != nil {
			return err
		}
		w.network[hc.Name] = p
		text += fmt.Sprintf("  %s: {address: %q, logins: [deploy], host_key: %q}\n", hc.Name, p.Addr(), strings.TrimSpace(string(ssh.MarshalAuthorizedKey(h.HostKey()))))
	}
	if err := os.WriteFile(filepath.Join(w.dir, "targets.yaml"), []byte(text), 0o644); err != nil {
		return fmt.Errorf("write inventory: %w", err)
	}
	return w.reload(ctx)
}

func (w *world) reload(ctx context.Context) error {
	r, err := w.gate.Run(ctx, "reload", "--config", w.gate.Path)
	if err == nil && r.Status != 0 {
		err = fmt.Errorf("reload: status %d: %s%s", r.Status, r.Stdout, r.Stderr)
	}
	return err
}

// enrol gives the clients fresh certificates, and a way through the bad network.
func (w *world) enrol(ctx context.Context) error {
	for kind, name := range map[string]string{"agent": "bot", "person": "ann"} {
		config, err := w.gate.Enrol(ctx, kind, name, "--ttl", certificateTTL)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(config)
		if err != nil {
			return fmt.Errorf("read ssh_config: %w", err)
		}
		_, own, err := net.SplitHostPort(w.gate.SSHAddr)
		if err != nil {
			return err
		}
		_, front, err := net.SplitHostPort(w.front.Addr())
		if err != nil {
			return err
		}
		far := strings.ReplaceAll(string(text), "Port "+own+"\n", "Port "+front+"\n")
		if far == string(text) {
			return errors.New("the ssh_config names no port of ours")
		}
		if err := os.WriteFile(w.far(name)+".new", []byte(far), 0o600); err != nil {
			return fmt.Errorf("write ssh_config: %w", err)
		}
		if err := os.Rename(w.far(name)+".new", w.far(name)); err != nil {
			return err
		}
	}
	return nil
}

// far is the ssh_config of a client that is behind the bad network.
func (w *world) far(name string) string {
	return filepath.Join(w.dir, "client-"+name, "ssh_config.far")
}

// host is a running target.
func (w *world) host(name string) *testhost.Host {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.gate.Hosts[name]
}

// restartHost kills a target with everything on it and starts it again.
func (w *world) restartHost(ctx context.Context, i int) error {
	if err := w.host(w.hosts[i].Name).Close(); err != nil {
		return err
	}
	pause(ctx, time.Second)
	h, err := testhost.Start(context.WithoutCancel(ctx), w.hosts[i])
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gate.Hosts[w.hosts[i].Name] = h
	return nil
}

// close ends everything. The folder stays.
func (w *world) close() error {
	var errs []error
	for _, p := range w.network {
		errs = append(errs, p.Close())
	}
	if w.front != nil {
		errs = append(errs, w.front.Close())
	}
	if w.gate != nil {
		errs = append(errs, w.gate.Close())
	}
	if w.mounted {
		errs = append(errs, unix.Unmount(filepath.Join(w.dir, "data"), 0))
	}
	return errors.Join(errs...)
}

// saveLog keeps the service's log, and the evidence, which lies in memory.
func (w *world) saveLog() {
	err := os.WriteFile(filepath.Join(w.dir, "serve.log"), []byte(strings.Join(w.gate.Log(), "\n")), 0o600)
	for _, part := range []string{"decider", "door"} {
		err = errors.Join(err, os.CopyFS(filepath.Join(w.dir, "kept", part), os.DirFS(filepath.Join(w.dir, "data", part))))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak: keep the evidence:", err)
	}
}

// pause waits, unless it is over.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
