package governed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/yamux"

	"gatehouse/bastion/shell/wire"
)

// The bounds of one shell's process.
const (
	maxStreams  = 128       // asks at once, the commands that run among them
	maxHeads    = 4         // of them whose beginning is read, as that may be long
	maxHeld     = 8 << 20   // bytes of what the commands that run or wait were asked with
	maxRunning  = 32        // commands that run or wait at once: each may have the door hold 3 MiB that nobody reads
	maxCommands = 1_000_000 // of one shell, on the target
	maxLined    = 10_000    // of one line of it
	maxText     = 64 << 20  // bytes of all its lines
	maxReports  = 2_000_000
	maxRefusals = 10_000    // lines, each of which the audit log has
	window      = 256 << 10 // bytes under way on a stream

	askTime   = 30 * time.Second       // for the head of a stream
	lineTime  = 200 * time.Millisecond // for the word of a line, behind its command
	writeTime = time.Minute            // for a process that does not read
	closeTime = 10 * time.Second       // for one that does not close what is answered
)

// Why a shell ends that has not ended itself.
var (
	ErrDied     = errors.New("the shell's process has ended")
	ErrProtocol = errors.New("the shell's process does not keep to the protocol")
	errExited   = errors.New("the shell has ended")
)

// Ended is how a shell ended by itself.
type Ended struct {
	Status int
}

// Shell is one governed shell, seen from the door.
type Shell struct {
	host  Host
	begin wire.Begin
	mux   *yamux.Session

	ctx    context.Context
	cancel context.CancelCauseFunc
	work   sync.WaitGroup
	in     *input
	out    *output
	slots  chan struct{} // one for each stream that is served
	heads  chan struct{} // one for each whose beginning is read

	mu       sync.Mutex
	control  net.Conn // the first stream; nil until it is there
	pending  []wire.Event
	status   int
	commands int64
	lined    int64 // commands of the line
	line     int64 // the newest
	held     int   // bytes of the commands that run or wait
	text     int   // bytes of the lines so far; of the first stream's goroutine
	refusals int   // of lines; of the same
	running  map[int64]*command
	told     int64         // the newest line that the host knows
	changed  chan struct{} // closed when that is another
	saying   sync.Mutex    // held around an Event
}

// New makes a shell of a process's connection, which it owns. A begin without limits has none of its own.
func New(conn net.Conn, begin wire.Begin, h Host) (*Shell, error) {
	c := yamux.DefaultConfig()
	c.EnableKeepAlive = false
	c.LogOutput = io.Discard
	c.MaxStreamWindowSize = window
	c.AcceptBacklog = maxStreams
	c.StreamOpenTimeout = 0
	c.StreamCloseTimeout = closeTime
	c.ConnectionWriteTimeout = writeTime
	mux, err := yamux.Server(conn, c)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if begin.Limits.Commands <= 0 {
		begin.Limits.Commands = math.MaxInt64
	}
	return &Shell{host: h, begin: begin, mux: mux, in: newInput(h.Stdin()), out: newOutput(h), slots: make(chan struct{}, maxStreams), heads: make(chan struct{}, maxHeads), running: map[int64]*command{}, changed: make(chan struct{})}, nil
}

// Serve answers until the shell has ended by itself, and returns how, or until something else ends it: ctx (its cause), an error of the
// host's, ErrDied, ErrProtocol. When it returns no command of the shell is asked for any more and none of its files is open; a read of
// the client's input may still be under way, for which Wait waits.
func (s *Shell) Serve(ctx context.Context) (Ended, error) {
	s.ctx, s.cancel = context.WithCancelCause(ctx)
	defer s.in.close()
	defer s.cancel(errExited)
	stop := context.AfterFunc(s.ctx, func() { _ = s.mux.Close() })
	defer stop()
	for {
		stream, err := s.mux.AcceptStream()
		if err != nil {
			s.cancel(ErrDied) // no cause before it is overwritten
			break
		}
		select {
		case s.slots <- struct{}{}:
			s.work.Go(func() {
				defer func() { <-s.slots }()
				defer finish(stream)
				s.handle(stream)
			})
		default:
			s.cancel(fmt.Errorf("%w: more than %d streams at once", ErrProtocol, maxStreams))
		}
	}
	s.work.Wait()
	if err := context.Cause(s.ctx); !errors.Is(err, errExited) {
		return Ended{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return Ended{Status: s.status}, nil
}

// finish closes a stream of which nothing more is wanted. Until the process has closed it too, it is one of those that there may be, and what
// still comes on it is thrown away: yamux would keep it.
func finish(stream *yamux.Stream) {
	_ = stream.Close()
	_ = stream.SetReadDeadline(time.Now().Add(closeTime))
	_, _ = io.Copy(io.Discard, stream) // its end, that of the connection, or yamux's patience
}

// Wait waits for the read of the client's input that may be under way after Serve. It ends with the client's channel.
func (s *Shell) Wait() { s.in.wait() }

// Signal tells the shell of a signal of the client's.
func (s *Shell) Signal(name string) { s.tell(wire.Event{Signal: name}) }

// Resize tells the shell, and what runs on a terminal, its size.
func (s *Shell) Resize(size wire.Size, width, height uint32) {
	s.tell(wire.Event{Size: &size})
	for _, c := range s.all() {
		c.resize(size, width, height)
	}
}

// maxPending bounds events for a process that has not begun.
const maxPending = 16

// tell sends an event, or keeps it until the process has begun. One that does not read it ends with its connection.
func (s *Shell) tell(e wire.Event) {
	s.mu.Lock()
	control := s.control
	if control == nil && len(s.pending) < maxPending {
		s.pending = append(s.pending, e)
	}
	s.mu.Unlock()
	if control == nil {
		return
	}
	s.saying.Lock()
	defer s.saying.Unlock()
	_ = control.SetWriteDeadline(time.Now().Add(writeTime))
	if errors.Is(wire.WriteJSON(control, wire.FrameEvent, e), yamux.ErrTimeout) { // any other is noticed where it is read
		s.broken("it reads no events")
	}
}

// handle serves one stream.
func (s *Shell) handle(stream *yamux.Stream) {
	ask, err := s.head(stream)
	if err != nil {
		if !errors.Is(err, io.EOF) && s.ctx.Err() == nil {
			s.broken("a stream without an ask")
		}
		return
	}
	switch {
	case ask.Op == wire.OpBegin:
		s.serveControl(stream)
	case !s.begun():
		s.broken("an ask before the beginning")
	case ask.Op == wire.OpExec && ask.Exec != nil:
		s.serveExec(stream, *ask.Exec)
	case ask.Op == wire.OpOpen && ask.Open != nil:
		s.serveOpen(stream, *ask.Open)
	case ask.Op == wire.OpOutput:
		s.fail(s.out.serve(s.ctx, stream))
	default:
		s.serveAnswer(stream, ask)
	}
}

// head reads what a stream asks for.
func (s *Shell) head(stream *yamux.Stream) (ask wire.Ask, err error) {
	select {
	case s.heads <- struct{}{}:
	case <-s.ctx.Done():
		return ask, context.Cause(s.ctx)
	}
	defer func() { <-s.heads }()
	_ = stream.SetReadDeadline(time.Now().Add(askTime))
	if err := wire.ReadJSON(stream, wire.FrameAsk, &ask); err != nil {
		return ask, err
	}
	return ask, stream.SetReadDeadline(time.Time{})
}

func (s *Shell) begun() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.control != nil
}

// broken ends a shell whose process breaks the protocol.
func (s *Shell) broken(what string) { s.cancel(fmt.Errorf("%w: %s", ErrProtocol, what)) }

// fail ends the shell for an error that is none of the line's.
func (s *Shell) fail(err error) {
	if err != nil {
		s.cancel(err)
	}
}

// serveControl is the first stream: events go out, reports come in.
func (s *Shell) serveControl(stream net.Conn) {
	s.mu.Lock()
	twice := s.control != nil
	pending := s.pending
	if !twice {
		s.saying.Lock() // so that the answer is first
		s.control = stream
	}
	s.mu.Unlock()
	if twice {
		s.broken("two beginnings")
		return
	}
	err := wire.WriteJSON(stream, wire.FrameAnswer, wire.Answer{Begin: &s.begin})
	for _, e := range pending {
		err = errors.Join(err, wire.WriteJSON(stream, wire.FrameEvent, e))
	}
	s.saying.Unlock()
	if err != nil {
		return
	}
	for range maxReports {
		f, b, err := wire.Read(stream, nil)
		if err != nil {
			if s.ctx.Err() == nil {
				s.cancel(ErrDied)
			}
			return
		}
		var r wire.Report
		if f != wire.FrameReport || json.Unmarshal(b, &r) != nil {
			s.broken("no report where one is due")
			return
		}
		if !s.report(r) {
			return
		}
	}
	s.broken("too many reports")
}

// report takes one report, and says whether more may come.
func (s *Shell) report(r wire.Report) bool {
	switch {
	case r.Exit != nil:
		_ = s.out.await(s.ctx, r.Wrote) // its stream may not even have been looked at
		s.out.drain()
		s.mu.Lock()
		s.status = *r.Exit & 0xff
		s.mu.Unlock()
		s.cancel(errExited)
		return false
	case r.Kill != nil:
		s.kill(*r.Kill)
		return true
	}
	if s.text += len(r.Text); r.Refused != nil {
		s.text += len(r.Refused.Construct) + len(r.Refused.Reason)
	}
	if s.text > maxText {
		s.broken("more lines than a shell may have")
		return false
	}
	if r.Refused != nil {
		if s.refusals++; s.refusals > maxRefusals {
			s.broken("more refused lines than a shell may have")
			return false
		}
	}
	if err := s.host.Line(r); err != nil {
		s.fail(err)
		return false
	}
	if r.Refused != nil {
		s.tell(wire.Event{Taken: r.Line})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Line > s.told {
		s.told = r.Line
		close(s.changed)
		s.changed = make(chan struct{})
	}
	return true
}

// awaitLine waits until the host knows the line that a command says it is of: the two come on streams of their own. A process that says so late is
// not waited for.
func (s *Shell) awaitLine(ctx context.Context, line int64) {
	ctx, cancel := context.WithTimeout(ctx, lineTime)
	defer cancel()
	for {
		s.mu.Lock()
		known, changed := s.told >= line, s.changed
		s.mu.Unlock()
		if known {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// kill signals the commands of a group.
func (s *Shell) kill(k wire.Kill) {
	for _, c := range s.all() {
		if k.Group > 0 && c.exec.Group == k.Group {
			c.signal(k.Signal)
		}
	}
}

// all are the commands that run.
func (s *Shell) all() []*command {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*command, 0, len(s.running))
	for _, c := range s.running {
		list = append(list, c)
	}
	return list
}

// asError is what a shell is told of an error; nil where the shell must end by it.
func asError(err error) *wire.Error {
	var own *wire.Error
	if errors.As(err, &own) {
		return own
	}
	return nil
}
