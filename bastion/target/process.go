package target

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// PTY is what a pty-req asks for.
type PTY struct {
	Term       string
	Cols, Rows uint32
	Width      uint32 // pixels
	Height     uint32
	Modes      string // encoded terminal modes, RFC 4254 section 8, passed on as they came
}

// Exit is how a command ended. Exactly one of Known, Signal is meaningful; neither: the target never said.
type Exit struct {
	Known  bool // Status is set
	Status int
	Signal string // without "SIG"
	Core   bool
}

// ErrUncertain is added to an error where the target may have started the command all the same.
var ErrUncertain = errors.New("the target did not say whether it started the command")

// How long a target may take to start a command, and how long what is under way may take once nobody wants it any more.
const (
	startTimeout   = 20 * time.Second
	abandonTimeout = time.Second
)

// Process is one command on a target, seen through its session channel. Its streams must be read, or the target blocks.
type Process struct {
	channel ssh.Channel
	sever   func() error
	exited  chan struct{} // closed when the exit is known, or never will be

	mu   sync.Mutex
	exit Exit
}

// Start runs a line on a new channel; pty may be nil. The line is given to the login shell (RFC 4254 section 6.5), or to the
// certificate's force-command, which is the same text. A target that does not answer in time loses the whole connection.
func (c *Conn) Start(ctx context.Context, line string, pty *PTY) (*Process, error) {
	return c.start(ctx, pty, "exec", execRequest{line})
}

// start opens a session channel, asks for the pty if there is one, and then for what is to run there.
func (c *Conn) start(ctx context.Context, pty *PTY, request string, payload any) (*Process, error) {
	started := make(chan struct{})
	defer close(started)
	go c.hurry(ctx, started)
	channel, requests, err := c.open("session", nil)
	if err != nil {
		return nil, fmt.Errorf("%w: open channel: %w", ErrUnreachable, err)
	}
	p := &Process{channel: channel, sever: c.client.Close, exited: make(chan struct{})}
	go p.watch(requests)
	stop := context.AfterFunc(ctx, func() { _ = channel.Close() })
	defer stop()
	if pty != nil {
		if err := p.request("pty-req", ptyRequest{pty.Term, pty.Cols, pty.Rows, pty.Width, pty.Height, pty.Modes}); err != nil {
			_ = channel.Close()
			return nil, err
		}
	}
	if err := p.request(request, payload); err != nil {
		_ = channel.Close()
		if errors.Is(err, ErrUnreachable) {
			err = fmt.Errorf("%w: %w", err, ErrUncertain)
		}
		return nil, err
	}
	return p, nil
}

// open opens a channel, or says that the connection has ended. x/crypto drops its channels before it closes the
// connection, so that one which is opened in between is never answered: the end itself is the answer then.
func (c *Conn) open(kind string, payload []byte) (ssh.Channel, <-chan *ssh.Request, error) {
	type opened struct {
		channel  ssh.Channel
		requests <-chan *ssh.Request
		err      error
	}
	answer := make(chan opened, 1)
	go func() {
		var o opened
		o.channel, o.requests, o.err = c.client.OpenChannel(kind, payload)
		answer <- o
	}()
	select {
	case o := <-answer:
		return o.channel, o.requests, o.err
	case <-c.gone:
		return nil, nil, errors.New("the connection has ended")
	}
}

// hurry closes the connection when a start takes too long, which is the one way out of a request that is not answered.
func (c *Conn) hurry(ctx context.Context, started <-chan struct{}) {
	timer := time.NewTimer(startTimeout)
	defer timer.Stop()
	select {
	case <-started:
		return
	case <-ctx.Done():
		timer.Reset(abandonTimeout)
	case <-timer.C:
		_ = c.Close()
		return
	}
	select {
	case <-started:
	case <-timer.C:
		_ = c.Close()
	}
}

// RFC 4254 sections 6.2, 6.5, 6.7, 6.9.
type (
	ptyRequest struct {
		Term                      string
		Cols, Rows, Width, Height uint32
		Modes                     string
	}
	execRequest      struct{ Command string }
	subsystemRequest struct{ Name string }
	windowRequest    struct{ Cols, Rows, Width, Height uint32 }
	signalRequest    struct{ Signal string }
)

func (p *Process) request(name string, payload any) error {
	ok, err := p.channel.SendRequest(name, true, ssh.Marshal(payload))
	switch {
	case err != nil:
		return fmt.Errorf("%w: %s: %w", ErrUnreachable, name, err)
	case !ok:
		return fmt.Errorf("%w: the target refuses %s", ErrRefused, name)
	}
	return nil
}

// Stdout and Stderr are the command's streams; with a pty everything is on Stdout.
func (p *Process) Stdout() io.Reader { return p.channel }

// Stderr is the command's standard error, without a pty.
func (p *Process) Stderr() io.Reader { return p.channel.Stderr() }

// Stdin is the command's standard input; closing it sends EOF.
func (p *Process) Stdin() io.WriteCloser { return stdin{p.channel} }

type stdin struct{ ssh.Channel }

func (s stdin) Close() error { return s.CloseWrite() }

// Resize tells the pty its new size.
func (p *Process) Resize(cols, rows, width, height uint32) error {
	_, err := p.channel.SendRequest("window-change", false, ssh.Marshal(windowRequest{cols, rows, width, height}))
	return err
}

// Signal asks the target to signal the command's process group. Stock sshd ignores it for root logins and forced commands.
func (p *Process) Signal(name string) error {
	_, err := p.channel.SendRequest("signal", false, ssh.Marshal(signalRequest{name}))
	return err
}

// Exited is closed when the command's exit is known, or when the channel ended without saying.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Exit is meaningful once Exited is closed.
func (p *Process) Exit() Exit {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.exit
}

// Close closes the channel. Without a pty stock sshd leaves the command running.
func (p *Process) Close() error {
	err := p.channel.Close()
	if errors.Is(err, io.EOF) { // closed already
		return nil
	}
	return err
}

// Sever closes the whole connection, for a target that does not answer Close: only then do the streams end for certain.
func (p *Process) Sever() error { return p.sever() }

// watch takes the exit from the channel's requests until the channel ends.
func (p *Process) watch(requests <-chan *ssh.Request) {
	defer func() {
		select {
		case <-p.exited:
		default:
			close(p.exited)
		}
	}()
	for req := range requests {
		exit, ok := parseExit(req)
		if req.WantReply {
			_ = req.Reply(ok, nil)
		}
		if !ok || p.Exit() != (Exit{}) {
			continue
		}
		p.mu.Lock()
		p.exit = exit
		p.mu.Unlock()
		close(p.exited)
	}
}

// parseExit reads exit-status and exit-signal (RFC 4254 section 6.10).
func parseExit(req *ssh.Request) (Exit, bool) {
	switch req.Type {
	case "exit-status":
		var m struct{ Status uint32 }
		if ssh.Unmarshal(req.Payload, &m) != nil {
			return Exit{}, false
		}
		return Exit{Known: true, Status: int(m.Status)}, true
	case "exit-signal":
		var m struct {
			Signal string
			Core   bool
			Msg    string
			Lang   string
		}
		if ssh.Unmarshal(req.Payload, &m) != nil || m.Signal == "" || len(m.Signal) > 32 {
			return Exit{}, false
		}
		return Exit{Signal: m.Signal, Core: m.Core}, true
	}
	return Exit{}, false
}

func containsAny(s string, subs ...string) bool {
	for _, sub := range subs {
		if strings.Contains(s, sub) {
			return true
		}
	}
	return false
}
