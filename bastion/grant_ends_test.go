//go:build !race

// Sixty ends, one after the other: what runs at once in them has tests of its own under the race detector.

package bastion

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
)

// lending is a gate where each agent is lent the role admin by vic, for everything that can run by it.
type lending struct {
	*whole
	door  protocol.Door
	key   ssh.Signer
	vic   *ssh.Client
	names []string
}

// newLending starts one for agents of these names; the owner of each has the name of the agent with "o-" before it.
func newLending(t *testing.T, names ...string) *lending {
	t.Helper()
	o := &outside{names: map[string][]string{"db-1": {"192.0.2.7"}}, at: map[string]string{}}
	l := &lending{names: names}
	l.whole = newWholeWith(t, func(c *Config) {
		c.Dialer = o.dialer()
		l.door = c.Gate.(protocol.Door)
	})
	o.serve(t, "192.0.2.7:5432", echo)
	_, key, err := ed25519.GenerateKey(nil)
	l.must(err)
	l.key, err = ssh.NewSignerFromSigner(key)
	l.must(err)
	l.policy(func(text string) string { return text })
	l.vic = l.client("", l.certify(policy.Person, "vic", 10*time.Minute))
	return l
}

// policy puts the policy in force, changed.
func (l *lending) policy(change func(string) string) {
	l.t.Helper()
	var people, agents, roles strings.Builder
	for _, name := range l.names {
		fmt.Fprintf(&people, "  o-%s: {}\n", name)
		fmt.Fprintf(&agents, "  %s: {owner: person:o-%s, roles: [r-%s]}\n", name, name, name)
		fmt.Fprintf(&roles, "  r-%s: {targets: [web-1], logins: [deploy], allow: [\"true\"], request: [{role: admin, from: [sre], for: 10m, uses: any}]}\n", name)
	}
	l.write("policy.yaml", change(fmt.Sprintf(`version: 1
groups: {sre: [person:vic]}
people:
  ann: {roles: [oncall]}
  vic: {approval_keys: [%q]}
%sagents:
%sroles:
  oncall: {rights: [view, operate, administer]}
%s  admin:
    targets: [web-1]
    logins: [deploy]
    allow: [{run: cat, stdin: data}, {run: "sleep <int>", pty: true}]
    ask: [{run: uname, from: [sre], within: 15m, wait: 5m}]
    files: {read: ["/tmp/**"]}
    forward: ["db-1:5432"]
`, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(l.key.PublicKey()))), people.String(), agents.String(), roles.String())))
	out, err := l.decider.Reload(l.t.Context())
	if l.must(err); out.Problem != "" {
		l.t.Fatal(out.Problem)
	}
}

var (
	requestID   = regexp.MustCompile(`ar_[0-9A-Z]+`)
	challengeOf = regexp.MustCompile(`challenge (chl_[0-9A-Z]+), `)
)

// lend has an agent ask for the role, and vic approve it with a signature of her own machine's.
func (l *lending) lend(agent ssh.Signer, more string) {
	l.t.Helper()
	asked, errs, status := exec(l.client("", agent), "request --role admin --target web-1 --login deploy --reason work "+more)
	request := requestID.FindString(asked + errs)
	if status != 0 || request == "" {
		l.t.Fatalf("request: %d %q %q", status, asked, errs)
	}
	text, errs, _ := exec(l.vic, "approve "+request+" --text")
	challenge := challengeOf.FindStringSubmatch(errs)
	if challenge == nil {
		l.t.Fatalf("approve: %q %q", text, errs)
	}
	sig, err := sshsig.Sign(strings.NewReader(text), l.key, sshsig.HashSHA512, console.SignatureNamespace)
	l.must(err)
	s, err := l.vic.NewSession()
	l.must(err)
	defer s.Close()
	s.Stdin = bytes.NewReader(sshsig.Armor(sig))
	if out, err := s.CombinedOutput("approve " + request + " --challenge " + challenge[1] + " --signature -"); err != nil {
		l.t.Fatalf("approve: %v %q", err, out)
	}
}

// alive is one thing that runs by a grant.
type alive struct {
	kind   string
	client *ssh.Client
	said   *lockedText // what its client heard besides its output
	ended  chan time.Time
}

// everyKind starts all that a grant can let run, each on a connection of its own but the two that share one.
func (l *lending) everyKind(agent ssh.Signer) []*alive {
	l.t.Helper()
	dial := func() *ssh.Client { return l.client("deploy@web-1", agent) }
	shared := dial()
	out := []*alive{l.running("exec", dial(), nil, "cat"), l.running("shared 1", shared, nil, "cat"), l.running("shared 2", shared, nil, "cat"),
		l.running("pty", dial(), func(s *ssh.Session) error { return s.RequestPty("xterm", 24, 80, ssh.TerminalModes{}) }, "sleep 86071"),
		l.running("sftp", dial(), nil, ""), l.forwarded(dial())}
	c := dial()
	waits := l.wait(c, "uname", nil)
	return append(out, l.watch("waiting", c, waits.errs, func() { _ = waits.session.Wait() }))
}

func (l *lending) running(kind string, c *ssh.Client, prepare func(*ssh.Session) error, line string) *alive {
	l.t.Helper()
	s, err := c.NewSession()
	l.must(err)
	said := &lockedText{}
	in, err := s.StdinPipe()
	l.must(err)
	out, err := s.StdoutPipe()
	l.must(err)
	errs, err := s.StderrPipe() // of a subsystem, nothing else reads it
	l.must(err)
	switch {
	case kind == "sftp":
		l.must(s.RequestSubsystem("sftp"))
		_, err = in.Write([]byte{0, 0, 0, 5, 1, 0, 0, 0, 3}) // SSH_FXP_INIT, version 3
	case prepare != nil:
		l.must(prepare(s))
		err = s.Start(line)
	default:
		l.must(s.Start(line))
		_, err = in.Write([]byte("x\n"))
	}
	l.must(err)
	if prepare == nil { // it runs when it has answered
		_, err = io.ReadFull(out, make([]byte, 2))
		l.must(err)
	}
	return l.watch(kind, c, said, func() {
		if prepare != nil {
			_, _ = io.Copy(said, out)
		} else {
			_, _ = io.Copy(io.Discard, out)
		}
		_, _ = io.Copy(said, errs)
	})
}

func (l *lending) forwarded(c *ssh.Client) *alive {
	l.t.Helper()
	conn, err := c.Dial("tcp", "db-1:5432")
	l.must(err)
	_, err = conn.Write([]byte("x\n"))
	l.must(err)
	_, err = io.ReadFull(conn, make([]byte, 2))
	l.must(err)
	return l.watch("forward", c, nil, func() { _, _ = io.Copy(io.Discard, conn) })
}

func (l *lending) watch(kind string, c *ssh.Client, said *lockedText, wait func()) *alive {
	a := &alive{kind: kind, client: c, said: said, ended: make(chan time.Time, 1)}
	go func() {
		wait()
		a.ended <- time.Now()
	}()
	return a
}

// TestEveryEndEndsEveryKind: each way that a grant ends, against each kind of what runs by it: it ends, its client hears why, and it is not
// to be had again. What used its grant up runs on.
func TestEveryEndEndsEveryKind(t *testing.T) {
	type lent struct {
		name, terms, why string
		end              func(l *lending, agent ssh.Signer)
	}
	ann := func(l *lending, line string) {
		if out, errs, status := exec(l.client("", l.certify(policy.Person, "ann", 10*time.Minute)), line); status != 0 {
			l.t.Errorf("%s: %d %q %q", line, status, out, errs)
		}
	}
	all := []lent{
		{"time", "--for 12s", "its time is over", nil},
		{"beat", "--heartbeat 10s", "heartbeat", nil},
		{"done", "", "the task is done", func(l *lending, agent ssh.Signer) { exec(l.client("", agent), "done") }},
		{"ticket", "--ticket T-1", "the ticket T-1 was closed", func(l *lending, _ ssh.Signer) {
			body, at := `{"ticket":"T-1"}`, strconv.FormatInt(time.Now().Unix(), 10)
			mac := hmac.New(sha256.New, []byte(ticketSecret))
			mac.Write([]byte(at + "." + body))
			_, err := l.door.CloseTicket(l.t.Context(), protocol.AccessTicket{Body: []byte(body), Signature: "sha256=" + hex.EncodeToString(mac.Sum(nil)), Time: at})
			l.must(err)
		}},
		{"lock", "", "agent:lock is locked by person:ann", func(l *lending, _ ssh.Signer) { ann(l, "lock agent:lock --reason stop") }},
		{"revoke", "", "stolen", func(l *lending, _ ssh.Signer) {
			body, err := json.Marshal(protocol.Revoke{By: "root", Handles: []string{"agent:revoke"}, Reason: "stolen"})
			l.must(err)
			_, err = l.decider.HandleAdmin(l.t.Context(), protocol.OpRevoke, body)
			l.must(err)
		}},
		{"kill", "", "person:ann: stop", func(l *lending, _ ssh.Signer) { ann(l, "kill --agent kill --reason stop") }},
		{"role", "", "a change of policy", func(l *lending, _ ssh.Signer) {
			l.policy(func(text string) string {
				return strings.Replace(text, "r-role: {targets: [web-1], logins: [deploy], allow: [\"true\"], request: [{role: admin, from: [sre], for: 10m, uses: any}]}", "r-role: {targets: [web-1], logins: [deploy], allow: [\"true\"]}", 1)
			})
		}},
		{"owner", "", "", func(l *lending, _ ssh.Signer) {
			l.policy(func(text string) string { return strings.Replace(text, "o-owner: {}", "o-owner: {disabled: true}", 1) })
		}},
	}
	var names []string
	for _, c := range all {
		names = append(names, c.name)
	}
	l := newLending(t, names...)
	check := func(c lent, agent ssh.Signer, live []*alive, begun time.Time) {
		for _, a := range live {
			select {
			case at := <-a.ended:
				t.Logf("%s ends %s after %s", c.name, a.kind, at.Sub(begun).Round(time.Millisecond))
			case <-time.After(30 * time.Second):
				t.Errorf("%s: %s lives", c.name, a.kind)
				continue
			}
			if a.said != nil && !strings.Contains(a.said.String(), c.why) {
				t.Errorf("%s: %s heard %q", c.name, a.kind, a.said.String())
			}
			if a.kind != "waiting" && !gone(a.client) {
				t.Errorf("%s: the connection of %s lives", c.name, a.kind)
			}
		}
		if again, err := l.dial("deploy@web-1", agent); err == nil {
			if _, _, status := exec(again, "sleep 0"); status == 0 {
				t.Errorf("%s: it is to be had again", c.name)
			}
			_ = again.Close()
		}
	}
	var later []func()
	for _, c := range all {
		agent := l.certify(policy.Agent, c.name, 10*time.Minute)
		l.lend(agent, c.terms)
		begun := time.Now()
		live := l.everyKind(agent)
		if c.end == nil { // the clock ends it, while others are
			later = append(later, func() { check(c, agent, live, begun) })
			continue
		}
		begun = time.Now()
		c.end(l, agent)
		check(c, agent, live, begun)
	}
	for _, wait := range later {
		wait()
	}
}
