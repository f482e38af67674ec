package bastion

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"gatehouse/bastion/endpoint"
	"gatehouse/bastion/target"
	"gatehouse/ca"
	"gatehouse/internal/answer"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/store"
	"gatehouse/policy"
	"gatehouse/recorder"
)

// remote is the far end of a forward.
type remote interface {
	io.ReadWriteCloser
	CloseWrite() error
}

// reachForward asks about what the endpoint's name means and opens the way that the answer names. The answer is durable in the log and in
// the recording before anything is dialled on its strength.
func (s *session) reachForward(d protocol.Forwarded) (remote, protocol.Forwarded, *outcome) {
	switch d.Via {
	case protocol.ViaTarget:
		return s.forwardByTarget()
	case protocol.ViaDoor:
		return s.forwardByDoor()
	case protocol.ViaGatehouse:
		return s.forwardToGatehouse()
	}
	out := s.explain(fmt.Errorf("a forward by way of %q", d.Via))
	return nil, d, &out
}

// forwardByDoor resolves the host and dials one of the addresses that were decided.
func (s *session) forwardByDoor() (remote, protocol.Forwarded, *outcome) {
	f := s.forward
	addresses, err := s.conn.server.cfg.Dialer.Resolve(s.ctx, f.host, protocol.MaxForwardAddresses)
	if err != nil {
		out := s.notResolved(err)
		return nil, protocol.Forwarded{}, &out
	}
	d, out := s.decideForward(func() (protocol.Forwarded, error) { return s.askForward(addresses, nil) })
	if out != nil {
		return nil, d, out
	}
	c, to, err := s.conn.server.cfg.Dialer.Dial(s.ctx, d.Addresses, f.port)
	if err != nil {
		return nil, d, s.notReached(err)
	}
	f.address = to.String()
	return halves(c), d, nil
}

// notResolved is the outcome of a name without an address, or with one that is dialled for nobody. Only the operator is told which.
func (s *session) notResolved(err error) outcome {
	f := s.forward
	if !errors.Is(err, endpoint.ErrAddress) {
		return *s.notReached(err)
	}
	why := f.String() + " leads to an address that Gatehouse never dials: its own, loopback, link-local, multicast, or a cloud's metadata; with via: target a rule can have the target dial it"
	c := s.conn
	in := protocol.Refuse{Connection: c.id, Session: s.id, Target: f.target, Login: f.login, What: "forward to " + f.String(), Code: string(policy.CodeNotAllowed), Why: "not dialled: " + err.Error()}
	if err := c.server.cfg.Evidence.Refuse(s.ctx, in); err != nil {
		return s.explain(err)
	}
	s.log.Warn("a forward leads to an address that is never dialled", "error", err)
	denial := answer.Denial{Code: string(policy.CodeNotAllowed), Session: s.id, Target: f.target, Why: why}
	return outcome{state: store.Denied, code: denial.Code, reason: why, text: denial.Lines(), status: answer.ExitDenied}
}

// forwardToGatehouse dials another Gatehouse, where the inventory says that it is.
func (s *session) forwardToGatehouse() (remote, protocol.Forwarded, *outcome) {
	d, out := s.decideForward(func() (protocol.Forwarded, error) { return s.askForward(nil, nil) })
	if out != nil {
		return nil, d, out
	}
	dialer := net.Dialer{Timeout: gatehouseTime, KeepAlive: 30 * time.Second}
	c, err := dialer.DialContext(s.ctx, "tcp", d.Dial)
	if err != nil {
		return nil, d, s.notReached(err)
	}
	s.forward.address = d.Dial
	return halves(c), d, nil
}

// gatehouseTime bounds the dial of another Gatehouse.
const gatehouseTime = 10 * time.Second

// forwardByTarget opens a connection to the target that is for this forward alone.
func (s *session) forwardByTarget() (remote, protocol.Forwarded, *outcome) {
	t, known := s.conn.server.target(s.forward.target)
	if !known || t.Local || t.Gatehouse {
		out := s.fault(answer.FaultTargetRefused, s.forward.target+" is no target that could forward", errors.New("via: target, for a target that is not remote"))
		return nil, protocol.Forwarded{}, &out
	}
	pending, err := s.conn.server.dial(s.ctx, t, s.forward.login)
	if err != nil {
		return nil, protocol.Forwarded{}, s.notReached(err)
	}
	d, out := s.decideForward(func() (protocol.Forwarded, error) {
		return s.askForward(nil, pending.PublicKey().Marshal())
	})
	if out != nil {
		pending.Close()
		return nil, d, out
	}
	stream, err := s.streamOver(pending, d)
	if err != nil {
		return nil, d, s.notReached(err)
	}
	s.forward.address = t.Address
	return stream, d, nil
}

// streamOver authenticates with the forward's certificate and opens the one channel that it is for.
func (s *session) streamOver(pending *target.Pending, d protocol.Forwarded) (*target.Stream, error) {
	cert, err := ca.ParseCertificate(d.Certificate)
	if err != nil {
		pending.Close()
		return nil, fmt.Errorf("certificate for a forward: %w", err)
	}
	conn, err := pending.Authenticate(s.ctx, cert)
	if err != nil {
		return nil, err
	}
	f := s.forward
	var stream *target.Stream
	if f.socket != "" {
		stream, err = conn.ForwardSocket(s.ctx, f.socket)
	} else {
		stream, err = conn.Forward(s.ctx, f.host.Name, f.port)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return stream, nil
}

// decideForward asks the second time, and puts the answer into row and recording.
func (s *session) decideForward(ask func() (protocol.Forwarded, error)) (protocol.Forwarded, *outcome) {
	d, err := ask()
	if err != nil {
		out := s.explain(err)
		return d, &out
	}
	s.forward.via = d.Via
	out := s.notForwarded(d)
	if out == nil && d.Decision.Recording == policy.BestEffort {
		s.recording.Tolerate()
		s.lenient = true
	}
	if err := s.recording.Write(recorder.Decision, event(struct {
		policy.Decision
		ID string `json:"id"`
	}{d.Decision, d.ID})); err != nil && out == nil {
		failed := s.fault(answer.FaultEvidence, "the recording cannot be written, so nothing is reached", err)
		out = &failed
	}
	return d, out
}

// notReached is the outcome of a way that did not open.
func (s *session) notReached(err error) *outcome {
	f := s.forward
	var out outcome
	switch {
	case s.ctx.Err() != nil, errors.Is(err, target.ErrUntrusted), errors.Is(err, target.ErrRefused), errors.Is(err, target.ErrUnreachable):
		out = s.explain(err)
	case errors.Is(err, target.ErrForwardingOff):
		setting := "AllowTcpForwarding local"
		if f.socket != "" {
			setting = "AllowStreamLocalForwarding local"
		}
		out = s.fault(answer.FaultTargetRefused, "the sshd of "+f.target+" does not forward; its sshd_config needs "+setting+" (and no DisableForwarding, and a PermitOpen that names it, if there is one), which the set-up by gatehouse turns off", err)
	case errors.Is(err, target.ErrNotListening):
		out = s.fault(answer.FaultTargetUnreachable, f.target+" cannot connect to "+f.String(), err)
	case errors.Is(err, endpoint.ErrUnresolved):
		out = s.fault(answer.FaultTargetUnreachable, f.host.Name+" has no address that Gatehouse can find", err)
	default:
		out = s.fault(answer.FaultTargetUnreachable, f.String()+" cannot be reached from Gatehouse", err)
	}
	return &out
}

// halves is a network connection whose directions end one by one.
func halves(c net.Conn) remote {
	if r, ok := c.(remote); ok {
		return r
	}
	return unsplit{c}
}

// unsplit ends both directions at once, for a connection that knows no half.
type unsplit struct{ net.Conn }

func (w unsplit) CloseWrite() error { return w.Close() }

// joinForward opens the client's channel and moves the bytes.
func (s *session) joinForward(o policy.Obligations, far remote) *outcome {
	s.forward.opened = true
	s.noteForward("open", "")
	gone, ok := s.forward.channel.accept()
	if !ok {
		_ = far.Close()
		out := outcome{state: store.Ended, reason: errClientGone.Error(), exit: &target.Exit{}}
		if s.ctx.Err() != nil {
			out = s.explain(context.Cause(s.ctx))
		}
		return &out
	}
	out := s.carryForward(o, far, gone)
	return &out
}
