package decider

import (
	"context"

	"gatehouse/ca"
	"gatehouse/internal/answer"
	"gatehouse/internal/config"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

// forwards makes a target run nothing on a connection that is for a forward.
const forwards = "exit 1"

// forward is the way of one forward. It is asked twice: once by its name, and once with what that name means (its addresses, or a
// connection to the target), so that nothing is looked up or dialled for what policy refuses.
func (d *Decider) forward(ctx context.Context, in protocol.Forward) (protocol.Forwarded, error) {
	// 1. Who asks, and what policy says of the endpoint by its name.
	f, err := d.ruleForward(in)
	if err != nil {
		return protocol.Forwarded{}, err
	}
	if f.out.Decision.Verdict != policy.Allow {
		return f.deny(ctx, d)
	}
	// 2. Where it leads: the inventory must know it.
	t, known := d.target(in.Target)
	if !known || t.Gatehouse == (in.Login != "") || in.Login != "" && !t.HasLogin(in.Login) {
		f.out.ID = id.New(id.Decision, d.cfg.Now())
		return f.fault(ctx, d, answer.FaultUnknownTarget)
	}
	if f.out.Needs = f.needs(t); f.out.Needs != "" {
		return protocol.Forwarded{Decision: f.out.Decision, Via: f.out.Via, Needs: f.out.Needs}, nil
	}
	// 3. Each address by itself: a name that anybody may give an address to says nothing about it.
	if f.out.Via == protocol.ViaDoor && !f.addresses(d) {
		return f.deny(ctx, d)
	}
	d.quotaForward(f)
	if f.out.Decision.Verdict != policy.Allow {
		return f.deny(ctx, d)
	}
	f.out.ID = id.New(id.Decision, d.cfg.Now())
	if in.Unrecorded && f.out.Decision.Recording != policy.BestEffort {
		return f.fault(ctx, d, answer.FaultEvidence)
	}
	// 4. What opens the target, for the forward and nothing else.
	certified, err := f.certify(ctx, d)
	if unsigned(err) {
		return f.fault(ctx, d, answer.FaultSigner)
	}
	if err != nil {
		return protocol.Forwarded{}, err
	}
	return f.grant(ctx, d, certified)
}

// forwardRuling is one forward's question on its way to its answer.
type forwardRuling struct {
	ruling
	in  protocol.Forward
	ask policy.ForwardAsk
	out protocol.Forwarded
}

// ruleForward checks the question and asks the policy by name.
func (d *Decider) ruleForward(in protocol.Forward) (*forwardRuling, error) {
	conn, who, err := d.connected(in.Connection)
	if err != nil {
		return nil, err
	}
	switch {
	case !id.Valid(id.Session, in.Session):
		return nil, invalid("%q is not a session id", in.Session)
	case (in.Socket != "") == (in.Host != "" && in.Port != 0), in.Socket != "" && (in.Host != "" || in.Port != 0):
		return nil, invalid("a forward is to a host and port, or to a socket")
	case len(in.Addresses) > protocol.MaxForwardAddresses, len(in.Host) > maxID*2, len(in.Socket) > maxID:
		return nil, invalid("a forward to %d addresses, %d bytes", len(in.Addresses), len(in.Host)+len(in.Socket))
	}
	login := in.Login
	if login == "" {
		login = config.GatehouseLogin
	}
	f := &forwardRuling{in: in, ask: policy.ForwardAsk{Host: in.Host, Port: in.Port, Socket: in.Socket}}
	f.ruling = ruling{conn: conn, who: who, pol: d.currentPolicy(),
		in: protocol.Decide{Connection: in.Connection, Session: in.Session, Target: in.Target, Login: login, PublicKey: in.PublicKey}}
	f.req = policy.Request{Identity: who, Target: in.Target, Labels: d.labels(in.Target), Login: policy.Login(login), Source: conn.source.String(), Now: d.cfg.Now(), Granted: d.granted(who, in.Target, policy.Login(login))}
	f.out.Decision = f.pol.DecideForward(f.req, f.ask)
	if !d.lockedOut(f.pol, conn.asks(who, in.Session, in.Target, f.out.Decision.Rules), &f.out.Decision) {
		d.strict(&f.out.Decision)
	}
	if f.out.Decision.Verdict == policy.Allow {
		f.out.Via = string(f.out.Decision.Via)
	}
	return f, nil
}

// needs is what must be known before the forward can be decided: nothing more for another Gatehouse, whose address the inventory has.
func (f *forwardRuling) needs(t config.Target) string {
	switch {
	case t.Gatehouse:
		f.out.Via, f.out.Dial = protocol.ViaGatehouse, t.Address
		if !f.in.Recorded && !f.in.Unrecorded {
			return protocol.NeedsRecording
		}
	case f.out.Via == protocol.ViaDoor && len(f.in.Addresses) == 0:
		return protocol.NeedsAddresses
	case f.out.Via == protocol.ViaTarget && len(f.in.PublicKey) == 0:
		return protocol.NeedsKey
	}
	return ""
}

// addresses keeps those that policy allows as well, and reports whether there is one. The last denial stands if there is none.
func (f *forwardRuling) addresses(d *Decider) bool {
	byName := f.out.Decision
	for _, a := range f.in.Addresses {
		ask := f.ask
		ask.Address = a
		dec := f.pol.DecideForward(f.req, ask)
		if dec.Verdict == policy.Allow && string(dec.Via) == f.out.Via {
			f.out.Addresses = append(f.out.Addresses, a)
			continue
		}
		f.out.Decision = dec
		if dec.Verdict == policy.Allow { // by another way than the name alone: not what was asked about
			f.out.Decision = policy.Decision{Verdict: policy.Deny, Code: policy.CodeNotAllowed, PolicyHash: dec.PolicyHash, Reason: "the rule for its address is another than the one for its name"}
		}
	}
	if len(f.out.Addresses) == 0 {
		return false
	}
	f.out.Decision = byName
	f.ask.Address = f.out.Addresses[0]
	return true
}

// deny answers what policy does not allow; the entry is durable.
func (f *forwardRuling) deny(ctx context.Context, d *Decider) (protocol.Forwarded, error) {
	if f.out.DenialsLeft == 0 {
		d.quotaForward(f)
	}
	f.out.ID, f.out.Via, f.out.Addresses = id.New(id.Denial, d.cfg.Now()), "", nil
	f.ruling.out.Decision = f.out.Decision
	if err := d.spendDenial(ctx, &f.ruling); err != nil {
		return protocol.Forwarded{}, err
	}
	return f.out, d.append(ctx, f.entryNow())
}

// fault answers what policy allows and cannot be had; the entry is durable.
func (f *forwardRuling) fault(ctx context.Context, d *Decider, code string) (protocol.Forwarded, error) {
	f.out.Fault = code
	return f.out, d.append(ctx, f.entryNow())
}

// quotaForward applies and counts the limit of denials, as for commands.
func (d *Decider) quotaForward(f *forwardRuling) {
	f.ruling.out.Decision = f.out.Decision
	d.quota(&f.ruling)
	f.out.Decision, f.out.DenialsLeft = f.ruling.out.Decision, f.ruling.out.DenialsLeft
}

// entryNow is what the log says of the answer.
func (f *forwardRuling) entryNow() audit.Entry {
	dec := f.out.Decision
	details := map[string]any{"event": "open", "source": f.req.Source}
	if dec.Code != "" {
		details["code"] = dec.Code
	}
	if len(dec.Rules) > 0 {
		details["rules"] = dec.Rules
	}
	if len(dec.Grants) > 0 {
		details["grants"] = dec.Grants
	}
	for name, value := range map[string]string{"host": f.in.Host, "socket": f.in.Socket, "via": f.out.Via, "dial": f.out.Dial, "fault": f.out.Fault} {
		if value != "" {
			details[name] = value
		}
	}
	if f.in.Port != 0 {
		details["port"] = f.in.Port
	}
	if len(f.out.Addresses) > 0 {
		details["addresses"] = f.out.Addresses
	}
	if len(f.req.Labels) > 0 {
		details["labels"] = f.req.Labels
	}
	if dec.Obligations != (policy.Obligations{}) {
		details["obligations"] = dec.Obligations
	}
	e := audit.Entry{Type: audit.Forward, Actor: f.who.Principal(), Owner: f.who.Owner, Task: f.who.Task, Conn: f.conn.id, Session: f.in.Session, Target: f.in.Target,
		Login: f.in.Login, Object: f.out.ID, Outcome: string(dec.Verdict), Policy: dec.PolicyHash, Reason: dec.Reason, Data: data(details)}
	if len(dec.Rules) > 0 {
		e.Rule = dec.Rules[0]
	}
	return e
}

// certify signs what opens the target for a forward over it: it may forward ports and sockets, and runs nothing.
func (f *forwardRuling) certify(ctx context.Context, d *Decider) ([]audit.Entry, error) {
	if f.out.Via != protocol.ViaTarget {
		return nil, nil
	}
	cert, err := d.certifyTarget(ctx, &f.ruling, f.in.PublicKey, ca.TargetRequest{TTL: ca.MaxPinnedTTL, ForceCommand: forwards, Forward: true})
	if err != nil {
		return nil, err
	}
	f.out.Certificate = cert.Marshal()
	return []audit.Entry{d.certEntry(cert, f.who, f.in.Session, f.in.Target, f.in.Login, true)}, nil
}

// grant lets the answer go, as grant does for commands: the session is taken and the entries are durable before anything leaves.
func (f *forwardRuling) grant(ctx context.Context, d *Decider, certified []audit.Entry) (out protocol.Forwarded, err error) {
	if err := f.book(ctx, d); err != nil {
		return protocol.Forwarded{}, err
	}
	if f.over != nil {
		return f.deny(ctx, d)
	}
	defer func() { d.unbook(ctx, f.in.Session, err) }()
	entry := f.entryNow()
	s := session{conn: f.conn.id, rules: f.out.Decision.Rules, request: f.req, forward: &f.ask, via: f.out.Via, size: len(entry.Data)}
	if err := d.hold(&s, f.out.Decision.Grants); err != nil {
		return protocol.Forwarded{}, err
	}
	if err := d.takeSession(f.in.Session, s, f.out.Decision.Obligations.Sessions); err != nil {
		return protocol.Forwarded{}, err
	}
	if err := d.use(ctx, f.out.Decision.Grants, f.out.ID, f.in.Session, append([]audit.Entry{entry}, certified...)...); err != nil {
		d.dropSession(f.in.Session)
		return protocol.Forwarded{}, err
	}
	if err := d.stillAllowed(f.in.Session, f.conn.id, f.pol); err != nil {
		d.dropSession(f.in.Session)
		return protocol.Forwarded{}, err
	}
	return f.out, nil
}

// allowsForward asks a live forward's question again, of the policy and the inventory in force. Called with mu held.
func (d *Decider) allowsForward(s *session, t config.Target, req policy.Request) bool {
	if t.Gatehouse != (s.via == protocol.ViaGatehouse) {
		return false
	}
	dec := d.policy.DecideForward(req, *s.forward)
	return dec.Verdict == policy.Allow && (t.Gatehouse || string(dec.Via) == s.via)
}

// forwardEnd is the entry of a forward's end, before that of its session.
func forwardEnd(in protocol.End, e audit.Entry) audit.Entry {
	end := *in.Forward
	end.Host, end.Socket, end.Address, end.Via = cut(end.Host, 2*maxID), cut(end.Socket, maxID), cut(end.Address, maxID), cut(end.Via, maxID)
	e.Type, e.Outcome, e.Data = audit.Forward, "close", data(struct {
		Event string `json:"event"`
		protocol.ForwardEnd
	}{"close", end})
	return e
}
