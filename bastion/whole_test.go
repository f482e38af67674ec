package bastion

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/crypto/ssh"

	"gatehouse/bastion/target/local"
	"gatehouse/ca"
	"gatehouse/internal/console"
	"gatehouse/internal/decider"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/permit"
	"gatehouse/internal/store"
	"gatehouse/internal/testhost"
	"gatehouse/policy"
	"gatehouse/recorder"
)

const wholePolicy = `version: 1
people: {ann: {roles: [oncall]}}
agents:
  bot: {owner: person:ann, roles: [operator]}
  other: {owner: person:ann, roles: [operator]}
roles:
  oncall: {rights: [view, operate]}
  operator:
    targets: ["*"]
    logins: [deploy, root, ops]
    env: [LANG]
    allow:
      - echo <text>...
      - "false"
      - sleep <int>
      - {run: cat, stdin: data}
      - {run: stty size, pty: true}
      - {run: uname, mode: pinned}
`

// whole is a door and a decider in this process, so that the race detector sees both, with a real target.
type whole struct {
	t       *testing.T
	dir     string
	decider *decider.Decider
	server  *Server
	store   *store.SQLite
	host    *testhost.Host
	addr    string
	change  func(*Config)
}

func newWhole(t *testing.T) *whole {
	t.Helper()
	return newWholeWith(t, func(*Config) {})
}

// newWholeWith starts one whose door's configuration is changed first.
func newWholeWith(t *testing.T, change func(*Config)) *whole {
	t.Helper()
	w := &whole{t: t, dir: t.TempDir(), change: change}
	ctx := t.Context()
	log := hclog.New(&hclog.LoggerOptions{Name: "test", Level: hclog.Debug, Output: &testWriter{t}})
	w.write("policy.yaml", wholePolicy)
	w.write("targets.yaml", "version: 1\ntargets: {}\n")
	var err error
	w.decider, err = decider.Open(ctx, decider.Config{Dir: filepath.Join(w.dir, "decider"), Node: "test", Names: []string{"gatehouse"},
		WebURL: "http://localhost", Policy: filepath.Join(w.dir, "policy.yaml"), Targets: filepath.Join(w.dir, "targets.yaml"), Tickets: []byte(ticketSecret), Log: log})
	w.must(err)
	t.Cleanup(func() { w.must(w.decider.Close()) })
	w.startHost(ctx)
	client := w.join(log)
	hello, err := client.Hello(ctx)
	w.must(err)
	w.openDoor(client, hello, log)
	return w
}

func (w *whole) startHost(ctx context.Context) {
	targetCA, err := os.ReadFile(filepath.Join(decider.CADir(filepath.Join(w.dir, "decider")), ca.TargetKeyFile+".pub"))
	w.must(err)
	dir := filepath.Join(w.dir, "host")
	w.must(os.Mkdir(dir, 0o755))
	w.host, err = testhost.Start(ctx, testhost.Config{Dir: dir, Name: "web-1", TargetCA: string(targetCA),
		Accounts: []testhost.Account{{Name: "deploy", UID: 2000}, {Name: "root"}}})
	w.must(err)
	w.t.Cleanup(func() { w.must(w.host.Close()) })
	w.write("targets.yaml", fmt.Sprintf("version: 1\ntargets:\n  web-1: {address: %q, logins: [deploy, root], host_key: %q}\n  here: {local: true, run_as: {ops: nobody}}\n",
		w.host.Addr(), strings.TrimSpace(string(ssh.MarshalAuthorizedKey(w.host.HostKey())))))
	_, err = w.decider.Reload(ctx)
	w.must(err)
}

// join connects door and decider by the protocol.
func (w *whole) join(log hclog.Logger) protocol.Door {
	doorEnd, deciderEnd := net.Pipe()
	served := make(chan error, 1)
	go func() { served <- w.decider.ServeDoor(context.Background(), deciderEnd) }()
	client := protocol.NewClient(doorEnd, protocol.Events{
		Inventory: func(e protocol.InventoryEvent) {}, Revoke: func(e protocol.RevokeEvent) { w.server.Revoke(e.Sessions, e.Reason) },
		End:    func(e protocol.EndEvent) { w.server.EndConnections(e.Connections, e.Reason) },
		Access: func(e protocol.AccessEvent) { w.server.Access(e) },
		Bad:    func(op protocol.Op, err error) { log.Error("event", "op", op, "error", err) }}.Handle)
	w.t.Cleanup(func() {
		_ = client.Close()
		w.must(<-served)
	})
	return protocol.Door{Client: client}
}

func (w *whole) openDoor(client protocol.Door, hello protocol.HelloAnswer, log hclog.Logger) {
	var err error
	w.store, err = store.OpenSQLite(store.Config{Path: filepath.Join(w.dir, "gatehouse.db"), Log: log})
	w.must(err)
	w.t.Cleanup(func() { w.must(w.store.Close()) })
	rec, err := recorder.New(recorder.Config{Dir: filepath.Join(w.dir, "recordings"), Commit: client.Commit, Log: log})
	w.must(err)
	_, key, err := ed25519.GenerateKey(nil)
	w.must(err)
	hostKey, err := ssh.NewSignerFromSigner(key)
	w.must(err)
	cfg := Config{Gate: client, Transfers: client, Evidence: client, Certifier: client, Recorder: rec, Sessions: w.store, Lines: w.store, Local: w.localStarter(log),
		Trust: hello.Trust, HostKey: hostKey, Targets: hello.Targets, Log: log}
	w.change(&cfg)
	w.server, err = New(cfg)
	w.must(err)
	verbs, err := console.New(console.Config{Sessions: w.store, Recordings: rec, Authorize: client, Kill: w.server, Links: client, Revoke: client, Offers: client, Unseal: client, Pause: w.server, Access: client, WatchRequest: w.server.WatchRequest})
	w.must(err)
	w.server.SetConsole(verbs)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	w.must(err)
	w.addr = l.Addr().String()
	served := make(chan error, 1)
	go func() { served <- w.server.Serve(l) }()
	w.t.Cleanup(func() {
		w.must(l.Close())
		w.must(<-served)
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		w.server.Shutdown(ctx, "the test is over")
		if ctx.Err() != nil {
			w.t.Error("the door did not shut down")
		}
	})
}

func (w *whole) localStarter(log hclog.Logger) *local.Client {
	doorEnd, supervisorEnd, err := local.Socketpair()
	w.must(err)
	supervisor, err := local.NewServer(supervisorEnd, permit.NewChecker(w.decider.PermitKey(), time.Now), log)
	w.must(err)
	served := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { served <- supervisor.Serve(ctx) }()
	client, err := local.NewClient(doorEnd)
	w.must(err)
	w.t.Cleanup(func() {
		w.must(client.Close())
		cancel()
		w.must(<-served)
	})
	return client
}

// certify issues a certificate as `gatehouse issue` does, for a fresh key.
func (w *whole) certify(kind policy.Kind, name string, ttl time.Duration) ssh.Signer {
	w.t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	w.must(err)
	base, err := ssh.NewSignerFromSigner(key)
	w.must(err)
	body, err := json.Marshal(protocol.Issue{Kind: kind, Name: name, PublicKey: base.PublicKey().Marshal(), TTL: ttl, By: "test"})
	w.must(err)
	answer, err := w.decider.HandleAdmin(w.t.Context(), protocol.OpIssue, body)
	w.must(err)
	cert, err := ca.ParseCertificate(answer.(protocol.Issued).Certificate)
	w.must(err)
	signer, err := ssh.NewCertSigner(cert, base)
	w.must(err)
	return signer
}

// dial connects with the given signers, offered in this order.
func (w *whole) dial(user string, signers ...ssh.Signer) (*ssh.Client, error) {
	return ssh.Dial("tcp", w.addr, &ssh.ClientConfig{User: user, Timeout: 10 * time.Second,
		Auth:            []ssh.AuthMethod{ssh.PublicKeys(signers...)},
		HostKeyCallback: ssh.InsecureIgnoreHostKey()}) // the face is tested with stock clients
}

func (w *whole) client(user string, signers ...ssh.Signer) *ssh.Client {
	w.t.Helper()
	c, err := w.dial(user, signers...)
	w.must(err)
	w.t.Cleanup(func() { _ = c.Close() })
	return c
}

func (w *whole) write(name, text string) {
	w.t.Helper()
	w.must(os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o644))
}

func (w *whole) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// exec runs a line and returns stdout, stderr and the exit status, -1 if none came.
func exec(c *ssh.Client, line string) (stdout, stderr string, status int) {
	s, err := c.NewSession()
	if err != nil {
		return "", err.Error(), -1
	}
	defer s.Close()
	var out, errs strings.Builder
	s.Stdout, s.Stderr = &out, &errs
	err = s.Run(line)
	status = 0
	if exit, ok := err.(*ssh.ExitError); ok {
		status = exit.ExitStatus()
	} else if err != nil {
		status = -1
	}
	return out.String(), errs.String(), status
}

// session waits until the only session with that command is in the state.
func (w *whole) session(command string, state store.State) store.Session {
	w.t.Helper()
	deadline := time.Now().Add(15 * time.Second)
	var last []store.Session
	for time.Now().Before(deadline) {
		all, err := w.store.List(w.t.Context(), store.Filter{})
		w.must(err)
		last = nil
		for _, s := range all {
			if s.Command != command {
				continue
			}
			last = append(last, s)
			if s.State == state {
				return s
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.t.Fatalf("no session %q became %s: %+v", command, state, last)
	return store.Session{}
}

type testWriter struct{ t *testing.T }

func (w *testWriter) Write(b []byte) (int, error) {
	if testing.Verbose() {
		fmt.Fprintf(os.Stderr, "%s", b)
	}
	return len(b), nil
}

// gone reports whether a client notices that its connection has ended. Opening a channel would not tell: x/crypto never answers one
// that is opened in the very moment of the end.
func gone(c *ssh.Client) bool {
	ended := make(chan struct{})
	go func() {
		_ = c.Wait() // how does not matter
		close(ended)
	}()
	select {
	case <-ended:
		return true
	case <-time.After(20 * time.Second):
		return false
	}
}

// ticketSecret is that of whoever tells the decider that tickets were closed.
const ticketSecret = "0123456789abcdef"
