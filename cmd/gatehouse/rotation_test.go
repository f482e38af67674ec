package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/testgate"
	"gatehouse/internal/testhost"
)

var rotationSessions = flag.Int("rotation-sessions", 3, "how many clients work while the CAs are rotated; 20 in full")

// stage is a Gatehouse with two targets: web-1's host key is pinned, web-2's is certified by the host CA.
type stage struct {
	t    *testing.T
	gate *testgate.Gate
	web2 *testhost.Host
	key  string // web-2's public host key
}

func newStage(t *testing.T, agents int) *stage {
	t.Helper()
	root := openFolder(t)
	s := &stage{t: t}
	binary := build(t, root)
	dir := filepath.Join(root, "gate")
	web2 := filepath.Join(root, "host-web-2")
	for _, d := range []string{dir, web2} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	policy := "version: 1\npeople: {ann: {roles: [oncall]}}\nagents:\n"
	for i := range agents {
		policy += fmt.Sprintf("  w%d: {owner: person:ann, roles: [operator]}\n", i)
	}
	policy += "roles:\n  oncall: {rights: [view, operate]}\n  operator: {targets: [\"*\"], logins: [deploy], allow: [\"echo <text>...\", \"sleep <text>\"]}\n"
	port, err := testhost.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	cfg := testgate.Config{Dir: dir, Binary: binary, Policy: policy, Extra: fmt.Sprintf("  web-2: {address: \"127.0.0.1:%d\", logins: [deploy], host_ca: true}\n", port),
		Hosts: []testhost.Config{{Name: "web-1", Accounts: []testhost.Account{{Name: "deploy", UID: 2001}}}}}
	if s.gate, err = testgate.Start(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			log := s.gate.Log()
			t.Log(strings.Join(log[max(0, len(log)-60):], "\n"))
		}
		if err := s.gate.Close(); err != nil {
			t.Error(err)
		}
	})
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	hostKey, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	s.key = filepath.Join(root, "web-2.pub")
	if err := os.WriteFile(s.key, ssh.MarshalAuthorizedKey(hostKey), 0o644); err != nil {
		t.Fatal(err)
	}
	s.web2, err = testhost.Start(t.Context(), testhost.Config{Dir: web2, Name: "web-2", TargetCA: s.gatehouse("ca", "show", "target"), Port: port,
		Accounts: []testhost.Account{{Name: "deploy", UID: 2001}}, HostKey: private, HostCertificate: s.signHost()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.web2.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// gatehouse runs a verb that must succeed and returns what it printed.
func (s *stage) gatehouse(args ...string) string {
	s.t.Helper()
	r, err := s.try(args...)
	if err != nil || r.Status != 0 {
		s.t.Fatalf("gatehouse %q: %v, status %d: %s%s", args, err, r.Status, r.Stdout, r.Stderr)
	}
	return r.Stdout
}

func (s *stage) try(args ...string) (testhost.Result, error) {
	return s.gate.Run(context.WithoutCancel(s.t.Context()), append(args, "--config", s.gate.Path)...)
}

// signHost has web-2's host key certified by the key of the host CA that signs now.
func (s *stage) signHost() *ssh.Certificate {
	s.t.Helper()
	s.gatehouse("ca", "sign-host", "--target", "web-2", "--public-key", s.key)
	text, err := os.ReadFile(strings.TrimSuffix(s.key, ".pub") + "-cert.pub")
	if err != nil {
		s.t.Fatal(err)
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey(text)
	if err != nil {
		s.t.Fatal(err)
	}
	return key.(*ssh.Certificate)
}

// installTrust gives both targets the target CA keys that are published now.
func (s *stage) installTrust() {
	s.t.Helper()
	keys := s.gatehouse("ca", "show", "target")
	if err := errors.Join(s.gate.Hosts["web-1"].SetTargetCA(keys), s.web2.SetTargetCA(keys)); err != nil {
		s.t.Fatal(err)
	}
}

// load is clients that work without a pause: each renews its certificate and its known_hosts, runs a command over the one way and
// over the other, and begins again.
type load struct {
	s *stage

	mu       sync.Mutex
	epoch    int
	finished []int // by client: the epoch in which its last whole round began
	rounds   int
	failures []string
	changed  chan struct{} // closed and replaced when a round ends

	stop context.CancelFunc
	work sync.WaitGroup
}

func (s *stage) startLoad(clients int) *load {
	ctx, stop := context.WithCancel(context.Background())
	l := &load{s: s, finished: make([]int, clients), changed: make(chan struct{}), stop: stop, epoch: 1}
	for i := range clients {
		l.work.Go(func() {
			for ctx.Err() == nil {
				l.round(i)
			}
		})
	}
	s.t.Cleanup(l.end)
	return l
}

func (l *load) end() {
	l.stop()
	l.work.Wait()
}

func (l *load) round(i int) {
	l.mu.Lock()
	epoch := l.epoch
	l.mu.Unlock()
	why := l.client(fmt.Sprintf("w%d", i))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rounds++
	l.finished[i] = epoch
	if why != "" {
		l.failures = append(l.failures, why)
	}
	close(l.changed)
	l.changed = make(chan struct{})
}

// client is one round; it says what failed.
func (l *load) client(who string) string {
	ctx := context.Background()
	if _, err := l.s.gate.Enrol(ctx, "agent", who, "--ttl", "5m"); err != nil {
		return who + ": renew: " + err.Error()
	}
	for _, way := range [][]string{{"deploy@web-1@gatehouse", "echo direct"}, {"-J", "gatehouse", "deploy@web-2", "echo jumped"}} {
		r, err := l.s.gate.SSH(ctx, who, nil, way...)
		if err != nil || r.Status != 0 || !strings.HasSuffix(way[len(way)-1], strings.TrimSpace(r.Stdout)) || r.Stdout == "" {
			return fmt.Sprintf("%s: ssh %q: %v, status %d, %q, %s", who, way, err, r.Status, r.Stdout, r.Stderr)
		}
	}
	return ""
}

// await waits until every client has finished a round that began after now.
func (l *load) await() {
	l.s.t.Helper()
	l.mu.Lock()
	l.epoch++
	want := l.epoch
	l.mu.Unlock()
	limit := time.NewTimer(2 * time.Minute)
	defer limit.Stop()
	for {
		l.mu.Lock()
		missing, changed := 0, l.changed
		for _, at := range l.finished {
			if at < want {
				missing++
			}
		}
		failures := l.failures
		l.mu.Unlock()
		if len(failures) > 0 {
			l.s.t.Fatalf("%d rounds failed, the first: %s", len(failures), failures[0])
		}
		if missing == 0 {
			return
		}
		select {
		case <-changed:
		case <-limit.C:
			l.s.t.Fatalf("%d clients do not come to an end", missing)
		}
	}
}

// TestRotationUnderLoad rotates each CA, the whole way, forth and back and forth, while clients work without a pause and one session
// of each kind stays open: nothing fails, and what stays open ends only where the agent CA's old key is retired under it.
func TestRotationUnderLoad(t *testing.T) {
	s := newStage(t, *rotationSessions+1)
	l := s.startLoad(*rotationSessions)
	l.await()
	stays := s.stay(fmt.Sprintf("w%d", *rotationSessions))
	step := func(name string, args ...string) {
		t.Helper()
		t.Log(strings.SplitN(s.gatehouse(append([]string{"ca", "rotate", name}, args...)...), "\n", 2)[0])
		l.await()
	}
	// Target CA: the targets are told between the first step and the second.
	step("target")
	if r, err := s.try("ca", "rotate", "target"); err != nil || r.Status != 1 || !strings.Contains(r.Stderr, "web-2 was not seen to accept") {
		t.Errorf("a switch before any target was seen to accept the next key: %v, %+v", err, r)
	}
	s.installTrust()
	step("target", "--force") // nobody has run targets check here
	step("target", "--undo")
	step("target", "--force")
	step("target")
	s.installTrust()
	l.await()
	// Host CA: web-2 gets its new certificate between the second and the third.
	step("host")
	step("host")
	if r, err := s.try("ca", "rotate", "host"); err != nil || r.Status != 1 || !strings.Contains(r.Stderr, "web-2 shows a host certificate by") {
		t.Errorf("retire while web-2 shows its old certificate: %v, %+v", err, r)
	}
	if err := s.web2.SetHostCertificate(s.signHost()); err != nil {
		t.Fatal(err)
	}
	l.await()
	step("host")
	// Face CA: the clients fetch known_hosts in every round.
	step("face")
	step("face")
	step("face", "--undo")
	step("face")
	step("face")
	// Agent CA, last, as it ends what stayed open.
	step("agent")
	step("agent")
	if !stays.open() {
		t.Error("a session that was open all the time has ended")
	}
	if r, err := s.try("ca", "rotate", "agent"); err != nil || r.Status != 1 || !strings.Contains(r.Stderr, "may be valid until") {
		t.Errorf("retire while certificates by the old key are valid: %v, %+v", err, r)
	}
	step("agent", "--force")
	if status, errs := stays.wait(); status != 137 || !strings.Contains(errs, "was retired") {
		t.Errorf("the session by the retired key: status %d, %q", status, errs)
	}
	l.end()
	t.Logf("%d rounds of 2 sessions by %d clients, %d failures", l.rounds, *rotationSessions, len(l.failures))
	if len(l.failures) > 0 {
		t.Errorf("failures: %q", l.failures)
	}
	for _, c := range s.status().CAs {
		if c.Phase != "steady" || c.Keys[len(c.Keys)-1].State != "active" || c.Keys[0].State != "retired" {
			t.Errorf("%+v", c)
		}
	}
}

func (s *stage) status() protocol.CAStatus {
	s.t.Helper()
	var out protocol.CAStatus
	if err := json.Unmarshal([]byte(s.gatehouse("ca", "status", "--json")), &out); err != nil {
		s.t.Fatal(err)
	}
	return out
}
