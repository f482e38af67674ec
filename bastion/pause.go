package bastion

import (
	"context"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse/bastion/target/local"
	"gatehouse/internal/answer"
	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/internal/store"
	"gatehouse/policy"
	"gatehouse/recorder"
)

// pauseTime is how long a session is paused at most. Who is not resumed by then is killed.
var pauseTime = protocol.PauseTime

// hushTime is how long a pause waits for bytes that are on their way, and for the target's word that its processes stand still.
const (
	hushTime  = time.Second
	stillTime = 3 * time.Second
)

// gate is what a session's bytes go through, in both directions. The zero value is open.
type gate struct {
	mu      sync.Mutex
	shut    chan struct{} // closed when it opens again; nil while it is open
	passing int
	empty   chan struct{} // closed when nothing passes any more; nil: nobody waits for that
}

// enter lets one pass, or returns what to wait for.
func (g *gate) enter() (wait <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut != nil {
		return g.shut
	}
	g.passing++
	return nil
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.passing--; g.passing == 0 && g.empty != nil {
		close(g.empty)
		g.empty = nil
	}
}

// close shuts the gate, and returns what is closed when nothing is in it; false if it was shut.
func (g *gate) close() (empty <-chan struct{}, was bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	was = g.shut == nil
	if was {
		g.shut = make(chan struct{})
	}
	if g.empty == nil {
		g.empty = make(chan struct{})
	}
	out := g.empty
	if g.passing == 0 {
		close(g.empty)
		g.empty = nil
	}
	return out, was
}

// open opens it again; false if it was open.
func (g *gate) open() (was bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut == nil {
		return false
	}
	close(g.shut)
	g.shut = nil
	return true
}

func (g *gate) isShut() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.shut != nil
}

// cross waits while the session is paused, and takes a place in the gate until leave is called. false: the session has ended.
func (s *session) cross() (leave func(), ok bool) {
	g := &s.root().gate
	for {
		wait := g.enter()
		if wait == nil {
			return g.leave, true
		}
		select {
		case <-wait:
		case <-s.ctx.Done():
			return nil, false
		}
	}
}

// pass moves the client's bytes on to a target, through the gate.
func (s *session) pass(to io.Writer, b []byte) error {
	leave, ok := s.cross()
	if !ok {
		return errMuted
	}
	defer leave()
	_, err := to.Write(b)
	return err
}

// crossing reads the client's bytes of a transfer through the gate.
type crossing struct{ *session }

func (c crossing) Read(b []byte) (int, error) {
	n, err := c.channel.Read(b)
	leave, ok := c.cross()
	if !ok {
		return 0, errMuted
	}
	leave()
	return n, err
}

// Pause stops the sessions that the order names, without ending them. No byte passes when it returns.
func (s *Server) Pause(ctx context.Context, order console.KillOrder) (console.PauseReport, error) {
	why := "paused by " + order.By.Principal + ": " + cutText(order.Reason, maxReason)
	out := console.PauseReport{Sessions: each(s.matching(order), func(ses *session) console.PausedSession { return ses.pause(ctx, why) })}
	out.Until = s.cfg.Now().UTC().Add(pauseTime)
	return out, nil
}

// Resume lets them go on.
func (s *Server) Resume(ctx context.Context, order console.KillOrder) (console.PauseReport, error) {
	why := "resumed by " + order.By.Principal + ": " + cutText(order.Reason, maxReason)
	victims := slices.DeleteFunc(s.matching(order), func(ses *session) bool { return !ses.gate.isShut() })
	return console.PauseReport{Sessions: each(victims, func(ses *session) console.PausedSession { return ses.resume(ctx, why) })}, nil
}

// each does something to all sessions at once, and returns what came of it in the order of their ids.
func each[Out any](sessions []*session, do func(*session) Out) []Out {
	slices.SortFunc(sessions, func(a, b *session) int { return strings.Compare(a.id, b.id) })
	out := make([]Out, len(sessions))
	var work sync.WaitGroup
	for i, ses := range sessions {
		work.Go(func() { out[i] = do(ses) })
	}
	work.Wait()
	return out
}

// pause shuts the gate, says so once, and stops what runs. The clock of the session goes on; that of its idleness does not.
func (s *session) pause(ctx context.Context, why string) console.PausedSession {
	empty, first := s.gate.close()
	out := console.PausedSession{ID: s.id}
	timer := time.NewTimer(hushTime)
	defer timer.Stop()
	select {
	case <-empty:
		out.Quiet = true
	case <-timer.C:
	}
	if first {
		s.sayAside("PAUSED: " + why)
		s.endUnlessResumed(why)
	}
	out.Remote = s.signalRemote(ctx, protocol.SweepStop, "stopped", why)
	return out
}

// endUnlessResumed kills the session when it was paused for too long: nobody forgets it there.
func (s *session) endUnlessResumed(why string) {
	timer := time.AfterFunc(pauseTime, func() {
		if !s.gate.isShut() {
			return
		}
		cause := &ended{state: store.Killed, by: "gatehouse", reason: why + "; nobody resumed it in " + pauseTime.String()}
		s.conn.server.apart("the end of a pause", func() { s.conn.server.end(context.Background(), []*session{s}, cause) })
	})
	s.mu.Lock()
	s.pauseEnds = timer
	s.mu.Unlock()
	context.AfterFunc(s.ctx, func() { timer.Stop() })
}

// resume lets what runs go on, and opens the gate.
func (s *session) resume(ctx context.Context, why string) console.PausedSession {
	out := console.PausedSession{ID: s.id, Remote: s.signalRemote(ctx, protocol.SweepGoOn, "running", why)}
	s.mu.Lock()
	if s.pauseEnds != nil {
		s.pauseEnds.Stop()
	}
	s.mu.Unlock()
	if s.gate.open() {
		s.sayAside("RESUMED: " + why)
	}
	return out
}

// sayAside tells the client and the recording something past the gate. A client that does not read is not told.
func (s *session) sayAside(text string) {
	_, rec := s.running()
	if rec != nil {
		_ = rec.Write(recorder.Note, event(map[string]any{"note": text})) // a failed recording ends the session
	}
	said := make(chan struct{})
	s.conn.server.apart("a word aside", func() {
		defer close(said)
		if s.forward != nil || !s.writing.TryLock() { // held: a write waits for the client
			return
		}
		defer s.writing.Unlock()
		if s.muted.Load() {
			return
		}
		if s.pty != nil {
			_, _ = s.channel.Write([]byte("\r\ngatehouse: " + text + "\r\n"))
		} else {
			_, _ = s.channel.Stderr().Write([]byte("gatehouse: " + text + "\n"))
		}
	})
	timer := time.NewTimer(noticeTime)
	defer timer.Stop()
	select {
	case <-said:
	case <-timer.C:
	}
}

// signalRemote stops what runs for the session, or lets it go on: here by the command's warden, on a target over a second connection,
// pinned to that. What the target says of it is a claim.
func (s *session) signalRemote(ctx context.Context, do, word, why string) string {
	proc, _ := s.running()
	if s.forward != nil || proc == nil {
		return "running" // a far end, or an SFTP server, that gets nothing to do
	}
	ctx, cancel := context.WithTimeout(ctx, stillTime)
	defer cancel()
	if running, ok := proc.(*running); ok {
		proc = running.process
	}
	if p, ok := proc.(*local.Process); ok {
		name := "STOP"
		if do == protocol.SweepGoOn {
			name = "CONT"
		}
		if err := p.Signal(name); err != nil {
			return "unconfirmed"
		}
		return word
	}
	swept, err := s.conn.server.sweep(ctx, protocol.Sweep{Session: s.id, Target: s.row.Target, Login: s.row.Login, Reason: why, Do: do})
	if err != nil || !swept.signalled {
		s.log.Warn("signal what runs on the target", "do", do, "error", err)
		return "unconfirmed"
	}
	return word
}

// began keeps what runs for the session. A pause that came while it began, and did not wait for it, holds for it too.
func (s *session) began(proc *running) {
	s.mu.Lock()
	s.proc = proc
	s.mu.Unlock()
	s = s.root()
	if !s.gate.isShut() {
		return
	}
	s.conn.server.apart("a pause that came while a command began", func() {
		const why = "paused while it began"
		s.signalRemote(s.ctx, protocol.SweepStop, "stopped", why)
		if !s.gate.isShut() { // resumed meanwhile
			s.signalRemote(s.ctx, protocol.SweepGoOn, "running", why)
		}
	})
}

// lockedOut is the outcome of a session whose question met a lock before it was decided. The decider has noted the lock, and ends what
// asked.
func (s *session) lockedOut(why string) outcome {
	d := answer.Denial{Code: string(policy.CodeLocked), Why: why, DenialID: id.New(id.Denial, s.conn.server.cfg.Now()), Session: s.id, Target: s.row.Target}
	return outcome{state: store.Denied, code: d.Code, reason: why, text: d.Lines(), status: answer.ExitDenied}
}
