package bastion

import (
	"context"
	"fmt"
	"runtime/debug"

	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/internal/store"
)

// A fault in the door's own code ends the connection that met it, and nothing else. Every goroutine that runs our code for a
// connection begins with isolate or apart; the SSH library's own goroutines run none of it but Read, Write and a host key's Sign.

// isolate is deferred.
func (c *conn) isolate(where string) {
	if fault := recover(); fault != nil {
		c.faulted(where, fault)
	}
}

// faulted reports a fault to the operator, by an id that the session's end and the audit log have too, and drops the connection.
func (c *conn) faulted(where string, fault any) *ended {
	name := id.New(id.Fault, c.server.cfg.Now())
	c.server.numbers.panics.Inc()
	c.log.Error("a fault in the door's own code, the connection is dropped", "error_id", name, "where", where, "fault", fmt.Sprint(fault), "stack", string(debug.Stack()))
	cause := &ended{state: store.Failed, by: "door", reason: "an internal error, " + name}
	c.doom(cause)
	c.server.apart("the note of a fault", func() {
		ctx, cancel := context.WithTimeout(context.Background(), evidenceTime)
		defer cancel()
		in := protocol.Refuse{Connection: c.id, What: "the connection", Code: "internal", Why: "a fault in the door's own code ended it: " + name}
		if err := c.server.cfg.Evidence.Refuse(ctx, in); err != nil {
			c.log.Error("note a fault", "error_id", name, "error", err)
		}
	})
	c.outermost().drop(cause)
	return cause
}

// apart runs what belongs to no connection, or outlives it.
func (s *Server) apart(where string, f func()) {
	go func() {
		defer func() {
			if fault := recover(); fault != nil {
				s.numbers.panics.Inc()
				s.cfg.Log.Error("a fault in the door's own code", "error_id", id.New(id.Fault, s.cfg.Now()), "where", where, "fault", fmt.Sprint(fault), "stack", string(debug.Stack()))
			}
		}()
		f()
	}()
}

// stream runs one of a session's streams; a fault in it ends the connection, and the session by its context.
func (s *session) stream(where string, f func() error) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = s.conn.faulted(where, fault)
		}
	}()
	return f()
}

// failed is deferred by run: a session whose code met a fault is ended like any other, its command and its evidence too.
func (s *session) failed() {
	fault := recover()
	if fault == nil {
		return
	}
	cause := s.conn.faulted("a session", fault)
	s.mu.Lock()
	proc := s.proc
	s.mu.Unlock()
	out := outcome{state: store.Failed, code: "internal", reason: cause.reason, status: 75}
	if p, ok := proc.(*running); ok {
		out.remote = s.endRemote(p)
		p.release()
	}
	s.finish(out)
}
