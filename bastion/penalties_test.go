package bastion

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/rawssh"
	"gatehouse/internal/source"
	"gatehouse/policy"
)

// clock is a time that a test sets.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func punishing(t *testing.T, l Limits) (*limiter, *clock) {
	t.Helper()
	c := &clock{time.Unix(1e9, 0)}
	out, err := newLimiter(l, c.now)
	if err != nil {
		t.Fatal(err)
	}
	return out, c
}

func sourceOfText(ip string) netip.Prefix { return source.Of(netip.MustParseAddr(ip)) }

// A source that wastes time is refused, others are not; its points decay, and what is refused adds none.
func TestPenaltiesDecay(t *testing.T) {
	l, c := punishing(t, Limits{PenaltyScore: 20, PenaltyHalf: time.Minute})
	bad := sourceOfText("198.51.100.1")
	for range 3 {
		l.penalties.add(bad, offenceRefused)
	}
	if _, over := l.admit(addr("198.51.100.1")); over != "" {
		t.Errorf("15 points of 20: %s", over)
	}
	l.penalties.add(bad, offenceRefused)
	l.penalties.add(bad, offenceRefused)
	for range 1000 {
		if _, over := l.admit(addr("198.51.100.1")); over != limitPenalty {
			t.Fatalf("25 points of 20: %q", over)
		}
	}
	if _, over := l.admit(addr("198.51.100.2")); over != "" {
		t.Errorf("a neighbour: %s", over)
	}
	c.at = c.at.Add(30 * time.Second)
	if _, over := l.admit(addr("198.51.100.1")); over != "" {
		t.Errorf("after half a half-life: %s", over)
	}
	for range 10_000 {
		l.penalties.add(bad, offenceFlood)
	}
	c.at = c.at.Add(2*time.Minute + time.Second)
	if _, over := l.admit(addr("198.51.100.1")); over != "" {
		t.Errorf("two half-lives after the worst: %s", over)
	}
	c.at = c.at.Add(time.Hour)
	l.penalties.over(bad)
	if got := l.penalties.punished(); got != 0 {
		t.Errorf("%d sources are remembered for nothing", got)
	}
}

// A source with somebody who is known is not locked out by its neighbours, and one that is exempt by nothing.
func TestPenaltiesSpareNeighbours(t *testing.T) {
	l, _ := punishing(t, Limits{PenaltyScore: 20, PenaltyExempt: []string{"10.0.0.0/8"}})
	good, _ := l.admit(addr("198.51.100.1"))
	good.authenticated()
	for range 10 {
		l.penalties.add(sourceOfText("198.51.100.1"), offenceFlood)
		l.penalties.add(sourceOfText("10.1.2.3"), offenceFlood)
	}
	var slots []*slot
	for i := range trickle + 1 {
		s, over := l.admit(addr("198.51.100.1"))
		if (over == "") != (i < trickle) {
			t.Errorf("connection %d beside one that is known: %q", i, over)
		}
		slots = append(slots, s)
	}
	if _, over := l.admit(addr("10.1.2.3")); over != "" {
		t.Errorf("an exempt source: %s", over)
	}
	good.release()
	slots[0].release()
	if _, over := l.admit(addr("198.51.100.1")); over != limitPenalty {
		t.Errorf("once nobody is known there: %q", over)
	}
}

// However many sources there are, the table does not grow beyond its bound, and the worst stay in it.
func TestPenaltiesBounded(t *testing.T) {
	l, _ := punishing(t, Limits{PenaltyScore: 20})
	worst := sourceOfText("198.51.100.1")
	for range 4 {
		l.penalties.add(worst, offenceFlood)
	}
	for i := range maxPunished + 5000 {
		l.penalties.add(source.Of(netip.AddrFrom4([4]byte{192, byte(i >> 16), byte(i >> 8), byte(i)})), offenceSilent)
	}
	if got := l.penalties.punished(); got > maxPunished {
		t.Errorf("%d sources", got)
	}
	if !l.penalties.over(worst) {
		t.Error("the worst was pushed out by harmless ones")
	}
}

// What a connection did is what it is punished for, and a good one is not.
func TestOffences(t *testing.T) {
	w := newWholeWith(t, func(c *Config) { c.Limits.PenaltyExempt, c.Limits.PenaltyScore = []string{"192.0.2.0/24"}, 1_000_000 })
	bot := w.certify(policy.Agent, "bot", 10*time.Minute)
	raw := func(f func(c *rawssh.Conn)) func() {
		return func() {
			c, err := rawssh.Dial(w.addr, "")
			w.must(err)
			f(c)
			_ = c.Close()
		}
	}
	for why, act := range map[string]func(){
		"silent":     raw(func(*rawssh.Conn) {}),
		"unfinished": raw(func(c *rawssh.Conn) { w.must(c.Hello(rawssh.Version)); w.must(c.Exchange()) }),
		"malformed":  raw(func(c *rawssh.Conn) { _, _ = c.Write(make([]byte, 1<<12)); c.Drain() }),
		"refused": func() {
			if _, err := w.dial("deploy@web-1", bare1(t)); err == nil {
				t.Error("a plain key is let in")
			}
		},
		"flood": raw(func(c *rawssh.Conn) {
			w.must(c.Hello(rawssh.Version))
			w.must(c.Exchange())
			w.must(c.Service("ssh-userauth"))
			for c.Exchange() == nil {
			}
		}),
		"": func() { w.must(w.client("deploy@web-1", bot).Close()) },
	} {
		before := map[string]float64{}
		for _, o := range offences {
			before[o.why] = w.number("gatehouse_ssh_offences_total", o.why)
		}
		act()
		for range 1000 { // a connection may not even have been accepted yet
			if why == "" || w.number("gatehouse_ssh_offences_total", why) > before[why] {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		w.awaitConnections(0)
		for _, o := range offences {
			got := w.number("gatehouse_ssh_offences_total", o.why) - before[o.why]
			if want := map[bool]float64{true: 1}[o.why == why]; got != want {
				t.Errorf("%q: %v of %s, want %v", why, got, o.why, want)
			}
		}
	}
}

// failing are parts of the decider that cannot answer.
type failing struct {
	Gate
	Certifier
	err atomic.Pointer[error] // also read by a dial that nobody waits for
}

func (f *failing) Authenticate(ctx context.Context, in protocol.Authenticate) (protocol.Authenticated, error) {
	if err := f.err.Load(); err != nil {
		return protocol.Authenticated{}, *err
	}
	return f.Gate.Authenticate(ctx, in)
}

func (f *failing) Face(ctx context.Context, in protocol.Face) (protocol.FaceAnswer, error) {
	if err := f.err.Load(); err != nil {
		return protocol.FaceAnswer{}, *err
	}
	return f.Certifier.Face(ctx, in)
}

// Good clients get no points for a fault of ours, so that nobody is shut out once it is cured; what the decider refuses costs points.
func TestOurFaultsCostNothing(t *testing.T) {
	f := &failing{}
	w := newWholeWith(t, func(c *Config) {
		c.Limits.PenaltyExempt = []string{"192.0.2.0/24"}
		f.Gate, f.Certifier = c.Gate, c.Certifier
		c.Gate, c.Certifier = f, f
	})
	bot := w.certify(policy.Agent, "bot", 10*time.Minute)
	for _, c := range []struct {
		err  error
		face bool // asked for again
		want int
	}{
		{errors.New("connection reset"), false, 0},
		{&protocol.Error{Code: protocol.CodeEvidence, Msg: "the audit log cannot be written"}, false, 0},
		{&protocol.Error{Code: protocol.CodeUnavailable, Msg: "the CA's key is away"}, true, 0},
		{&protocol.Error{Code: protocol.CodeRefused, Msg: "no"}, false, 1},
	} {
		if f.err.Store(&c.err); c.face {
			w.server.faces.renew()
		}
		if _, err := w.dial("deploy@web-1", bot); err == nil {
			t.Errorf("%v: let in", c.err)
		}
		w.awaitConnections(0)
		if got := w.server.limits.penalties.punished(); got != c.want {
			t.Errorf("%v: %d sources have points, want %d", c.err, got, c.want)
		}
	}
}

// A source above the score is refused before a byte of it is read, and the numbers say so.
func TestPunishedSourceIsRefused(t *testing.T) {
	w := newWholeWith(t, func(c *Config) { c.Limits.PenaltyExempt, c.Limits.PenaltyScore = []string{"192.0.2.0/24"}, 10 })
	bot := w.certify(policy.Agent, "bot", 10*time.Minute)
	for range 3 {
		if _, err := w.dial("console", bare1(t)); err == nil {
			t.Error("a plain key is let in")
		}
		w.awaitConnections(0)
	}
	if _, err := w.dial("console", bot); err == nil {
		t.Error("a punished source is let in")
	}
	if got := w.number("gatehouse_ssh_limit_total", string(limitPenalty)); got < 1 {
		t.Errorf("%v refusals were counted", got)
	}
	if got := w.number("gatehouse_ssh_punished_sources", ""); got != 1 {
		t.Errorf("%v sources are punished", got)
	}
}

// The log says that a limit was met once in a while, and how often it has kept silent.
func TestQuiet(t *testing.T) {
	var q quiet
	at := time.Unix(1e9, 0)
	var written []string
	for range 100 {
		for _, key := range []string{"a", "b"} {
			if left, write := q.first(key, at); write {
				written = append(written, fmt.Sprint(key, left))
			}
		}
		at = at.Add(time.Second)
	}
	if want := "[a0 b0 a9 b9 a9 b9 a9 b9 a9 b9 a9 b9 a9 b9 a9 b9 a9 b9 a9 b9]"; fmt.Sprint(written) != want {
		t.Errorf("%v, want %s", written, want)
	}
}

// A client may ask for new keys as often as it has used them, and some times besides.
func TestExchangesForTraffic(t *testing.T) {
	w := newWholeWith(t, func(c *Config) { c.Limits.Exchanges = 3 })
	config := &ssh.ClientConfig{User: "deploy@web-1", Auth: []ssh.AuthMethod{ssh.PublicKeys(w.certify(policy.Agent, "bot", 10*time.Minute))},
		HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: 10 * time.Second}
	config.RekeyThreshold = 128 << 10
	c, err := ssh.Dial("tcp", w.addr, config)
	w.must(err)
	defer c.Close()
	w.carries(c, 4<<20) // some thirty exchanges
}

// carries sends so many bytes through cat and wants as many back.
func (w *whole) carries(c *ssh.Client, n int) {
	w.t.Helper()
	s, err := c.NewSession()
	w.must(err)
	defer s.Close()
	s.Stdin = &zeros{n}
	out, err := s.Output("cat")
	if err != nil || len(out) != n {
		w.t.Errorf("%d bytes of %d came back: %v", len(out), n, err)
	}
}

// zeros is that many bytes.
type zeros struct{ left int }

func (z *zeros) Read(b []byte) (int, error) {
	n := min(len(b), z.left)
	clear(b[:n])
	if z.left -= n; n == 0 {
		return 0, io.EOF
	}
	return n, nil
}
