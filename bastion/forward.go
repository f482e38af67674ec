package bastion

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"

	gliderssh "github.com/gliderlabs/ssh"
	"golang.org/x/crypto/ssh"

	"gatehouse/bastion/endpoint"
	"gatehouse/internal/answer"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/internal/store"
	"gatehouse/policy"
	"gatehouse/recorder"
)

// maxForwards bounds the forwards that are open on one client connection: each may hold a window of 2 MiB that nobody reads.
const maxForwards = 32

// modeForward is the mode of a forward's row: nothing runs on the target that would have to be ended there.
const modeForward = "forward"

// forward is what a session of this kind is about: an endpoint instead of a command.
type forward struct {
	// Immutable.
	host    endpoint.Host
	port    uint16
	socket  string
	target  string // the client connection's, or another Gatehouse
	login   string // empty for another Gatehouse
	channel *lateChannel

	// Owned by runForward.
	address string // what was dialled
	via     string
	opened  bool

	recorded, unrecorded bool // neither before the recording was tried

	in, out atomic.Int64 // bytes so far, from and to the client
}

// String is the endpoint: host:port, or a socket's path.
func (f *forward) String() string {
	if f.socket != "" {
		return f.socket
	}
	return net.JoinHostPort(f.host.Name, strconv.Itoa(int(f.port)))
}

// streamLocal is the channel open's payload (OpenSSH's PROTOCOL, section 2.4).
type streamLocal struct {
	Path       string
	Reserved   string
	ReservedID uint32
}

// handleSocket serves direct-streamlocal@openssh.com: a forward to a unix socket of the target.
func (s *Server) handleSocket(_ *gliderssh.Server, _ *ssh.ServerConn, ch ssh.NewChannel, ctx gliderssh.Context) {
	c := connOf(ctx)
	var m streamLocal
	if err := ssh.Unmarshal(ch.ExtraData(), &m); err != nil {
		_ = ch.Reject(ssh.ConnectionFailed, "malformed request")
		return
	}
	what := "forward to socket " + strconv.Quote(cutText(m.Path, 128))
	if why := c.noForwards(); why != "" {
		c.refuseForward(ch, what, why)
		return
	}
	if err := endpoint.CheckSocket(m.Path); err != nil {
		c.refuseForward(ch, what, err.Error())
		return
	}
	c.serveForward(ch, &forward{socket: m.Path, target: c.route.target, login: c.route.login})
}

// forwardTCP serves a direct-tcpip that is no jump.
func (c *conn) forwardTCP(ch ssh.NewChannel, m directTCPIP) {
	what := "forward to " + net.JoinHostPort(cutText(m.Host, 128), strconv.Itoa(int(m.Port)))
	if why := c.noForwards(); why != "" {
		c.refuseForward(ch, what, why)
		return
	}
	host, err := endpoint.Parse(m.Host)
	if err == nil && (m.Port == 0 || m.Port > 65535) {
		err = errors.New("a port is a number from 1 to 65535")
	}
	if err != nil {
		c.refuseForward(ch, what, err.Error())
		return
	}
	c.serveForward(ch, &forward{host: host, port: uint16(m.Port), target: c.route.target, login: c.route.login})
}

// noForwards says why a connection can have no forward at all.
func (c *conn) noForwards() string {
	switch {
	case c.renewOnly:
		return onlyRenews
	case c.route.target == "":
		return "a forward goes through a target: ssh -L 5432:db-1:5432 LOGIN@TARGET@bastion; ssh -J bastion LOGIN@TARGET reaches a target by its name and port 22; -D, a proxy to any host, is never served"
	}
	return ""
}

// serveForward is a forward's whole life.
func (c *conn) serveForward(ch ssh.NewChannel, f *forward) {
	if c.forwards.Add(1) > maxForwards {
		c.forwards.Add(-1)
		_ = ch.Reject(ssh.ResourceShortage, "gatehouse: "+strconv.Itoa(maxForwards)+" forwards are open on this connection; let one end first")
		return
	}
	defer c.forwards.Add(-1)
	if why := c.openChannel(); why != "" {
		_ = ch.Reject(ssh.ResourceShortage, "gatehouse: "+why)
		return
	}
	defer c.closeChannel()
	now := c.server.cfg.Now()
	f.channel = &lateChannel{pending: ch}
	s := &session{id: id.New(id.Session, now), conn: c, channel: f.channel, forward: f, started: now.UTC(), done: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancelCause(c.ctx)
	defer s.cancel(errClientGone)
	s.log = c.log.With("session_id", s.id)
	s.runForward()
}

// runForward is the way of one forward, as run is of a command.
func (s *session) runForward() {
	defer close(s.done)
	defer s.input.Wait() // the channel is closed
	s.conn.server.addSession(s)
	defer s.conn.server.removeSession(s)
	f := s.forward
	s.row = store.Session{ID: s.id, Connection: s.conn.id, Identity: s.conn.identity.Principal(), Owner: s.conn.identity.Owner, Task: s.conn.identity.Task,
		Target: f.target, Login: f.login, Source: s.conn.source.String(), Mode: modeForward, Command: "forward " + f.String(), State: store.Live, Started: s.started}
	// 1. What policy refuses by its name is in the log; it is not looked up, dialled or recorded.
	d, err := s.askForward(nil, nil)
	if err != nil {
		f.answer(s.explain(err))
		return
	}
	if out := s.notForwarded(d); out != nil {
		s.conn.countRefusal()
		f.answer(*out)
		return
	}
	// 2. The evidence is open before anything is reached.
	f.recorded = s.openEvidence(event(map[string]any{"what": "forward", "line": s.row.Command})) == nil
	f.unrecorded = !f.recorded
	// 3. The second decision, about what the name means; and with it the way there.
	remote, d, out := s.reachForward(d)
	if out == nil {
		// 4. The bytes, until an end closes, or somebody ends it.
		out = s.joinForward(d.Decision.Obligations, remote)
	}
	s.noteForward("close", out.reason)
	s.finish(*out)
}

// askForward puts the question to the decider.
func (s *session) askForward(addresses []netip.Addr, key []byte) (protocol.Forwarded, error) {
	f := s.forward
	return s.conn.server.cfg.Gate.Forward(s.ctx, protocol.Forward{Connection: s.conn.id, Session: s.id, Target: f.target, Login: f.login, Host: f.host.Name, Port: f.port,
		Socket: f.socket, Addresses: addresses, PublicKey: key, Recorded: f.recorded, Unrecorded: f.unrecorded})
}

// notForwarded turns everything but a plain allow into an outcome.
func (s *session) notForwarded(d protocol.Forwarded) *outcome {
	dec := d.Decision
	s.row.Verdict, s.row.Code, s.row.Reason = string(dec.Verdict), string(dec.Code), dec.Reason
	if len(dec.Rules) > 0 {
		s.row.Rule = dec.Rules[0]
	}
	var out outcome
	switch {
	case dec.Verdict != policy.Allow:
		why := dec.Reason
		if dec.Code == policy.CodeNotAllowed {
			why += "; each host and port needs a rule of its own, so -D, a proxy to any host, is never served: use -L with one that is listed"
		}
		denial := answer.Denial{Code: string(dec.Code), DenialID: d.ID, Target: s.forward.target, Why: why, Allowed: dec.Nearest, PolicyHash: dec.PolicyHash, Rule: s.row.Rule, DenialsLeft: d.DenialsLeft, Request: s.askedFor(dec, nil)}
		out = outcome{state: store.Denied, code: string(dec.Code), reason: dec.Reason, text: denial.Lines(), status: answer.ExitDenied}
	case d.Fault == answer.FaultEvidence:
		out = s.fault(d.Fault, "the recording cannot be written, so nothing is reached", errors.New("there is no recording"))
	case d.Fault == answer.FaultSigner:
		out = s.fault(d.Fault, "Gatehouse cannot sign certificates for targets now; nothing was sent to "+s.forward.target, errors.New("the target CA's key cannot sign; the decider's log says why"))
	case d.Fault != "":
		out = s.fault(d.Fault, s.forward.target+" is not in the inventory with login "+s.forward.login, errors.New("policy reaches a target that the inventory does not have"))
	default:
		return nil
	}
	return &out
}

// noteForward records that the forward was opened, or is over.
func (s *session) noteForward(what, reason string) {
	f := s.forward
	if what == "close" && !f.opened {
		return
	}
	e := map[string]any{"event": what, "address": f.address, "via": f.via}
	if f.socket != "" {
		e["socket"] = f.socket
	} else {
		e["host"], e["port"] = f.host.Name, f.port
	}
	if what == "close" {
		e["bytes_in"], e["bytes_out"], e["reason"] = f.in.Load(), f.out.Load(), reason
	}
	if err := s.recording.Write(recorder.Forward, event(e)); err != nil {
		s.log.Debug("record a forward", "error", err) // a failed recording fails at Close
	}
}

// account adds to a forward's end what went through it: the recording has no content that could be counted.
func (f *forward) account(report *protocol.End, row *store.Session) {
	if !f.opened {
		return
	}
	row.BytesIn, row.BytesOut = f.in.Load(), f.out.Load()
	report.Forward = &protocol.ForwardEnd{Host: f.host.Name, Port: f.port, Socket: f.socket, Address: f.address, Via: f.via, BytesIn: row.BytesIn, BytesOut: row.BytesOut}
}

// answer lets go of the channel: what was never opened is refused with the text.
func (f *forward) answer(out outcome) {
	reason := ssh.ConnectionFailed
	if out.state == store.Denied || out.state == store.Killed {
		reason = ssh.Prohibited
	}
	f.channel.end(reason, out.text)
}

// lateChannel is a channel that is not accepted yet. Whoever writes to its standard error before it is, writes the reason of its
// refusal; after that nobody has one, as a forward has no other place for words than its beginning.
type lateChannel struct {
	ssh.Channel // nil until it is accepted

	mu      sync.Mutex
	pending ssh.NewChannel
	text    string
	over    bool
}

// accept opens the channel, unless it was ended meanwhile. gone is closed when the client has closed it.
func (l *lateChannel) accept() (gone <-chan struct{}, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return nil, false
	}
	channel, requests, err := l.pending.Accept()
	if err != nil {
		l.over = true
		return nil, false
	}
	l.Channel = channel
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		ssh.DiscardRequests(requests)
	}()
	return closed, true
}

// end refuses or closes the channel, once.
func (l *lateChannel) end(reason ssh.RejectionReason, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return
	}
	l.over = true
	if l.Channel != nil {
		_ = l.Channel.Close()
		return
	}
	_ = l.pending.Reject(reason, refusalText(l.text+text))
}

// Close ends the channel, as a kill does.
func (l *lateChannel) Close() error {
	l.end(ssh.Prohibited, "")
	return nil
}

// Stderr takes the reason of a refusal.
func (l *lateChannel) Stderr() io.ReadWriter { return lateText{l} }

// SendRequest sends nothing: a forward has no exit status.
func (l *lateChannel) SendRequest(string, bool, []byte) (bool, error) { return false, nil }

type lateText struct{ *lateChannel }

func (t lateText) Read([]byte) (int, error) { return 0, errMuted }

func (t lateText) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.text)+len(b) <= maxRefusalText {
		t.text += string(b)
	}
	return len(b), nil
}
