package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/hostile"
	"gatehouse/internal/rawssh"
	"gatehouse/internal/testgate"
	"gatehouse/internal/testhost"
)

var attacks = flag.Bool("attacks", false, "attack a whole installation: every hostile case, ten thousand connections, ssh-audit")

const attackPolicy = `version: 1
people: {ann: {}}
agents: {bot: {owner: person:ann, roles: [r]}}
roles: {r: {targets: ["*"], logins: [deploy], allow: [echo <text>..., sleep <int>]}}
`

// servedIn is how long the next client may have to wait.
const servedIn = 2 * time.Second

// besieged is a running Gatehouse, and what a good client needs.
type besieged struct {
	t    *testing.T
	gate *testgate.Gate
	key  ssh.Signer
	door int // its process
}

func besiege(t *testing.T, limits string) *besieged {
	t.Helper()
	dir := openFolder(t)
	g, err := testgate.Start(t.Context(), testgate.Config{Dir: mkdir(t, dir, "gate"), Binary: build(t, dir), Policy: attackPolicy, Limits: limits,
		Hosts: []testhost.Config{{Name: "web-1", Accounts: []testhost.Account{{Name: "deploy", UID: firstUID}}}}})
	must(t, err)
	t.Cleanup(func() { must(t, g.Close()) })
	b := &besieged{t: t, gate: g}
	_, err = g.Enrol(t.Context(), "agent", "bot", "--ttl", "15m")
	must(t, err)
	b.key = holder(t, g, "bot")
	if b.door = g.PID("door"); b.door == 0 {
		t.Fatal("there is no door")
	}
	return b
}

// memory is what the door holds, in MiB.
func (b *besieged) memory() int {
	b.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", b.door))
	must(b.t, err)
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.Atoi(strings.Fields(rest)[0])
			must(b.t, err)
			return kib >> 10
		}
	}
	b.t.Fatal("no VmRSS")
	return 0
}

// served runs a command as a good client and returns how long it took.
func (b *besieged) served() time.Duration {
	b.t.Helper()
	begun := time.Now()
	c, err := ssh.Dial("tcp", b.gate.SSHAddr, &ssh.ClientConfig{User: "deploy@web-1", Auth: []ssh.AuthMethod{ssh.PublicKeys(b.key)},
		HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: 20 * time.Second})
	if err != nil {
		b.t.Errorf("the next client: %v", err)
		return time.Since(begun)
	}
	defer c.Close()
	s, err := c.NewSession()
	must(b.t, err)
	if out, err := s.Output("echo served"); err != nil || string(out) != "served\n" {
		b.t.Errorf("the next client: %q, %v", out, err)
	}
	return time.Since(begun)
}

// Every hostile case against the program as it is shipped: the next client is served in time, and the door holds little in the end.
func TestAttacksOnTheProgram(t *testing.T) {
	if !*attacks {
		hostileCoreRuns(t)
		return
	}
	b := besiege(t, "unclosed: 2s, stalled: 10s, starting: 1000, starting_per_source: 1000")
	e := &hostile.Env{Addr: b.gate.SSHAddr, User: "deploy@web-1", Target: "web-1", Key: b.key}
	defer e.Close()
	before, worst, most := b.memory(), time.Duration(0), 0
	for _, c := range hostile.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			if err := c.Run(e); err != nil {
				t.Error(err)
			}
			took := b.served()
			worst, most = max(worst, took), max(most, b.memory())
			if took > servedIn {
				t.Errorf("the next client was served after %s", took.Round(time.Millisecond))
			}
		})
	}
	t.Logf("%d cases; the slowest good client took %s; the door held %d MiB before, %d MiB at most", len(hostile.Cases()), worst.Round(time.Millisecond), before, most)
	if most > 600 {
		t.Errorf("the door held %d MiB", most)
	}
}

// hostileCoreRuns says that the table is there: bastion's tests run a part of it every time.
func hostileCoreRuns(t *testing.T) {
	if n := len(hostile.Cases()); n < 100 {
		t.Errorf("%d hostile cases", n)
	}
}

// Ten thousand connections at every stage of a handshake, from two hundred addresses: those beyond the limits are closed at once, the
// others' time runs out, a good client is served meanwhile, and what is held is bounded.
func TestTenThousandConnections(t *testing.T) {
	if !*attacks {
		return // it takes a minute, and as many descriptors: make e2e
	}
	b := besiege(t, "connections: 12000, starting: 11000, starting_per_source: 60, authentication: 90s, penalty_score: 1000000")
	before := b.memory()
	var open []net.Conn
	defer func() {
		for _, c := range open {
			_ = c.Close()
		}
	}()
	for i := range 10_000 {
		c, err := rawssh.Dial(b.gate.SSHAddr, fmt.Sprintf("127.0.1.%d", 1+i%200))
		must(t, err)
		open = append(open, c)
		_ = c.SetDeadline(time.Now().Add(2 * time.Minute))
		if i%4 > 0 {
			must(t, c.Hello(rawssh.Version))
		}
		if i%40 == 3 {
			must(t, c.Exchange())
		}
		if i%1000 == 999 {
			t.Logf("%d open: %d MiB, a good client took %s", i+1, b.memory(), b.served().Round(time.Millisecond))
		}
	}
	took, held := b.served(), b.memory()
	t.Logf("10000 half-open connections: %d MiB before, %d MiB now, a good client took %s", before, held, took.Round(time.Millisecond))
	if took > servedIn || held > 1500 {
		t.Errorf("served in %s, %d MiB", took, held)
	}
	if n := b.number(`gatehouse_ssh_connections{state="starting"}`); n < 9000 {
		t.Errorf("%v connections are counted", n)
	}
	refused := 0
	for i := range 500 {
		c, err := rawssh.Dial(b.gate.SSHAddr, fmt.Sprintf("127.0.1.%d", 1+i%5))
		must(t, err)
		open = append(open, c)
		if c.Hello(rawssh.Version) != nil {
			refused++
		}
	}
	if refused < 400 {
		t.Errorf("%d of 500 beyond the limit of their sources were refused", refused)
	}
}

func (b *besieged) number(name string) float64 {
	b.t.Helper()
	r, err := http.Get(b.gate.Metrics)
	must(b.t, err)
	defer r.Body.Close()
	var text bytes.Buffer
	_, err = text.ReadFrom(r.Body)
	must(b.t, err)
	for line := range strings.Lines(text.String()) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			n, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			must(b.t, err)
			return n
		}
	}
	return 0
}

// ssh-audit, a judge of others, has nothing to say against the door.
func TestSSHAudit(t *testing.T) {
	if !*attacks {
		return // ssh-audit is for make e2e
	}
	b := besiege(t, "starting: 1000")
	host, port, err := net.SplitHostPort(b.gate.SSHAddr)
	must(t, err)
	r, err := testhost.Run(context.Background(), nil, "ssh-audit", "--no-colors", "--level=warn", "-p", port, host)
	must(t, err)
	t.Logf("%s", r.Stdout)
	for line := range strings.Lines(string(r.Stdout)) {
		if strings.Contains(line, "[fail]") || strings.Contains(line, "[warn]") {
			if !excepted(line) {
				t.Errorf("ssh-audit: %s", strings.TrimSpace(line))
			}
		}
	}
}

// excepted are what ssh-audit says and we do not follow, with the reason.
func excepted(line string) bool {
	for _, e := range []struct{ has, reason string }{
		{"mlkem768x25519-sha256 ", "this ssh-audit is older than the algorithm, and calls it unknown"},
		{"kex-strict-s-v00@openssh.com ", "the mark of strict key exchange is no algorithm; this ssh-audit is older than it"},
	} {
		if strings.Contains(line, e.has) {
			return true
		}
	}
	return false
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
