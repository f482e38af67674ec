package process

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/interp"

	"gatehouse/bastion/shell/wire"
)

// How long a command that is to end has after each signal.
const (
	graceInterrupt = 2 * time.Second
	graceKill      = 5 * time.Second
)

// exec runs what is no function and no builtin of the interpreter's.
func (sh *shell) exec(ctx context.Context, args []string) error {
	return sh.fatal(sh.execute(ctx, args))
}

func (sh *shell) execute(ctx context.Context, args []string) error {
	hc := interp.HandlerCtx(ctx)
	name, ours := strings.CutPrefix(args[0], mark)
	switch {
	case ours && name == "run":
		args = args[1:]
	case ours:
		return sh.ours(ctx, hc, name, args[1:])
	}
	var limit time.Duration
	if rest, most, is := sh.launched(args); is {
		args, limit = rest, most
	}
	if isShell(args[0]) {
		if sh.takeRedirects(ctx, hc) {
			return interp.ExitStatus(1)
		}
		return sh.nested(ctx, hc, args, limit)
	}
	if sh.setsEcho(hc.Stdin, args) {
		return nil
	}
	return code(sh.command(ctx, hc, args))
}

// code is a status as the interpreter takes it.
func code(status int, err error) error {
	if err != nil || status == 0 {
		return err
	}
	return interp.ExitStatus(uint8(status))
}

// command runs one command on the target. Its error ends the text.
func (sh *shell) command(ctx context.Context, hc interp.HandlerContext, args []string) (int, error) {
	e, in, err := sh.plan(ctx, hc, args)
	if err != nil {
		return sh.failed(hc, err)
	}
	switch {
	case e.Stdin == wire.InClient && sh.terminal != nil:
		e.Used = sh.terminal.Used()
	case e.Stdin == wire.InClient:
		if err := sh.input.settle(ctx); err != nil {
			return sh.failed(hc, err)
		}
	}
	stream, err := sh.link.start(wire.Ask{Op: wire.OpExec, Exec: &e})
	if err != nil {
		return sh.failed(hc, err)
	}
	sh.running.Add(1)
	defer sh.running.Add(-1)
	defer stream.Close()
	p := &process{shell: sh, reads: readingOf(args), group: e.Group, stream: stream, in: in, piped: e.Stdin == wire.InPipe || e.Stdin == wire.InClient && sh.terminal != nil, out: hc.Stdout, err: hc.Stderr}
	job := sh.jobs.find(e.Group)
	job.runs(p.signal)
	status, err := p.run(ctx)
	job.runs(nil)
	if job != nil && job.killed.Load() != 0 && ctx.Err() == nil {
		return 128 + int(job.killed.Load()), nil
	}
	if err != nil {
		return sh.failed(hc, err)
	}
	return status, nil
}

// failed is what an error of the door is to the text: a status, or its end.
func (sh *shell) failed(hc interp.HandlerContext, err error) (int, error) {
	var told *wire.Error
	var file *os.PathError
	switch {
	case errors.Is(err, errLost) || errors.As(err, &file):
		io.WriteString(hc.Stderr, err.Error()+"\n")
		return 1, nil
	case !errors.As(err, &told):
		return 0, err
	}
	switch told.Kind {
	case wire.KindDenied:
		return 126, nil
	case wire.KindFault:
		return 75, nil
	case wire.KindErrno:
		io.WriteString(hc.Stderr, "bash: line 1: "+messages[number(err)]+"\n")
		if told.Errno == "ENOENT" {
			return 127, nil
		}
		return 126, nil
	case wire.KindLimit:
		return 0, refuse("limit", "%s", told.Text)
	case wire.KindAsked:
		return 0, refuse("command", "%s", told.Text)
	}
	return 0, errEnded
}

// process is a command that runs.
type process struct {
	shell    *shell
	reads    reading
	group    int64
	stream   net.Conn
	in       *stdin
	piped    bool
	out, err io.Writer

	mu   sync.Mutex // of writes to stream
	shut [3]bool
	sent bool
	lent bool // it has the terminal
}

func (p *process) write(f wire.Frame, b []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return wire.Write(p.stream, f, b)
}

// signal signals a command, whether it runs or waits for a decision. One that is sent input is signalled beside it: a frame would stand
// behind input that it may never read.
func (p *process) signal(name string) {
	if p.piped {
		p.shell.reports.send(wire.Report{Kill: &wire.Kill{Group: p.group, Signal: name}})
		return
	}
	p.write(wire.FrameSignal, []byte(name))
}

// run takes a command's frames until it has ended.
func (p *process) run(ctx context.Context) (int, error) {
	ended := make(chan struct{})
	defer close(ended)
	go p.interrupt(ctx, ended)
	feed, stop := context.WithCancelCause(ctx)
	var fed sync.WaitGroup
	defer func() { stop(nil); fed.Wait() }()
	defer func() {
		if p.lent {
			p.shell.terminal.GiveBack(0)
		}
	}()
	buf := make([]byte, wire.MaxData)
	for {
		frame, b, err := wire.Read(p.stream, buf)
		switch {
		case err != nil && ctx.Err() != nil:
			return 0, context.Cause(ctx)
		case err != nil:
			return 0, errEnded
		}
		switch frame {
		case wire.FrameStarted:
			var s wire.Started
			if json.Unmarshal(b, &s) != nil {
				return 0, errEnded
			}
			switch {
			case s.PTY && p.shell.terminal != nil:
				p.shell.terminal.Lend()
				p.lent = true
			case p.piped && !s.Null:
				fed.Go(func() { p.feed(feed) })
			}
		case wire.FrameOut:
			p.copy(1, p.out, b)
		case wire.FrameErr:
			p.copy(2, p.err, b)
		case wire.FrameExit:
			stop(nil)
			p.stream.SetWriteDeadline(time.Unix(1, 0)) // input that is still on the way goes nowhere
			fed.Wait()
			return p.exit(ctx, b)
		default:
			if ctx.Err() != nil {
				return 0, context.Cause(ctx)
			}
			return 0, failure(frame, b)
		}
	}
}

// copy gives output to whoever reads it; when nobody does any more the door is told.
func (p *process) copy(fd int, w io.Writer, b []byte) {
	if p.shut[fd] {
		return
	}
	if _, err := w.Write(b); err != nil {
		p.shut[fd] = true
		go p.write(wire.FrameShut, []byte{byte(fd)}) // its turn may come only when more of the output was taken
	}
}

// exit is a command's status.
func (p *process) exit(ctx context.Context, b []byte) (int, error) {
	var x wire.Exit
	if json.Unmarshal(b, &x) != nil {
		return 0, errEnded
	}
	if p.lent {
		p.lent = false
		p.shell.terminal.GiveBack(x.Used)
	}
	p.in.mu.Lock()
	if p.sent && !p.in.own && (x.Unread || p.reads != readsAll) {
		p.in.lost = true
	}
	if p.in.kind == fromClient && !p.piped && p.reads != readsAll && p.shell.input.taken(x.Used) {
		p.in.passed = true
	}
	p.in.mu.Unlock()
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	if x.Signal == "" {
		return x.Status, nil
	}
	n := int(unix.SignalNum("SIG" + x.Signal))
	if x.Signal == "INT" {
		p.shell.Interrupt() // as bash, which ends with a command that Ctrl-C ended
	}
	return 128 + n, nil
}

// feed sends a command its input.
func (p *process) feed(ctx context.Context) {
	p.in.mu.Lock()
	defer p.in.mu.Unlock()
	for {
		b, err := p.shell.next(ctx, p.in)
		if p.shell.fatal(err) != nil {
			if ctx.Err() == nil {
				p.write(wire.FrameInEnd, nil)
			}
			return
		}
		for len(b) > 0 {
			if ctx.Err() != nil {
				p.in.buf = append(slices.Clone(b), p.in.buf...)
				return
			}
			piece := b[:min(len(b), wire.MaxData)]
			p.sent = true
			if p.write(wire.FrameIn, piece) != nil {
				return
			}
			b = b[len(piece):]
		}
	}
}

// interrupt ends a command whose text is to end: INT, then KILL, then its stream is left.
func (p *process) interrupt(ctx context.Context, ended <-chan struct{}) {
	select {
	case <-ended:
		return
	case <-ctx.Done():
	}
	for _, step := range []struct {
		signal string
		grace  time.Duration
	}{{"INT", graceInterrupt}, {"KILL", graceKill}} {
		p.signal(step.signal)
		select {
		case <-ended:
			return
		case <-time.After(step.grace):
		}
	}
	p.stream.SetReadDeadline(time.Unix(1, 0))
}
