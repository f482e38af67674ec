package bastion

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/bastion/endpoint"
	"gatehouse/internal/console"
	"gatehouse/internal/decider"
	"gatehouse/internal/store"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

// outside is the network beyond the door: names, and what listens at which address. Connections go where they are asked to go.
type outside struct {
	mu      sync.Mutex
	names   map[string][]string
	at      map[string]string // "192.0.2.7:5432" → an address of this machine
	looked  []string
	dialled []string
}

func (o *outside) dialer() endpoint.Dialer {
	return endpoint.Dialer{
		Lookup: func(_ context.Context, name string) (out []netip.Addr, _ error) {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.looked = append(o.looked, name)
			for _, a := range o.names[name] {
				out = append(out, netip.MustParseAddr(a))
			}
			return out, nil
		},
		Connect: func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
			o.mu.Lock()
			o.dialled = append(o.dialled, to.String())
			at, ok := o.at[to.String()]
			o.mu.Unlock()
			if !ok {
				return nil, errors.New("no route to host")
			}
			return (&net.Dialer{}).DialContext(ctx, "tcp", at)
		},
	}
}

func (o *outside) seen() (looked, dialled []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.looked), slices.Clone(o.dialled)
}

// newForwards starts a door whose role also has what rules say.
func newForwards(t *testing.T, rules string) (*whole, *outside) {
	t.Helper()
	o := &outside{names: map[string][]string{"db-1": {"192.0.2.7"}}, at: map[string]string{}}
	w := newWholeWith(t, func(c *Config) { c.Dialer = o.dialer() })
	w.setPolicy(rules)
	return w, o
}

func (w *whole) setPolicy(rules string) {
	w.t.Helper()
	w.write("policy.yaml", wholePolicy+rules)
	_, err := w.decider.Reload(w.t.Context())
	w.must(err)
}

// serve listens at an address of the outside and hands each connection to f.
func (o *outside) serve(t *testing.T, at string, f func(*net.TCPConn)) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o.mu.Lock()
	o.at[at] = l.Addr().String()
	o.mu.Unlock()
	var work sync.WaitGroup
	work.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			work.Go(func() {
				defer c.Close()
				f(c.(*net.TCPConn))
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		work.Wait()
	})
}

// echo answers everything, and ends when the other side has.
func echo(c *net.TCPConn) { _, _ = io.Copy(c, c) }

// forwardEntries are the audit log's entries of forwards, in order.
func (w *whole) forwardEntries() (out []audit.Entry) {
	w.t.Helper()
	text, err := os.ReadFile(filepath.Join(decider.LogDir(filepath.Join(w.dir, "decider")), "entries"))
	w.must(err)
	for line := range bytes.Lines(text) {
		var e audit.Entry
		w.must(json.Unmarshal(line, &e))
		if e.Type == audit.Forward {
			out = append(out, e)
		}
	}
	return out
}

func TestForward(t *testing.T) {
	w, o := newForwards(t, "    forward: [\"db-1:5432\"]\n")
	o.serve(t, "192.0.2.7:5432", func(c *net.TCPConn) { // answers when it has everything
		b, err := io.ReadAll(c)
		if err == nil {
			_, _ = c.Write(b)
		}
	})
	c := w.client("deploy@web-1", w.certify(policy.Agent, "bot", time.Minute))
	conn, err := c.Dial("tcp", "DB-1:5432")
	w.must(err)
	sent := make([]byte, 5<<20)
	_, _ = rand.Read(sent)
	go func() {
		_, _ = conn.Write(sent)
		_ = conn.(interface{ CloseWrite() error }).CloseWrite()
	}()
	got, err := io.ReadAll(conn)
	w.must(err)
	if !bytes.Equal(got, sent) {
		t.Fatalf("%d bytes came back of %d", len(got), len(sent))
	}
	_ = conn.Close()
	row := w.session("forward db-1:5432", store.Ended)
	if row.BytesIn != int64(len(sent)) || row.BytesOut != int64(len(sent)) || row.Target != "web-1" || row.Login != "deploy" || row.Mode != "forward" || row.Exit != nil || row.Recording == "" {
		t.Errorf("row: %+v", row)
	}
	entries := w.forwardEntries()
	if len(entries) != 2 || entries[0].Outcome != "allow" || entries[1].Outcome != "close" || entries[0].Session != row.ID || entries[1].Session != row.ID || entries[1].Actor != "agent:bot" {
		t.Fatalf("entries: %+v", entries)
	}
	for i, want := range []string{`"addresses":["192.0.2.7"]`, fmt.Sprintf(`"address":"192.0.2.7:5432","via":"door","bytes_in":%d,"bytes_out":%d`, len(sent), len(sent))} {
		if !strings.Contains(string(entries[i].Data), want) {
			t.Errorf("entry %d has %s, want %s", i, entries[i].Data, want)
		}
	}
}

// TestForwardRefused: what policy does not name is neither looked up nor dialled, and the client hears the reason and what to do.
func TestForwardRefused(t *testing.T) {
	w, o := newForwards(t, "    forward: [\"db-1:5432\", \"*:8080\"]\n")
	c := w.client("deploy@web-1", w.certify(policy.Agent, "bot", time.Minute))
	for _, to := range []string{"db-1:5433", "db-2:5432", "192.0.2.7:5432", "db-1.:8080", "127.1:8080", "0:8080", "2130706433:8080", "0x7f000001:8080", "localhost:8080", "[::1%lo]:8080", "db-1:0"} {
		_, err := dialRaw(c, to)
		var refused *ssh.OpenChannelError
		if !errors.As(err, &refused) || refused.Reason != ssh.Prohibited || !strings.Contains(refused.Message, "DENIED by policy") {
			t.Errorf("%s: %v", to, err)
		}
	}
	if looked, dialled := o.seen(); len(looked)+len(dialled) > 0 {
		t.Errorf("looked up %q, dialled %q", looked, dialled)
	}
	_, err := dialRaw(c, "db-2:5432")
	if err == nil || !strings.Contains(err.Error(), "-D, a proxy to any host, is never served") {
		t.Errorf("the alternative is not named: %v", err)
	}
	all, err := w.store.List(t.Context(), store.Filter{})
	w.must(err)
	if len(all) > 0 {
		t.Errorf("sessions: %+v", all)
	}
}

// dialRaw opens a direct-tcpip with exactly that host, which x/crypto's Dial would look at first.
func dialRaw(c *ssh.Client, to string) (ssh.Channel, error) {
	host, port, _ := net.SplitHostPort(to)
	var n uint32
	_, _ = fmt.Sscan(port, &n)
	ch, reqs, err := c.OpenChannel("direct-tcpip", ssh.Marshal(directTCPIP{host, n, "127.0.0.1", 1}))
	if err == nil {
		go ssh.DiscardRequests(reqs)
	}
	return ch, err
}

// TestForwardNeverThere: whatever a name leads to, the door dials no address of its own machine or link, and does not say which it was.
func TestForwardNeverThere(t *testing.T) {
	w, o := newForwards(t, "    forward: [\"*:80\", \"*:22\"]\n")
	c := w.client("deploy@web-1", w.certify(policy.Agent, "bot", 5*time.Minute))
	lan, err := net.InterfaceAddrs()
	w.must(err)
	bad := []string{"127.0.0.1", "0.0.0.0", "::", "::1", "::ffff:127.0.0.1", "169.254.169.254", "fe80::1", "224.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "fd00:ec2::254"}
	for _, a := range lan {
		bad = append(bad, a.(*net.IPNet).IP.String())
	}
	for i, a := range bad {
		name := fmt.Sprintf("evil-%d", i)
		o.names[name] = []string{"192.0.2.7", a}
		for _, host := range []string{name, a} {
			_, err := dialRaw(c, net.JoinHostPort(host, "80"))
			if err == nil || host == name && !strings.Contains(err.Error(), "never dials") {
				t.Errorf("%s (%s): %v", host, a, err)
			}
			if host == name && strings.Contains(err.Error(), a) {
				t.Errorf("%s: the client is told: %v", a, err)
			}
		}
	}
	if _, dialled := o.seen(); len(dialled) > 0 {
		t.Errorf("dialled %q", dialled)
	}
}

// TestForwardRebinding: the address that was decided is the one that is dialled, however often the name changes.
func TestForwardRebinding(t *testing.T) {
	w, o := newForwards(t, "    forward: [\"db-1:5432\"]\n")
	o.serve(t, "192.0.2.7:5432", echo)
	d := o.dialer()
	n := 0
	w.server.cfg.Dialer.Lookup = func(ctx context.Context, name string) ([]netip.Addr, error) {
		if n++; n%2 == 0 {
			return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
		}
		return d.Lookup(ctx, name)
	}
	c := w.client("deploy@web-1", w.certify(policy.Agent, "bot", time.Minute))
	for i := range 4 {
		ch, err := dialRaw(c, "db-1:5432")
		if (err == nil) != (i%2 == 0) {
			t.Errorf("try %d: %v", i, err)
		}
		if err == nil {
			_ = ch.Close()
		}
	}
	if _, dialled := o.seen(); !slices.Equal(dialled, []string{"192.0.2.7:5432", "192.0.2.7:5432"}) {
		t.Errorf("dialled %q", dialled)
	}
}

// TestForwardEnds: each way in which somebody else ends a forward ends it, with its reason in the row.
func TestForwardEnds(t *testing.T) {
	limits := "    forward: [\"db-1:5432\"]\n    limits: {idle: 1s, bytes_out: 100KiB, bytes_in: 100KiB}\n"
	for name, c := range map[string]struct {
		rules string
		end   func(w *whole, ch ssh.Channel)
		far   func(*net.TCPConn)
		want  string
	}{
		"kill": {"    forward: [\"db-1:5432\"]\n", func(w *whole, _ ssh.Channel) {
			report, err := w.server.Kill(w.t.Context(), console.KillOrder{By: console.Actor{Principal: "person:ann"}, Target: "web-1", Reason: "enough"})
			w.must(err)
			if len(report.Sessions) != 1 || report.Sessions[0].Remote != "ended" {
				w.t.Errorf("report: %+v", report)
			}
		}, echo, "ended by person:ann: enough"},
		"policy": {"    forward: [\"db-1:5432\"]\n", func(w *whole, _ ssh.Channel) { w.setPolicy("    forward: [\"db-1:5433\"]\n") }, echo, "a change of policy"},
		"idle":   {limits, func(*whole, ssh.Channel) {}, echo, "nothing was sent or received for 1s"},
		"out":    {limits, func(*whole, ssh.Channel) {}, func(c *net.TCPConn) { _, _ = io.Copy(c, &endless{}) }, "lets it send 102400 bytes"},
		"in":     {limits, func(_ *whole, ch ssh.Channel) { go func() { _, _ = io.Copy(ch, &endless{}) }() }, func(c *net.TCPConn) { _, _ = io.Copy(io.Discard, c) }, "lets it read 102400 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			w, o := newForwards(t, c.rules)
			o.serve(t, "192.0.2.7:5432", c.far)
			client := w.client("deploy@web-1", w.certify(policy.Agent, "bot", time.Minute))
			ch, err := dialRaw(client, "db-1:5432")
			w.must(err)
			live := w.session("forward db-1:5432", store.Live)
			c.end(w, ch)
			got, _ := io.ReadAll(ch)
			row := w.session("forward db-1:5432", store.Killed)
			if row.ID != live.ID || !strings.Contains(row.Reason, c.want) {
				t.Errorf("row: %+v", row)
			}
			if row.BytesOut > 100<<10 || row.BytesIn > 100<<10 || len(got) > 100<<10 {
				t.Errorf("%d bytes came, in %d, out %d", len(got), row.BytesIn, row.BytesOut)
			}
		})
	}
}

type endless struct{}

func (*endless) Read(b []byte) (int, error) { return len(b), nil }

// TestForwardNobodyReads: a client that opens forwards and reads nothing has a bounded number of them, and the far end waits.
func TestForwardNobodyReads(t *testing.T) {
	w, o := newForwards(t, "    forward: [\"db-1:5432\"]\n")
	o.serve(t, "192.0.2.7:5432", func(c *net.TCPConn) { _, _ = io.Copy(c, &endless{}) })
	client := w.client("deploy@web-1", w.certify(policy.Agent, "bot", time.Minute))
	for range maxForwards {
		_, err := dialRaw(client, "db-1:5432")
		w.must(err)
	}
	_, err := dialRaw(client, "db-1:5432")
	var refused *ssh.OpenChannelError
	if !errors.As(err, &refused) || refused.Reason != ssh.ResourceShortage {
		t.Errorf("one more: %v", err)
	}
	if out, _, status := exec(client, "echo still"); status != 0 || out != "still\n" {
		t.Errorf("a command beside: %q, %d", out, status)
	}
	_ = client.Close()
	for _, row := range w.all("forward db-1:5432", store.Ended, maxForwards) {
		if row.BytesOut > 8<<20 {
			t.Errorf("%d bytes were taken that nobody read", row.BytesOut)
		}
	}
}

// all waits until so many sessions with that command are in the state.
func (w *whole) all(command string, state store.State, n int) []store.Session {
	w.t.Helper()
	var out []store.Session
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		rows, err := w.store.List(w.t.Context(), store.Filter{Limit: 500})
		w.must(err)
		out = slices.DeleteFunc(rows, func(s store.Session) bool { return s.Command != command || s.State != state })
		if len(out) == n {
			return out
		}
	}
	w.t.Fatalf("%d sessions %q are %s, want %d", len(out), command, state, n)
	return nil
}

// TestForwardFarEndBreaks: a reset is an end with its reason, and what came before it arrives.
func TestForwardFarEndBreaks(t *testing.T) {
	w, o := newForwards(t, "    forward: [\"db-1:5432\"]\n")
	o.serve(t, "192.0.2.7:5432", func(c *net.TCPConn) {
		_, _ = c.Write([]byte("hello"))
		_, _ = io.ReadFull(c, make([]byte, 1))
		_ = c.SetLinger(0)
	})
	client := w.client("deploy@web-1", w.certify(policy.Agent, "bot", time.Minute))
	ch, err := dialRaw(client, "db-1:5432")
	w.must(err)
	b := make([]byte, 5)
	if _, err := io.ReadFull(ch, b); err != nil || string(b) != "hello" {
		t.Errorf("%q, %v", b, err)
	}
	_, err = ch.Write([]byte("x"))
	w.must(err)
	if rest, _ := io.ReadAll(ch); len(rest) > 0 {
		t.Errorf("%q after the end", rest)
	}
	if row := w.session("forward db-1:5432", store.Ended); !strings.Contains(row.Reason, "broke") {
		t.Errorf("reason: %q", row.Reason)
	}
}
