package governed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/bastion/shell/wire"
	"gatehouse/bastion/target"
)

// After a command has ended, what it left behind may hold its output open. That long without a byte, and it is over.
const lingering = time.Second

// command is one command of the shell.
type command struct {
	shell  *Shell
	exec   wire.Exec
	n      int64
	stream net.Conn
	ctx    context.Context
	cancel context.CancelCauseFunc

	proc    Process // once it runs
	copies  sync.WaitGroup
	seen    atomic.Int64 // bytes of output
	shut    atomic.Bool  // nobody reads its output any more
	sent    atomic.Bool  // input has reached it
	whole   atomic.Bool  // and that input's end
	used    int64        // the place in the client's input behind what a terminal took
	content chan piece   // input that the process sends, its end without a room; closed behind it
	writing sync.Mutex   // held around a frame
	mu      sync.Mutex   // guards proc for others than its own goroutine
}

// errShut ends a command that nobody reads.
var errShut = errors.New("nobody reads the output")

// serveExec runs one command.
func (s *Shell) serveExec(stream net.Conn, e wire.Exec) {
	c := &command{shell: s, exec: e, stream: stream, content: make(chan piece, 8)}
	c.ctx, c.cancel = context.WithCancelCause(s.ctx) // before others see it: a signal to its group calls it off
	defer c.cancel(errExited)
	if err := s.enter(c); err != nil {
		c.failed(err)
		return
	}
	leave := sync.OnceFunc(func() { s.leave(c) }) // before the process knows of the end: it may ask for the next then
	defer leave()
	// 1. What the shell has printed before is with the client, and the process may call the command off from now on.
	c.copies.Go(c.listen)
	defer c.copies.Wait()
	defer c.deafen()
	s.awaitLine(c.ctx, e.Line)
	if err := s.out.await(c.ctx, e.Wrote); err != nil {
		leave()
		c.failed(err)
		return
	}
	// 2. It is decided, and started.
	proc, err := s.host.Start(c.ctx, c.n, e)
	if err != nil {
		leave()
		c.failed(err)
		return
	}
	c.mu.Lock()
	c.proc = proc
	c.mu.Unlock()
	// 3. Its streams, until it ends.
	exit, err := c.run()
	if err != nil {
		leave()
		c.failed(err)
		return
	}
	leave()
	_ = c.json(wire.FrameExit, exit)
}

// enter counts a command in. Which line it is of is the process's word: one that lies begins a new count by it, as a text does by its next line, and
// has the shell's own bound and the identity's budget left.
func (s *Shell) enter(c *command) error {
	e := &c.exec
	if len(e.Argv) == 0 || !slices.Contains([]wire.Source{wire.InNull, wire.InClient, wire.InPipe}, e.Stdin) || !goodName(e.Dir) ||
		!slices.Contains([]wire.Sink{wire.ToOut, wire.ToErr, wire.ToPipe, wire.ToNull}, e.Stdout) ||
		!slices.Contains([]wire.Sink{wire.ToOut, wire.ToErr, wire.ToPipe, wire.ToPair, wire.ToNull}, e.Stderr) {
		return asked("no command that can be run")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.Line > s.line {
		s.line, s.lined = e.Line, 0
	}
	if s.lined++; s.lined > min(maxLined, s.begin.Limits.Commands) {
		return &wire.Error{Kind: wire.KindLimit, Text: fmt.Sprintf("a line runs at most %d commands on the target", min(maxLined, s.begin.Limits.Commands))}
	}
	if s.commands >= maxCommands {
		return &wire.Error{Kind: wire.KindLimit, Text: fmt.Sprintf("a shell runs at most %d commands; connect again", maxCommands)}
	}
	if len(s.running) >= maxRunning {
		return &wire.Error{Kind: wire.KindLimit, Text: fmt.Sprintf("at most %d commands run at once: put a wait between them", maxRunning)}
	}
	if s.held += c.size(); s.held > maxHeld {
		s.held -= c.size()
		return &wire.Error{Kind: wire.KindLimit, Text: fmt.Sprintf("the commands that run at once have at most %d MiB of words and variables", maxHeld>>20)}
	}
	s.commands++
	c.n = s.commands
	s.running[c.n] = c
	return nil
}

func (s *Shell) leave(c *command) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.running, c.n)
	s.held -= c.size()
}

// size is about what a command takes as it was asked for.
func (c *command) size() int {
	const each = 64 // bytes of what holds a text
	e := &c.exec
	n := each*(len(e.Argv)+2*len(e.Env)+2*len(e.Redirs)+2*len(e.Chain)) + len(e.Dir)
	for _, w := range e.Argv {
		n += len(w)
	}
	for _, v := range e.Env {
		n += len(v.Name) + len(v.Value)
	}
	for _, r := range e.Redirs {
		n += len(r.Path) + len(r.Data)
	}
	for _, l := range e.Chain {
		n += len(l.By) + len(l.SHA256)
	}
	return n
}

// failed tells the process why there is no command, or ends the shell.
func (c *command) failed(err error) {
	if own := asError(err); own != nil {
		_ = c.json(wire.FrameFail, own)
		return
	}
	if c.ctx == nil || c.ctx.Err() == nil {
		c.shell.fail(err)
		return
	}
	_ = c.json(wire.FrameFail, &wire.Error{Kind: wire.KindEnded, Text: "it was called off"}) // the process asked for that, or is to end
}

// json sends one frame, in turn with those of the output.
func (c *command) json(f wire.Frame, v any) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	return wire.WriteJSON(c.stream, f, v)
}

func (c *command) frame(f wire.Frame, b []byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	return wire.Write(c.stream, f, b)
}

// listen takes the process's frames until it closes its side. One that leaves while the command runs has it ended.
func (c *command) listen() {
	defer close(c.content)
	over := false // the input's end was here
	room := newRoom()
	defer func() { rooms.Put(room) }()
	for {
		f, b, err := wire.ReadData(c.stream, room[:])
		if errors.Is(err, wire.ErrFrame) {
			c.shell.broken("what is no frame of a command")
		}
		if err != nil {
			c.cancel(&wire.Error{Kind: wire.KindEnded, Text: "it was called off"})
			_ = c.stream.SetWriteDeadline(time.Unix(1, 0)) // output for which there is no room any more has nobody who makes some
			return
		}
		switch f {
		case wire.FrameIn:
			if over {
				c.shell.broken("input behind its end")
				return
			}
			select {
			case c.content <- piece{room, b}:
				room = newRoom()
			case <-c.ctx.Done():
				return
			}
		case wire.FrameInEnd:
			if !over {
				over = true
				select {
				case c.content <- piece{}:
				case <-c.ctx.Done():
					return
				}
			}
		case wire.FrameShut:
			c.shut.Store(true)
			c.cancel(errShut)
		case wire.FrameSignal:
			c.signal(string(b))
		default:
			c.shell.broken("a frame that a command has not")
			return
		}
	}
}

// deafen ends listen.
func (c *command) deafen() {
	c.cancel(errExited)
	_ = c.stream.SetReadDeadline(time.Unix(1, 0))
}

// signal passes a signal on; what cannot be signalled any more has ended.
func (c *command) signal(name string) {
	c.mu.Lock()
	proc := c.proc
	c.mu.Unlock()
	if proc == nil {
		if name != "CONT" && name != "WINCH" {
			c.cancel(&wire.Error{Kind: wire.KindEnded, Text: "it was called off"}) // it waits for people, or for the target
		}
		return
	}
	_ = proc.Signal(name)
}

func (c *command) resize(size wire.Size, width, height uint32) {
	c.mu.Lock()
	proc := c.proc
	c.mu.Unlock()
	if proc != nil && proc.PTY() {
		_ = proc.Resize(size.Cols, size.Rows, width, height)
	}
}

// run carries the streams of a command that runs, until it has ended and its output is through.
func (c *command) run() (wire.Exit, error) {
	release := sync.OnceValue(c.proc.Close)
	defer func() { _ = release() }()
	stopInput, started, err := c.feed()
	if err != nil {
		return wire.Exit{}, err
	}
	defer stopInput()
	if err := c.json(wire.FrameStarted, started); err != nil {
		return wire.Exit{}, ErrDied
	}
	var output sync.WaitGroup
	errs := make(chan error, 2)
	output.Go(func() { errs <- c.copyOut(c.proc.Stdout(), c.exec.Stdout, wire.FrameOut) })
	output.Go(func() { errs <- c.copyOut(c.proc.Stderr(), c.errSink(), wire.FrameErr) })
	err = c.await(errs)
	_ = release() // what still holds the output lets go of it
	output.Wait()
	var exit wire.Exit
	select {
	case <-c.proc.Exited():
		exit = c.exit(c.proc.Exit())
	default: // it was called off; err, or that nobody reads, says why
	}
	stopInput()
	exit.Unread, exit.Used = c.sent.Load() && !c.whole.Load(), c.used
	if c.shut.Load() {
		exit.Signal, exit.Status, err = "PIPE", 128+13, nil
	}
	return exit, err
}

// errSink is where standard error goes.
func (c *command) errSink() wire.Sink {
	if c.exec.Stderr == wire.ToPair {
		return c.exec.Stdout
	}
	return c.exec.Stderr
}

// copyOut moves output to where it goes.
func (c *command) copyOut(from io.Reader, sink wire.Sink, f wire.Frame) error {
	if f == wire.FrameErr && c.exec.Stderr == wire.ToPair {
		f = wire.FrameOut
	}
	buf := make([]byte, wire.MaxData)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			c.seen.Add(int64(n))
			if werr := c.put(sink, f, buf[:n]); werr != nil {
				return werr
			}
		}
		if err != nil {
			return nil // its end; the exit says which
		}
	}
}

func (c *command) put(sink wire.Sink, f wire.Frame, b []byte) error {
	var err error
	if c.proc.PTY() {
		_, err = c.shell.host.Terminal().Write(b)
		return err
	}
	switch sink {
	case wire.ToOut:
		_, err = c.shell.host.Stdout().Write(b)
	case wire.ToErr:
		_, err = c.shell.host.Stderr().Write(b)
	case wire.ToPipe:
		if err = c.frame(f, b); err != nil {
			return ErrDied
		}
	}
	return err
}

// await returns when the command has ended and its output is through, or why neither is waited for.
func (c *command) await(errs <-chan error) error {
	exited, streams := c.proc.Exited(), 2
	var quiet <-chan time.Time
	var last int64
	for streams > 0 || exited != nil {
		select {
		case err := <-errs:
			if err != nil {
				return err
			}
			streams--
		case <-exited:
			exited, last, quiet = nil, c.seen.Load(), time.After(lingering)
		case <-quiet:
			if now := c.seen.Load(); now != last {
				last, quiet = now, time.After(lingering)
				continue
			}
			return nil
		case <-c.ctx.Done():
			return context.Cause(c.ctx)
		}
	}
	return nil
}

// lost is the status of a command of which the target never said how it ended.
const lost = 75

// exit is how a command ended, as a shell says it.
func (c *command) exit(e target.Exit) wire.Exit {
	switch {
	case e.Signal != "":
		return wire.Exit{Signal: e.Signal, Status: 128 + signals[e.Signal]}
	case !e.Known:
		return wire.Exit{Status: lost}
	}
	return wire.Exit{Status: e.Status & 0xff}
}

// signals are Linux's numbers.
var signals = map[string]int{"HUP": 1, "INT": 2, "QUIT": 3, "ILL": 4, "TRAP": 5, "ABRT": 6, "BUS": 7, "FPE": 8, "KILL": 9, "USR1": 10, "SEGV": 11, "USR2": 12,
	"PIPE": 13, "ALRM": 14, "TERM": 15, "XCPU": 24, "XFSZ": 25, "VTALRM": 26, "PROF": 27, "SYS": 31}

// asked says that the process asked for what there is not.
func asked(format string, args ...any) error {
	return &wire.Error{Kind: wire.KindAsked, Text: fmt.Sprintf(format, args...)}
}
