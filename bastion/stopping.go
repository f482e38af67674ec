package bastion

import (
	"context"
	"errors"
	"time"

	"gatehouse/internal/answer"
	"gatehouse/internal/store"
	"gatehouse/recorder"
)

// stopping is what everybody is told who wants something new while the door drains.
const stopping = "Gatehouse is stopping"

// Drain lets what is live go on and begins nothing new: connections on which nothing runs are closed, on the others every
// new command is answered with 75 and every other channel is refused, and each is closed with its last channel. Sessions
// without a terminal hear by a line on their stderr how much time they have. It returns when no connection is left or ctx
// ends. The listener must be closed before; Shutdown ends what is left.
func (s *Server) Drain(ctx context.Context, within time.Duration) {
	s.mu.Lock()
	s.draining = true
	s.farewell = "gatehouse: " + stopping + "; this session may go on for " + within.String() + "\n"
	var conns []*conn
	for _, c := range s.conns {
		conns = append(conns, c)
	}
	s.mu.Unlock()
	for _, c := range conns {
		if !c.retire() {
			c.drop(&ended{state: store.Failed, reason: stopping})
		}
	}
	s.watches.wakeAll() // nobody waits for people any more
	for _, ses := range s.everything() {
		s.work.Go(func() { s.remind(ses) }) // one whose client takes nothing holds up nobody else's end
	}
	empty := make(chan struct{})
	go func() {
		s.work.Wait()
		close(empty)
	}()
	select {
	case <-empty:
	case <-ctx.Done():
	}
}

// retire lets nothing begin on a connection any more; false: nothing is open on it, or nobody has authenticated on it.
func (c *conn) retire() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.retiring = true
	return c.proven && c.channels > 0
}

func (c *conn) retires() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.retiring
}

// openSession counts a session channel in, as openChannel does for every other. One that comes while the door drains is let
// in, so that its command is answered as commands are.
func (c *conn) openSession() (why string) { return c.open(true) }

// turnAway answers a command that comes while the door drains.
func (s *session) turnAway() {
	defer close(s.done)
	s.answer(s.fault(answer.FaultStopping, stopping+"; nothing was sent to the target. Try again in a minute", errors.New("the door drains")))
}

// remind tells a session once, as soon as it runs, that the door drains.
func (s *Server) remind(ses *session) {
	s.mu.Lock()
	text := s.farewell
	s.mu.Unlock()
	if proc, _ := ses.running(); text != "" && proc != nil && !ses.told.Swap(true) {
		ses.remark(text)
	}
}

// remark writes a line of ours to the stderr of a session that runs without a terminal: on a line of its own, recorded as a
// note, and not at all if the client does not read.
func (s *session) remark(text string) {
	proc, rec := s.running()
	if proc == nil || s.pty != nil || !s.lockWriting() {
		return
	}
	defer s.writing.Unlock()
	if s.muted.Load() || rec.Write(recorder.Note, event(map[string]any{"note": text})) != nil {
		return
	}
	if s.midLine.Load() {
		text = "\n" + text
	}
	_, _ = s.channel.Stderr().Write([]byte(text)) // a client that has left needs no line
}

// Live is how many sessions run now.
func (s *Server) Live() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessions)
}

// How long a remark waits for a write that is under way, and how often it looks.
const (
	remarkTime  = 100 * time.Millisecond
	remarkEvery = 2 * time.Millisecond
)

// lockWriting takes the session's writing, unless a write waits for a client that does not read.
func (s *session) lockWriting() bool {
	for end := time.Now().Add(remarkTime); !s.writing.TryLock(); time.Sleep(remarkEvery) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}
