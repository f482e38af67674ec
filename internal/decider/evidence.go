package decider

import (
	"context"

	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/recorder/audit"
)

// chunk makes the hash of a recording's chunk a leaf of the log.
func (d *Decider) chunk(ctx context.Context, in protocol.Chunk) (protocol.Empty, error) {
	if !id.Valid(id.Session, in.Session) {
		return protocol.Empty{}, invalid("%q is not a session id", in.Session)
	}
	return protocol.Empty{}, d.append(ctx, audit.Entry{Type: audit.RecChunk, Session: in.Session, Outcome: "ok", Data: data(in)})
}

// end notes a session's end and its recording's hash.
func (d *Decider) end(ctx context.Context, in protocol.End) (protocol.Empty, error) {
	if !id.Valid(id.Session, in.Session) {
		return protocol.Empty{}, invalid("%q is not a session id", in.Session)
	}
	in.Connection, in.State, in.Reason, in.Signal, in.Remote = cut(in.Connection, maxID), cut(in.State, maxID), cut(in.Reason, maxText), cut(in.Signal, maxID), cut(in.Remote, maxID)
	in.Missing = cut(in.Missing, maxText)
	in.Target, in.Login = cut(in.Target, maxID), cut(in.Login, maxID)
	residue := in.Residue
	in.Residue = nil // it has an entry of its own
	entry := audit.Entry{Type: audit.SessionEnd, Conn: in.Connection, Session: in.Session, Target: in.Target, Login: in.Login, Outcome: in.State, Reason: in.Reason, Data: data(in)}
	d.waits.end(in.Session)
	if s, ok := d.dropSession(in.Session); ok {
		if s.shell != nil {
			d.waits.endShell(in.Session)
		}
		entry.Trace = s.trace
		entry.Actor, entry.Owner, entry.Task = s.request.Identity.Principal(), s.request.Identity.Owner, s.request.Identity.Task
		entry.Target, entry.Login = s.request.Target, string(s.request.Login)
		d.settleBudget(ctx, in, s)
	}
	var entries []audit.Entry
	if in.Forward != nil {
		entries = append(entries, forwardEnd(in, entry))
	}
	if residue != nil {
		entries = append(entries, residueEntry(*residue, entry))
	}
	if in.Recording == nil {
		return protocol.Empty{}, d.append(ctx, append(entries, entry)...)
	}
	closed := audit.Entry{Type: audit.RecClose, Session: in.Session, Outcome: "ok", Trace: entry.Trace, Data: data(in.Recording)}
	return protocol.Empty{}, d.append(ctx, append(entries, closed, entry)...)
}
