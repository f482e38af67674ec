package bastion

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/store"
	"gatehouse/policy"
	"gatehouse/recorder"
)

// TestForwardPayloads: what no client of good will sends is refused, and the connection serves a command after it.
func TestForwardPayloads(t *testing.T) {
	w, o := newForwards(t, "    forward: [\"*:80\", {socket: \"/run/*\"}]\n")
	c := w.client("deploy@web-1", w.certify(policy.Agent, "bot", time.Minute))
	tcp := func(host string, port uint32) []byte { return ssh.Marshal(directTCPIP{host, port, "127.0.0.1", 1}) }
	socket := func(path string) []byte { return ssh.Marshal(streamLocal{path, "", 0}) }
	for i, open := range []struct {
		kind    string
		payload []byte
	}{
		{"direct-tcpip", nil}, {"direct-tcpip", []byte{0xff, 0xff, 0xff, 0xff}}, {"direct-tcpip", append(tcp("db-1", 80), 0)},
		{"direct-tcpip", tcp("", 80)}, {"direct-tcpip", tcp("db-1", 0)}, {"direct-tcpip", tcp("db-1", 65536+80)}, {"direct-tcpip", tcp("db-1", 1<<32-1)},
		{"direct-tcpip", tcp(strings.Repeat("a", 200<<10), 80)}, {"direct-tcpip", tcp("db-1\x00", 80)}, {"direct-tcpip", tcp("db-1\n", 80)}, {"direct-tcpip", tcp("\xff\xfe", 80)},
		{"direct-tcpip", tcp("127.0.0.1", 80)}, {"direct-tcpip", tcp("::ffff:127.0.0.1", 80)}, {"direct-tcpip", tcp("::", 80)}, {"direct-tcpip", tcp("0", 80)}, {"direct-tcpip", tcp("LOCALHOST", 80)},
		{"direct-streamlocal@openssh.com", nil}, {"direct-streamlocal@openssh.com", socket("")}, {"direct-streamlocal@openssh.com", socket("/run/../etc/x")},
		{"direct-streamlocal@openssh.com", socket("/run/x\x00")}, {"direct-streamlocal@openssh.com", socket("\x00abstract")}, {"direct-streamlocal@openssh.com", socket("/run/" + strings.Repeat("x", 1<<16))},
		{"direct-streamlocal@openssh.com", socket("/etc/x")}, {"tun@openssh.com", []byte{0, 0, 0, 1, 0, 0, 0, 0}}, {"x11", nil}, {"auth-agent@openssh.com", nil},
		{"forwarded-tcpip", tcp("db-1", 80)}, {"forwarded-streamlocal@openssh.com", nil}, {strings.Repeat("z", 4096), nil}, {"", nil},
	} {
		_, _, err := c.OpenChannel(open.kind, open.payload)
		var refused *ssh.OpenChannelError
		if !errors.As(err, &refused) || refused.Message == "" {
			t.Errorf("%d, %.40q: %v", i, open.kind, err)
		} else if strings.ContainsFunc(refused.Message, func(r rune) bool { return r < 0x20 && r != '\n' || r == 0x7f }) {
			t.Errorf("%d: %q", i, refused.Message)
		}
	}
	if looked, dialled := o.seen(); len(looked)+len(dialled) > 0 {
		t.Errorf("looked up %q, dialled %q", looked, dialled)
	}
	if out, _, status := exec(c, "echo good"); status != 0 || out != "good\n" {
		t.Errorf("a command after it: %q, %d", out, status)
	}
}

// TestForwardFlood: who opens thousands of forwards that nothing allows loses the connection, and others are served.
func TestForwardFlood(t *testing.T) {
	w, _ := newForwards(t, "    forward: [\"db-1:5432\"]\n")
	c := w.client("deploy@web-1", w.certify(policy.Agent, "bot", time.Minute))
	var opens sync.WaitGroup
	for range 50 {
		opens.Go(func() {
			for range 60 {
				if _, _, err := c.OpenChannel("direct-tcpip", ssh.Marshal(directTCPIP{"db-2", 5432, "127.0.0.1", 1})); err != nil && !isRefusal(err) {
					return
				}
			}
		})
	}
	if !gone(c) {
		t.Error("the connection goes on")
	}
	opens.Wait()
	denied := 0
	for _, e := range w.forwardEntries() {
		if e.Outcome == "deny" {
			denied++
		}
	}
	if denied > maxRefusals+maxChannels {
		t.Errorf("%d entries", denied)
	}
	if out, _, status := exec(w.client("deploy@web-1", w.certify(policy.Agent, "other", time.Minute)), "echo good"); status != 0 || out != "good\n" {
		t.Errorf("another client: %q, %d", out, status)
	}
}

func isRefusal(err error) bool {
	var refused *ssh.OpenChannelError
	return errors.As(err, &refused)
}

// TestForwardKilledWhileItOpens: a forward that is still being dialled is refused with the kill's reason, and is never opened.
func TestForwardKilledWhileItOpens(t *testing.T) {
	w, o := newForwards(t, "    forward: [\"db-1:5432\"]\n")
	dialling := make(chan struct{})
	w.server.cfg.Dialer.Connect = func(ctx context.Context, _ netip.AddrPort) (net.Conn, error) {
		close(dialling)
		<-ctx.Done()
		return nil, ctx.Err()
	}
	c := w.client("deploy@web-1", w.certify(policy.Agent, "bot", time.Minute))
	opened := make(chan error, 1)
	go func() {
		_, err := dialRaw(c, "db-1:5432")
		opened <- err
	}()
	<-dialling
	live := w.session("forward db-1:5432", store.Live)
	_, err := w.server.Kill(t.Context(), console.KillOrder{By: console.Actor{Principal: "person:ann"}, Session: live.ID, Reason: "not this one"})
	w.must(err)
	if err := <-opened; err == nil || !strings.Contains(err.Error(), "KILLED: ended by person:ann: not this one") {
		t.Errorf("the client hears %v", err)
	}
	if row := w.session("forward db-1:5432", store.Killed); row.BytesIn+row.BytesOut != 0 {
		t.Errorf("row: %+v", row)
	}
	if !gone(c) {
		t.Error("the killed client's connection goes on")
	}
	if _, dialled := o.seen(); len(dialled) > 0 {
		t.Errorf("dialled %q", dialled)
	}
}

// TestForwardWithoutEvidence: where the recording or the log fails, nothing is dialled.
func TestForwardWithoutEvidence(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"recording": func(c *Config) { c.Recorder = fullDisk{c.Recorder} },
		"log":       func(c *Config) { c.Gate = fullLog{c.Gate} },
	} {
		t.Run(name, func(t *testing.T) {
			o := &outside{names: map[string][]string{"db-1": {"192.0.2.7"}}, at: map[string]string{}}
			w := newWholeWith(t, func(c *Config) {
				c.Dialer = o.dialer()
				change(c)
			})
			w.setPolicy("    forward: [\"db-1:5432\"]\n")
			o.serve(t, "192.0.2.7:5432", echo)
			c := w.client("deploy@web-1", w.certify(policy.Agent, "bot", time.Minute))
			if _, err := dialRaw(c, "db-1:5432"); err == nil || !strings.Contains(err.Error(), "cannot be written") {
				t.Errorf("got %v", err)
			}
			if _, dialled := o.seen(); len(dialled) > 0 {
				t.Errorf("dialled %q", dialled)
			}
		})
	}
}

type fullDisk struct{ Recorder }

func (fullDisk) Open(context.Context, recorder.Header) (*recorder.Recording, error) {
	return nil, errors.New("no space left")
}

type fullLog struct{ Gate }

func (g fullLog) Forward(ctx context.Context, in protocol.Forward) (protocol.Forwarded, error) {
	if in.Recorded {
		return protocol.Forwarded{}, &protocol.Error{Code: protocol.CodeEvidence, Msg: "no space left"}
	}
	return g.Gate.Forward(ctx, in)
}

// TestForwardAfterExpiry: an open forward goes on when its client's certificate ends, and no other is opened.
func TestForwardAfterExpiry(t *testing.T) {
	w, o := newForwards(t, "    forward: [\"db-1:5432\"]\n")
	o.serve(t, "192.0.2.7:5432", echo)
	c := w.client("deploy@web-1", w.certify(policy.Agent, "bot", time.Minute))
	ch, err := dialRaw(c, "db-1:5432")
	w.must(err)
	w.server.mu.Lock()
	for _, conn := range w.server.conns {
		conn.expire()
	}
	w.server.mu.Unlock()
	if _, err := dialRaw(c, "db-1:5432"); err == nil || !strings.Contains(err.Error(), "certificate has expired") {
		t.Errorf("another forward: %v", err)
	}
	_, err = ch.Write([]byte("still"))
	w.must(err)
	b := make([]byte, 5)
	if _, err := io.ReadFull(ch, b); err != nil || string(b) != "still" {
		t.Errorf("%q, %v", b, err)
	}
	_ = ch.Close()
	if !gone(c) {
		t.Error("the connection goes on after its last channel")
	}
}

// TestHintsOnce: what cannot be answered with words is said by the next session, once.
func TestHintsOnce(t *testing.T) {
	w, _ := newForwards(t, "")
	c := w.client("deploy@web-1", w.certify(policy.Agent, "bot", time.Minute))
	for range 3 {
		if ok, _, err := c.SendRequest("tcpip-forward", true, ssh.Marshal(struct {
			Host string
			Port uint32
		}{"", 0})); ok || err != nil {
			t.Errorf("tcpip-forward: %v, %v", ok, err)
		}
	}
	_, first, _ := exec(c, "echo x")
	if _, again, _ := exec(c, "echo x"); strings.Count(first, "remote forwards (-R) are never served") != 1 || again != "" {
		t.Errorf("first %q, then %q", first, again)
	}
}
