package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"gatehouse/internal/testgate"
	"gatehouse/internal/testhost"
)

// usefulScene is a Gatehouse under one example policy, and for each of its targets a host that was prepared alike and that
// plain ssh reaches.
type usefulScene struct {
	dir, ca        string // ca is the key that the plain hosts trust
	hosts          map[string]*testhost.Host
	guarded, plain map[usefulWho]usefulClient
}

// usefulClient is an open connection, on which each line is one more session.
type usefulClient struct{ config, socket, host string }

func (c usefulClient) run(ctx context.Context, line string) (testhost.Result, error) {
	return testhost.SSH(ctx, c.config, nil, "-S", c.socket, c.host, line)
}

// startUseful starts what the lines of one example need.
func startUseful(t *testing.T, root, binary, example string, lines []usefulLine) *usefulScene {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "examples", example+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(root, example)
	s := &usefulScene{dir: dir, ca: filepath.Join(dir, "ca"), hosts: map[string]*testhost.Host{}, guarded: map[usefulWho]usefulClient{}, plain: map[usefulWho]usefulClient{}}
	cfg := testgate.Config{Dir: filepath.Join(dir, "gate"), Binary: binary, Policy: string(text)}
	mustDo(t, os.MkdirAll(cfg.Dir, 0o755))
	mustRun(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", s.ca)
	whos := usefulWhos(lines, example)
	for _, who := range whos {
		cfg.Labels = who.labels
		cfg.Hosts = append(cfg.Hosts, testhost.Config{Name: who.target, Accounts: []testhost.Account{{Name: who.login, UID: firstUID, Shell: "/bin/bash"}}})
	}
	gate, err := testgate.Start(context.Background(), cfg)
	mustDo(t, err)
	t.Cleanup(func() { closeNow(t, gate.Close) })
	now := time.Now().Truncate(time.Hour)
	for i, who := range whos {
		s.prepare(t, gate.Hosts[who.target], who, now)
		s.prepare(t, s.startPlain(t, cfg.Hosts[i]), who, now)
		s.openGuarded(t, gate, who)
		s.openPlain(t, who)
	}
	return s
}

// usefulWhos lists who types the lines of an example. Each has a target of its own.
func usefulWhos(lines []usefulLine, example string) []usefulWho {
	var whos []usefulWho
	seen := map[usefulWho]bool{}
	for _, l := range lines {
		if l.who.example == example && !seen[l.who] {
			whos, seen[l.who] = append(whos, l.who), true
		}
	}
	return whos
}

// startPlain starts a host of the same name that trusts the scene's own CA.
func (s *usefulScene) startPlain(t *testing.T, cfg testhost.Config) *testhost.Host {
	t.Helper()
	ca, err := os.ReadFile(s.ca + ".pub")
	mustDo(t, err)
	cfg.Dir, cfg.TargetCA = filepath.Join(s.dir, "plain-"+cfg.Name), string(ca)
	mustDo(t, os.MkdirAll(cfg.Dir, 0o755))
	h, err := testhost.Start(context.Background(), cfg)
	mustDo(t, err)
	t.Cleanup(func() { closeNow(t, h.Close) })
	s.hosts[cfg.Name] = h
	return h
}

// prepare puts the world of testdata/useful/world.sh on a host.
func (s *usefulScene) prepare(t *testing.T, h *testhost.Host, who usefulWho, now time.Time) {
	t.Helper()
	script, err := os.ReadFile(filepath.Join("testdata", "useful", "world.sh"))
	mustDo(t, err)
	r, err := h.Root(t.Context(), fmt.Sprintf("LOGIN=%s\nNOW=%d\n%s", who.login, now.Unix(), script))
	if err != nil || r.Status != 0 {
		t.Fatalf("world: %v, status %d: %s%s", err, r.Status, r.Stdout, r.Stderr)
	}
}

// openGuarded connects as the agent to the target behind Gatehouse.
func (s *usefulScene) openGuarded(t *testing.T, gate *testgate.Gate, who usefulWho) {
	t.Helper()
	var more []string
	if who.task != "" {
		more = []string{"--task", who.task}
	}
	config, err := gate.Enrol(t.Context(), "agent", who.agent, more...)
	mustDo(t, err)
	s.guarded[who] = openMaster(t, usefulClient{config, filepath.Join(s.dir, "g-"+who.target), who.login + "@" + who.target + "@gatehouse"})
}

// openPlain connects to the same login of the host that nothing guards.
func (s *usefulScene) openPlain(t *testing.T, who usefulWho) {
	t.Helper()
	h, path := s.hosts[who.target], func(name string) string { return filepath.Join(s.dir, name+"-"+who.target) }
	mustRun(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path("id"))
	mustRun(t, "ssh-keygen", "-q", "-s", s.ca, "-I", "plain", "-n", "gh:"+who.target+":"+who.login, "-V", "+1h", path("id")+".pub")
	mustDo(t, os.WriteFile(path("known"), []byte(h.KnownHosts()), 0o600))
	mustDo(t, testhost.WriteSSHConfig(path("config"), testhost.ClientHost{Alias: "host", Addr: h.Addr(), User: who.login, Identity: path("id"), KnownHosts: path("known")}))
	s.plain[who] = openMaster(t, usefulClient{path("config"), path("p"), "host"})
}

// openMaster opens a connection that stays until the test ends.
func openMaster(t *testing.T, c usefulClient) usefulClient {
	t.Helper()
	var said bytes.Buffer
	master := exec.Command("ssh", "-F", c.config, "-M", "-N", "-S", c.socket, "-o", "BatchMode=yes", "-o", "SetEnv=GATEHOUSE_WAIT=0", c.host) // what people must approve is answered at once
	master.Stderr = &said
	mustDo(t, master.Start())
	ended := make(chan error, 1)
	go func() { ended <- master.Wait() }()
	t.Cleanup(func() {
		_ = master.Process.Kill() // it may have ended already
		<-ended
	})
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		r, err := testhost.SSH(t.Context(), c.config, nil, "-S", c.socket, "-O", "check", c.host)
		switch {
		case err == nil && r.Status == 0:
			return c
		case time.Now().After(end):
			t.Fatalf("no connection: %v, %s%s", errors.Join(err), r.Stderr, said.String())
		}
	}
}

func mustDo(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func mustRun(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
}

func closeNow(t *testing.T, c func() error) {
	if err := c(); err != nil {
		t.Error(err)
	}
}
