// Package testgate runs a real Gatehouse with real targets for end-to-end tests, the crash harness and the benchmarks: its
// own folder, free ports, the built program, private sshds (internal/testhost), and stock clients with certificates.
//
// It is for tests: production code never imports it.
package testgate

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/testhost"
)

// How long the service may take to begin and to end.
const (
	readyLimit = 30 * time.Second
	stopLimit  = 20 * time.Second
)

// Config says what to run.
type Config struct {
	Dir     string            // an existing folder, reachable by every user, that is the gate's alone
	Binary  string            // the gatehouse program
	Name    string            // the door's; empty means gatehouse
	Policy  string            // the text of policy.yaml
	Hosts   []testhost.Config // targets; Dir and TargetCA are filled in
	Labels  string            // of each target, "{env: staging}"; empty means none
	Extra   string            // more entries of targets.yaml, indented by two spaces
	MinFree string            // storage.min_free; empty means 1MiB
	More    string            // more of gatehouse.yaml, whole lines; a "web:" in it stands in the place of ours, @WEB@ is its port
	Data    string            // the data folder; empty means Dir/data
	Limits  string            // what stands between the braces of ssh.limits
	Oldest  bool              // settings that the oldest program knows: no metrics, limits, drain
	Log     func(line string) // gets the service's log; may be nil
	Drain   string            // ssh.drain; empty means 0s
	Env     []string          // more of the service's environment
	Files   []*os.File        // handed to the service from descriptor 3 on
}

// Gate is a running Gatehouse.
type Gate struct {
	cfg     Config
	Path    string // gatehouse.yaml
	Data    string // the data folder
	SSHAddr string
	WebURL  string
	Metrics string // the URL of the numbers
	Hosts   map[string]*testhost.Host

	mu    sync.Mutex
	cmd   *exec.Cmd
	ended *exec.Cmd
	ready chan struct{}
	done  chan struct{}
	log   []string
}

// Start writes the configuration, starts the targets and the service, and waits until it is ready.
func Start(ctx context.Context, cfg Config) (*Gate, error) {
	g := &Gate{cfg: cfg, Path: filepath.Join(cfg.Dir, "gatehouse.yaml"), Data: cfg.Data, Hosts: map[string]*testhost.Host{}}
	if g.Data == "" {
		g.Data = filepath.Join(cfg.Dir, "data")
	}
	if err := os.Chmod(cfg.Dir, 0o755); err != nil {
		return nil, fmt.Errorf("open folder: %w", err)
	}
	if err := g.writeSettings(); err != nil {
		return nil, err
	}
	if err := g.startHosts(ctx); err != nil {
		return nil, errors.Join(err, g.Close())
	}
	if err := g.Serve(); err != nil {
		return nil, errors.Join(err, g.Close())
	}
	return g, nil
}

func (g *Gate) writeSettings() error {
	sshPort, err := testhost.FreePort()
	if err != nil {
		return err
	}
	webPort, err := testhost.FreePort()
	if err != nil {
		return err
	}
	metricsPort, err := testhost.FreePort()
	if err != nil {
		return err
	}
	g.SSHAddr, g.WebURL = fmt.Sprintf("127.0.0.1:%d", sshPort), fmt.Sprintf("http://localhost:%d", webPort)
	g.Metrics = fmt.Sprintf("http://127.0.0.1:%d/metrics", metricsPort)
	web := fmt.Sprintf("web: {listen: \"127.0.0.1:%d\", url: %q}\n", webPort, g.WebURL)
	if strings.HasPrefix(g.cfg.More, "web:") || strings.Contains(g.cfg.More, "\nweb:") {
		web, g.WebURL = "", fmt.Sprintf("https://localhost:%d", webPort)
	}
	web += strings.ReplaceAll(g.cfg.More, "@WEB@", fmt.Sprint(webPort))
	minFree := g.cfg.MinFree
	if minFree == "" {
		minFree = "1MiB"
	}
	ssh := fmt.Sprintf("listen: %q, names: [%s], limits: {%s}, drain: %s", g.SSHAddr, cmp.Or(g.cfg.Name, "gatehouse"), g.cfg.Limits, cmp.Or(g.cfg.Drain, "0s"))
	metrics := fmt.Sprintf("metrics: {listen: \"127.0.0.1:%d\"}\n", metricsPort)
	if g.cfg.Oldest {
		ssh, metrics = fmt.Sprintf("listen: %q, names: [gatehouse]", g.SSHAddr), ""
	}
	text := fmt.Sprintf("version: 1\ndata: %s\nssh: {%s}\n%s%spolicy: policy.yaml\ntargets: targets.yaml\nstorage: {min_free: %s}\nlog: {level: debug}\n",
		g.Data, ssh, metrics, web, minFree)
	if err := os.WriteFile(g.Path, []byte(text), 0o644); err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	if err := g.SetPolicy(g.cfg.Policy); err != nil {
		return err
	}
	return g.setTargets("  {}\n") // until the targets' keys are known
}

// SetBinary takes another program from the next start on.
func (g *Gate) SetBinary(path string) { g.cfg.Binary = path }

// SetPolicy replaces policy.yaml, as an administrator's editor would.
func (g *Gate) SetPolicy(text string) error {
	return replace(filepath.Join(g.cfg.Dir, "policy.yaml"), text)
}

func (g *Gate) setTargets(entries string) error {
	return replace(filepath.Join(g.cfg.Dir, "targets.yaml"), "version: 1\ntargets:\n"+entries)
}

func replace(path, text string) error {
	if err := os.WriteFile(path+".new", []byte(text), 0o644); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.Rename(path+".new", path)
}

// startHosts starts the targets with the target CA as their only trust, and writes the inventory that pins their keys.
func (g *Gate) startHosts(ctx context.Context) error {
	r, err := g.Run(ctx, "ca", "show", "--config", g.Path, "target")
	if err != nil || r.Status != 0 {
		return errors.Join(fmt.Errorf("show target CA: %s", r.Stderr), err)
	}
	entries := g.cfg.Extra
	for _, hc := range g.cfg.Hosts {
		hc.Dir, hc.TargetCA = filepath.Join(g.cfg.Dir, "host-"+hc.Name), r.Stdout
		if err := os.Mkdir(hc.Dir, 0o755); err != nil {
			return fmt.Errorf("make target's folder: %w", err)
		}
		h, err := testhost.Start(ctx, hc)
		if err != nil {
			return err
		}
		g.Hosts[hc.Name] = h
		var logins []string
		for _, a := range hc.Accounts {
			logins = append(logins, a.Name)
		}
		labels := g.cfg.Labels
		if labels == "" {
			labels = "{}"
		}
		entries += fmt.Sprintf("  %s: {address: %q, logins: [%s], labels: %s, host_key: %q}\n", hc.Name, h.Addr(), strings.Join(logins, ", "), labels,
			strings.TrimSpace(string(ssh.MarshalAuthorizedKey(h.HostKey()))))
	}
	if entries == "" {
		entries = "  {}\n"
	}
	return g.setTargets(entries)
}

// Serve starts the service and waits until it is ready.
func (g *Gate) Serve() error {
	cmd := exec.Command(g.cfg.Binary, "serve", "--config", g.Path)
	cmd.Dir, cmd.ExtraFiles = g.cfg.Dir, g.cfg.Files
	cmd.Env = append(os.Environ(), g.cfg.Env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return fmt.Errorf("start service: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start service: %w", err)
	}
	ready, done := make(chan struct{}), make(chan struct{})
	g.mu.Lock()
	g.cmd, g.ready, g.done = cmd, ready, done
	g.mu.Unlock()
	go func() {
		defer close(done)
		g.follow(bufio.NewScanner(stderr), ready)
		_ = cmd.Wait() // how it ended is in its log
	}()
	timer := time.NewTimer(readyLimit)
	defer timer.Stop()
	select {
	case <-ready:
		return nil
	case <-done:
		return fmt.Errorf("the service ended: %s", strings.Join(g.Log(), "\n"))
	case <-timer.C:
		return errors.Join(errors.New("the service is not ready: "+strings.Join(g.Log(), "\n")), g.Stop())
	}
}

func (g *Gate) follow(lines *bufio.Scanner, ready chan struct{}) {
	lines.Buffer(nil, 1<<20)
	told := false
	for lines.Scan() {
		line := lines.Text()
		g.mu.Lock()
		g.log = append(g.log, line)
		g.mu.Unlock()
		if g.cfg.Log != nil {
			g.cfg.Log(line)
		}
		if !told && strings.Contains(line, "door: ready") {
			told = true
			close(ready)
		}
	}
}

// Log is what the service has logged so far, over all its runs.
func (g *Gate) Log() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]string{}, g.log...)
}

// PID returns the process id of "supervisor", "decider" or "door", 0 if it does not run.
func (g *Gate) PID(name string) int {
	g.mu.Lock()
	cmd := g.cmd
	g.mu.Unlock()
	if cmd == nil || cmd.Process == nil {
		return 0
	}
	if name == "supervisor" {
		return cmd.Process.Pid
	}
	return childNamed(cmd.Process.Pid, "gatehouse-"+name)
}

// Stop ends the service in order and waits.
func (g *Gate) Stop() error {
	g.mu.Lock()
	cmd, done := g.cmd, g.done
	g.cmd = nil
	g.mu.Unlock()
	if cmd == nil {
		return nil
	}
	_ = cmd.Process.Signal(syscall.SIGTERM) // ended already is fine
	return wait(cmd, done)
}

// Await waits for the service to end by itself.
func (g *Gate) Await() error {
	g.mu.Lock()
	cmd, done := g.cmd, g.done
	g.cmd, g.ended = nil, cmd
	g.mu.Unlock()
	return wait(cmd, done)
}

// Status is what the service ended with, when Await has returned.
func (g *Gate) Status() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.ended.ProcessState.ExitCode()
}

// Signal sends the service a signal.
func (g *Gate) Signal(s syscall.Signal) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.cmd == nil {
		return errors.New("the service does not run")
	}
	return g.cmd.Process.Signal(s)
}

func wait(cmd *exec.Cmd, done <-chan struct{}) error {
	timer := time.NewTimer(stopLimit)
	defer timer.Stop()
	select {
	case <-done:
		return nil
	case <-timer.C:
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-done
		return fmt.Errorf("the service did not end within %s", stopLimit)
	}
}

// Close ends the service and the targets.
func (g *Gate) Close() error {
	err := g.Stop()
	for _, h := range g.Hosts {
		err = errors.Join(err, h.Close())
	}
	return err
}
