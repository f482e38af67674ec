package bastion

import (
	"context"

	"gatehouse/internal/store"
)

// EndConnections ends connections at the decider's word: their certificate, key or name is revoked, or policy changed. Their
// clients' sockets are closed as by a kill, whatever runs on them or inside them. One that is still authenticating is
// refused with the reason. It does not wait.
func (s *Server) EndConnections(ids []string, reason string) {
	cause := &ended{state: store.Killed, by: "decider", reason: reason}
	var doomed []*conn
	s.mu.Lock()
	for _, name := range ids {
		if c, ok := s.conns[name]; ok {
			doomed = append(doomed, c)
		}
	}
	s.mu.Unlock()
	sockets := map[*conn]bool{}
	for _, c := range doomed {
		if c.doom(cause) {
			sockets[c.outermost()] = true
		}
	}
	s.apart("the end of connections", func() { s.endSockets(sockets, cause) }) // events must not wait
}

// doom keeps a connection from whatever it has not begun yet, and reports whether it is somebody's: one that still
// authenticates has noticeTime to hear why it may not.
func (c *conn) doom(cause *ended) (proven bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.doomed = cause
	if !c.proven {
		c.timer.Reset(noticeTime)
	}
	return c.proven
}

// endSockets closes clients' sockets, after whoever has a session under one has heard why.
func (s *Server) endSockets(sockets map[*conn]bool, cause *ended) {
	hit := map[*session]bool{} // whether its own connection was meant
	s.mu.Lock()
	for _, ses := range s.sessions {
		if sockets[ses.conn.outermost()] {
			hit[ses] = ses.conn.isDoomed()
		}
	}
	s.mu.Unlock()
	for ses := range hit {
		delete(sockets, ses.conn.outermost())
	}
	for c := range sockets {
		c.log.Warn("connection without a session ended", "reason", cause.reason)
		c.drop(cause)
	}
	s.endAll(context.Background(), hit, cause)
}

func (c *conn) isDoomed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.doomed != nil
}
