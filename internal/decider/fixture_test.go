package decider

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"gatehouse/ca"
	"gatehouse/internal/decider/lend"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

const testPolicy = `version: 1
people: {ann: {roles: [oncall]}, vic: {roles: [viewer]}, nan: {}, uma: {roles: [unmasker]}}
agents: {bot: {owner: person:ann, roles: [operator]}, other: {owner: person:vic, roles: [elsewhere]}}
roles:
  oncall: {rights: [view, operate]}
  viewer: {rights: [view]}
  unmasker: {rights: [view, unmask]}
  operator:
    targets: [web-1, bastion-host, gone-1]
    logins: [deploy, ops]
    env: [LANG]
    allow:
      - echo <text>...
      - {run: top, pty: true}
      - {run: "printf <text>...", mode: pinned}
  elsewhere:
    targets: [web-2]
    logins: [deploy]
    allow: [id]
`

const hostKeyLine = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh"

const testTargets = `version: 1
targets:
  web-1: {address: "127.0.0.1:1", logins: [deploy, root], host_key: "` + hostKeyLine + `"}
  web-2: {address: "127.0.0.1:2", logins: [deploy], host_key: "` + hostKeyLine + `"}
  bastion-host: {local: true, run_as: {ops: nobody}}
`

// clock is a clock that tests set.
type clock struct {
	mu   sync.Mutex
	at   time.Time
	hook func() // nil, or called once
	skip int
}

func newBenchClock() *clock { return &clock{at: time.Now().UTC().Truncate(time.Second)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	hook, at := c.hook, c.at
	if hook != nil {
		if c.skip--; c.skip >= 0 {
			hook = nil
		} else {
			c.hook = nil
		}
	}
	c.mu.Unlock()
	if hook != nil {
		hook()
	}
	return at
}

// later calls f once, when the clock is read for the second time from now on.
func (c *clock) later(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hook, c.skip = f, 1
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// bench is a real decider and a door that is not to be trusted: it speaks the protocol and tries things.
type bench struct {
	t     testing.TB
	dir   string
	clock *clock
	d     *Decider
	door  protocol.Door

	mu        sync.Mutex
	revoked   []protocol.RevokeEvent
	signedOut []string
	ended     []protocol.EndEvent
	changed   []string      // requests
	told      chan struct{} // one for each event
	trusts    chan protocol.Trust
}

// newBench opens a decider with the test policy and gives a fake door its socket.
func newBench(t testing.TB) *bench {
	t.Helper()
	b := &bench{t: t, dir: t.TempDir(), clock: newBenchClock(), told: make(chan struct{}, 64), trusts: make(chan protocol.Trust, 64)}
	b.write("policy.yaml", testPolicy)
	b.write("targets.yaml", testTargets)
	b.open()
	b.connectDoor()
	return b
}

func (b *bench) write(name, text string) {
	b.t.Helper()
	path := filepath.Join(b.dir, name)
	b.must(os.WriteFile(path+".new", []byte(text), 0o600))
	b.must(os.Rename(path+".new", path))
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) config() Config {
	return Config{Dir: filepath.Join(b.dir, "decider"), Node: "test", Names: []string{"gatehouse"}, WebURL: "http://localhost:1",
		Policy: filepath.Join(b.dir, "policy.yaml"), Targets: filepath.Join(b.dir, "targets.yaml"), Now: b.clock.now}
}

func (b *bench) open() {
	b.t.Helper()
	d, err := Open(context.Background(), b.config())
	b.must(err)
	b.d = d
	b.t.Cleanup(func() { _ = d.Close() })
}

// connectDoor serves one end of a socket pair and keeps the other.
func (b *bench) connectDoor() {
	b.t.Helper()
	ours, theirs := socketPair(b.t)
	served, d := make(chan struct{}), b.d
	go func() {
		defer close(served)
		_ = d.ServeDoor(context.Background(), theirs)
	}()
	var lender *lend.Lender
	ready := make(chan struct{})
	events := protocol.Events{Inventory: func(protocol.InventoryEvent) { b.note(nil) }, Revoke: func(e protocol.RevokeEvent) { b.note(&e) }, SignedOut: b.noteSignedOut,
		Access: b.noteAccess, End: b.noteEnd, Trust: func(e protocol.Trust) { b.trusts <- e },
		Dial: func(e protocol.DialEvent) { lender.Dial(e) }, Send: func(e protocol.SendEvent) { lender.Send(e) }, HangUp: func(e protocol.HangUpEvent) { lender.HangUp(e) },
		Bad: func(op protocol.Op, err error) { b.t.Errorf("event %s: %v", op, err) }}
	b.door = protocol.Door{Client: protocol.NewClient(ours, func(op protocol.Op, body json.RawMessage) { <-ready; events.Handle(op, body) })}
	lender = lend.NewLender(lend.LenderConfig{Decider: b.door})
	close(ready)
	b.t.Cleanup(func() {
		lender.Close()
		_ = b.door.Close()
		<-served
		<-b.door.Done()
	})
}

func (b *bench) note(e *protocol.RevokeEvent) {
	b.mu.Lock()
	if e != nil {
		b.revoked = append(b.revoked, *e)
	}
	b.mu.Unlock()
	b.told <- struct{}{}
}

func (b *bench) noteEnd(e protocol.EndEvent) {
	b.mu.Lock()
	b.ended = append(b.ended, e)
	b.mu.Unlock()
	b.told <- struct{}{}
}

func (b *bench) noteAccess(e protocol.AccessEvent) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.changed = append(b.changed, e.Requests...)
}

func (b *bench) noteSignedOut(e protocol.SignedOutEvent) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.signedOut = append(b.signedOut, e.SignIns...)
}

func socketPair(t testing.TB) (net.Conn, net.Conn) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	var ends [2]net.Conn
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "pair")
		if ends[i], err = net.FileConn(f); err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
	}
	return ends[0], ends[1]
}

func newKey(t testing.TB) (ssh.PublicKey, ssh.Signer) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return signer.PublicKey(), signer
}

// admin asks as root on the machine does.
func admin[Out any](b *bench, op protocol.Op, in any) (Out, error) {
	body, err := json.Marshal(in)
	b.must(err)
	out, err := b.d.HandleAdmin(context.Background(), op, body)
	got, _ := out.(Out)
	return got, err
}

// issued is a client's certificate by the agent CA, as gatehouse issue makes it.
func (b *bench) issued(kind policy.Kind, name string, ttl time.Duration, sources ...string) []byte {
	b.t.Helper()
	key, _ := newKey(b.t)
	got, err := admin[protocol.Issued](b, protocol.OpIssue, protocol.Issue{Kind: kind, Name: name, PublicKey: key.Marshal(), TTL: ttl, Sources: sources, By: "test"})
	b.must(err)
	return got.Certificate
}

func (b *bench) id(p id.Prefix) string { return id.New(p, b.clock.now()) }

// connect registers a connection and returns its id.
func (b *bench) connect(kind policy.Kind, name string) string {
	b.t.Helper()
	conn := b.id(id.Connection)
	_, err := b.door.Authenticate(b.t.Context(), protocol.Authenticate{Connection: conn, Certificate: b.issued(kind, name, 10*time.Minute), Source: "192.0.2.1", Proven: true})
	b.must(err)
	return conn
}

func run(argv ...string) policy.Plan { return policy.Plan{Op: policy.OpRun, Argv: argv} }

// question is an allowed one: what a test then spoils.
func (b *bench) question(conn string, argv ...string) protocol.Decide {
	key, _ := newKey(b.t)
	return protocol.Decide{Connection: conn, Session: b.id(id.Session), Target: "web-1", Login: "deploy", Plan: run(argv...), PublicKey: key.Marshal(), Facts: usualFacts}
}

// usualFacts are what an honest door has found on web-1.
var usualFacts = policy.Facts{Home: "/home/deploy", Programs: foundPrograms("echo", "top", "printf", "id"), Contents: map[string]policy.FileState{
	"/usr/bin/printf": {Path: "/usr/bin/printf", Kind: policy.PathFile, SHA256: strings.Repeat("ab", 32), Size: 7}, "/home/deploy/x": {Path: "/home/deploy/x", Missing: true}}}

func foundPrograms(names ...string) map[string]policy.ProgramFact {
	found := map[string]policy.ProgramFact{}
	for _, name := range names {
		found[name] = policy.ProgramFact{Path: "/usr/bin/" + name, Real: "/usr/bin/" + name}
	}
	return found
}

func parseCert(t testing.TB, wire []byte) *ssh.Certificate {
	t.Helper()
	cert, err := ca.ParseCertificate(wire)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// entries reads the log as it is on the disk now.
func (b *bench) entries() []audit.Entry {
	b.t.Helper()
	text, err := os.ReadFile(filepath.Join(LogDir(b.config().Dir), "entries"))
	b.must(err)
	var out []audit.Entry
	for line := range bytes.Lines(text) {
		e, err := audit.Parse(bytes.TrimSuffix(line, []byte("\n")))
		b.must(err)
		out = append(out, e)
	}
	return out
}

// code is the protocol's error code of err, "" for none.
func code(err error) string {
	var own *protocol.Error
	if errors.As(err, &own) {
		return own.Code
	}
	if err != nil {
		return fmt.Sprintf("not the decider's: %v", err)
	}
	return ""
}
