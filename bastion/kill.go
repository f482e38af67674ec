package bastion

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse/bastion/target/local"
	"gatehouse/internal/answer"
	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/store"
)

// How long a kill may take with what is not immediate: the client's notice, and the target's confirmation.
const (
	noticeTime = 500 * time.Millisecond
	remoteTime = 5 * time.Second
	severTime  = time.Second // then a target that does not answer is cut off

	youngTime  = 2 * time.Second        // a session that ends so early may still be beginning on its target,
	settleTime = 700 * time.Millisecond // and is looked for once more after this
)

// maxReason bounds what somebody may give as the reason of a kill: it is kept with every session that it ends.
const maxReason = 1024

func (s *Server) addSession(ses *session) {
	s.mu.Lock()
	s.sessions[ses.id] = ses
	s.mu.Unlock()
	ses.conn.mu.Lock()
	defer ses.conn.mu.Unlock()
	ses.conn.sessions[ses.id] = ses
}

func (s *Server) removeSession(ses *session) {
	s.mu.Lock()
	delete(s.sessions, ses.id)
	s.mu.Unlock()
	ses.conn.mu.Lock()
	defer ses.conn.mu.Unlock()
	delete(ses.conn.sessions, ses.id)
}

// Kill ends the sessions that the order names. The clients' sockets are closed at once; it returns when the targets have
// confirmed, or could not.
func (s *Server) Kill(ctx context.Context, order console.KillOrder) (console.KillReport, error) {
	cause := &ended{state: store.Killed, by: order.By.Principal, reason: "ended by " + order.By.Principal + ": " + cutText(order.Reason, maxReason)}
	idle := s.idle(order) // before the sessions are listed: one that begins now is in at least one of the two
	victims := s.matching(order)
	for _, v := range victims {
		delete(idle, v.conn.outermost())
	}
	for c := range idle {
		c.log.Warn("connection without a session killed", "by", order.By.Principal)
		c.drop(cause.ofSibling())
	}
	return console.KillReport{Sessions: s.end(ctx, victims, cause)}, nil
}

// idle lists the client connections that the order means although nothing runs on them: a ControlMaster between commands,
// also one inside a jump.
func (s *Server) idle(order console.KillOrder) map[*conn]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[*conn]bool{}
	for _, c := range s.conns {
		c.mu.Lock()
		meant := c.proven && len(c.sessions) == 0 && !c.asks(order.By) &&
			(order.All || means(order, c.id) || (order.Identity != "" && order.Identity == c.identity.Principal()) || (order.Target != "" && order.Target == c.route.target))
		c.mu.Unlock()
		if meant {
			out[c.outermost()] = true
		}
	}
	return out
}

// asks reports whether a connection is the console of the person who gives the order: that one lives to see the report.
func (c *conn) asks(by console.Actor) bool {
	return c.route.target == "" && c.identity.Principal() == by.Principal
}

// Revoke ends sessions that a change of policy no longer allows.
func (s *Server) Revoke(sessions []string, reason string) {
	var victims []*session
	s.mu.Lock()
	for _, name := range sessions {
		if ses, ok := s.sessions[name]; ok {
			victims = append(victims, ses)
		}
	}
	s.mu.Unlock()
	s.apart("the end of sessions", func() {
		s.end(context.Background(), victims, &ended{state: store.Killed, by: "policy", reason: reason})
	})
}

func (s *Server) matching(order console.KillOrder) []*session {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []*session
	for _, ses := range s.sessions {
		c := ses.conn
		if order.All || order.Session == ses.id || means(order, ses.id) || means(order, c.id) || (order.Identity != "" && order.Identity == c.identity.Principal()) ||
			(order.Target != "" && order.Target == ses.target()) {
			out = append(out, ses)
		}
	}
	return out
}

// means reports whether an order names a session or a connection, as the decider found them.
func means(order console.KillOrder, id string) bool {
	_, found := slices.BinarySearch(order.By.Meant, id)
	return found
}

// target is where the session runs or the forward goes through.
func (s *session) target() string {
	if s.forward != nil {
		return s.forward.target
	}
	return s.conn.route.target
}

func (s *Server) everything() []*session {
	return s.matching(console.KillOrder{All: true})
}

// end stops victims and, as each one's connection has to go, whatever else is on it; then waits for the remote ends.
func (s *Server) end(ctx context.Context, victims []*session, cause *ended) []console.KilledSession {
	hit := map[*session]bool{} // whether it was meant, or is a sibling
	for _, v := range victims {
		hit[v] = true
	}
	for _, v := range victims {
		for _, other := range s.onConnection(v.conn.outermost()) {
			if !hit[other] {
				hit[other] = false
			}
		}
	}
	return s.endAll(ctx, hit, cause)
}

// endAll stops sessions, those that were meant and their siblings, and waits for the remote ends.
func (s *Server) endAll(ctx context.Context, hit map[*session]bool, cause *ended) []console.KilledSession {
	begun := time.Now()
	// Everyone hears of it before the first socket closes: sessions may share one.
	var telling, leaving sync.WaitGroup
	one := *cause
	one.said = make(chan struct{})
	for ses, meant := range hit {
		c := &one
		if !meant {
			c = one.ofSibling()
		}
		telling.Go(func() { ses.notify(c) })
	}
	telling.Wait()
	for ses := range hit {
		ses.closeForClient()
	}
	close(one.said)
	for ses := range hit { // the socket is let go of when the client has read all of it, or soon after
		leaving.Go(ses.awaitHangUp)
	}
	leaving.Wait()
	for ses := range hit {
		ses.hangUp()
	}
	late, cancel := context.WithTimeout(ctx, remoteTime+residueTime)
	defer cancel()
	ctx, done := context.WithTimeout(late, remoteTime)
	defer done()
	out := []console.KilledSession{}
	for ses, meant := range hit {
		wait := ctx
		if ses.looksAfter(store.Killed) { // the target is looked at for what it left
			wait = late
		}
		out = append(out, ses.report(wait, begun, !meant))
	}
	return out
}

// onConnection lists the sessions under one client socket, inner connections included.
func (s *Server) onConnection(outermost *conn) []*session {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []*session
	for _, ses := range s.sessions {
		if ses.conn.outermost() == outermost {
			out = append(out, ses)
		}
	}
	return out
}

// tell lets no byte pass any more, tells the client why if that is possible at once, and closes its channel. A client that
// does not read cannot hold it up.
func (s *session) tell(cause *ended) {
	s.notify(cause)
	s.awaitHangUp()
}

// notify is tell without the wait for the client to hang up. Of two that end one session, the first says why, and the other waits
// until that is said.
func (s *session) notify(cause *ended) {
	s.mu.Lock()
	told, twice := s.telling, s.telling != nil
	if !twice {
		told = make(chan struct{})
		s.telling = told
	}
	s.mu.Unlock()
	s.muted.Store(true)
	s.cancel(cause)
	if !twice {
		s.conn.server.apart("a session's last words", func() {
			defer close(told)
			if s.writing.TryLock() { // held: a write waits for the client, who will hear nothing
				s.giveReason(cause)
				s.writing.Unlock()
			}
			_ = s.channel.Close()
		})
	}
	s.hangUpLater()
	timer := time.NewTimer(noticeTime)
	defer timer.Stop()
	select {
	case <-told:
	case <-timer.C:
	}
}

// closeForClient ends the client's socket for its reader, after all that was said: the words, the status, and then the end. The other
// half is closed by hangUp. Closed whole at once, with something of the client's unread, it would take the words back.
func (s *session) closeForClient() {
	_ = s.conn.outermost().closeWrite()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = time.Now()
}

// awaitHangUp gives the client a moment to hang up.
func (s *session) awaitHangUp() {
	timer := time.NewTimer(noticeTime)
	defer timer.Stop()
	select { // a client that hangs up itself has read why, and under -J its jump has not died under it
	case <-s.conn.ctx.Done():
	case <-timer.C:
	}
}

// giveReason is called with writing held.
func (s *session) giveReason(cause *ended) {
	text := answer.Killed{Session: s.id, Why: cause.reason}.Lines()
	to := io.Writer(s.channel.Stderr())
	if s.pty != nil {
		text, to = strings.ReplaceAll(text, "\n", "\r\n"), s.channel
	}
	if _, err := to.Write([]byte(text)); err == nil {
		s.sendStatus(answer.ExitKilled)
	}
}

// hangUp closes the client's socket.
func (s *session) hangUp() {
	_ = s.conn.outermost().Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed.IsZero() {
		s.closed = time.Now()
	}
}

// report waits for the session's end and says what became of it.
func (s *session) report(ctx context.Context, begun time.Time, sibling bool) console.KilledSession {
	remote := "unconfirmed"
	select {
	case <-s.done:
		if s.forward != nil {
			remote = "ended" // nothing runs for it, and both its connections are closed
		}
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.remote != "" {
		remote = s.remote
	}
	out := console.KilledSession{ID: s.id, Closed: s.closed.Sub(begun), Remote: remote, Sibling: sibling, Left: s.swept.left, Swept: s.swept.took}
	if s.residue != nil {
		out.Residue = append(out.Residue, s.residue.Found...)
		if s.residue.Why != "" {
			out.Residue = append(out.Residue, "what else is not known: "+s.residue.Why)
		}
	}
	return out
}

// endRemote ends what runs: by the channel's signal, where stock sshd allows one, by closing the channel, which hangs a pty
// up, and by a sweep over a second, pinned connection, which also says whether anything is left.
func (s *session) endRemote(proc *running) string {
	if p, ok := proc.process.(*local.Process); ok {
		clean, err := p.End(context.Background())
		if err != nil {
			s.log.Warn("end local command", "error", err)
		}
		return remoteWord(clean)
	}
	told := make(chan struct{})
	go func() { // a target that reads nothing holds the sweep not up
		defer close(told)
		_ = proc.Signal("KILL")
		_ = proc.Close()
	}()
	word := s.sweepRemote()
	defer s.severLater(proc)()
	<-told
	return word
}

// sweepRemote ends what carries the session's mark on its target, and says whether anything is left.
func (s *session) sweepRemote() string {
	s.afterTheOthers()
	ctx, cancel := context.WithTimeout(context.Background(), remoteTime)
	defer cancel()
	sweep := func() bool {
		out, err := s.conn.server.sweep(ctx, protocol.Sweep{Session: s.id, Target: s.row.Target, Login: s.row.Login, Reason: "the session ended before its command"})
		if err != nil {
			s.log.Warn("sweep after the session's end", "error", err)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.swept.left, s.swept.took = out.left, s.swept.took+out.took
		return out.clean
	}
	clean := sweep()
	if clean && s.conn.server.cfg.Now().Sub(s.started) < youngTime { // its login shell may not have come to what carries the mark
		select {
		case <-time.After(settleTime):
			clean = sweep()
		case <-ctx.Done():
			clean = false
		}
	}
	return remoteWord(clean)
}

// afterTheOthers waits until all that a kill ends are cut off: connections to targets take more time than telling everybody.
func (s *session) afterTheOthers() {
	var stop *ended
	if !errors.As(context.Cause(s.ctx), &stop) || stop.said == nil {
		return
	}
	timer := time.NewTimer(noticeTime)
	defer timer.Stop()
	select {
	case <-stop.said:
	case <-timer.C:
	}
}

func remoteWord(clean bool) string {
	if clean {
		return "ended"
	}
	return "unconfirmed"
}
