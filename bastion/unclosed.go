package bastion

import "time"

// A client whose window is shut takes neither the text of an answer nor, if it leaves CLOSE unanswered, the end of its session: what
// waits for it would wait as long as the connection. So the connection ends.

// closeUnlessTaken closes the client's connection when the returned function is not called in time.
func (s *session) closeUnlessTaken() (taken func()) {
	timer := time.AfterFunc(s.conn.limits().Unclosed, s.closeUnclosed)
	return func() { timer.Stop() }
}

// hangUpLater closes the client's connection when the session has not ended in time.
func (s *session) hangUpLater() {
	taken := s.closeUnlessTaken()
	s.conn.server.apart("a session's end", func() {
		defer taken()
		select {
		case <-s.done:
		case <-s.conn.ctx.Done():
		}
	})
}

func (s *session) closeUnclosed() {
	s.conn.server.met(s.log, limitUnclosed)
	_ = s.conn.outermost().Close()
}
