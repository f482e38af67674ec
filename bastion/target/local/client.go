package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/creack/pty"

	"gatehouse/bastion/target"
)

// How long the supervisor may take to answer.
const (
	startTimeout = 10 * time.Second
	killTimeout  = 5 * time.Second
)

// ErrUnavailable is returned when the supervisor cannot start the command, with its reason.
var ErrUnavailable = errors.New("the local command cannot be started")

// Client starts local commands. It belongs to the door. Safe for concurrent use.
type Client struct {
	conn *net.UnixConn

	wmu sync.Mutex // serialises packets

	mu      sync.Mutex
	next    uint64
	running map[uint64]*Process
	waiting map[uint64]chan started
	err     error
	done    chan struct{} // closed when err is set
}

type started struct {
	files []*os.File
	note  string
	err   error
}

// NewClient takes the door's end of a Socketpair.
func NewClient(f *os.File) (*Client, error) {
	conn, err := connect(f)
	if err != nil {
		return nil, err
	}
	c := &Client{conn: conn, running: map[uint64]*Process{}, waiting: map[uint64]chan started{}, done: make(chan struct{})}
	go c.read()
	return c, nil
}

// Done is closed when the supervisor is gone, or after Close.
func (c *Client) Done() <-chan struct{} { return c.done }

// Close gives the socket up; everything that runs is ended by the supervisor.
func (c *Client) Close() error { return c.conn.Close() }

// Start runs what a permit allows, once. p must be given exactly if the permit says pty.
func (c *Client) Start(ctx context.Context, permit []byte, p *target.PTY) (*Process, error) {
	answer := make(chan started, 1)
	c.mu.Lock()
	c.next++
	id := c.next
	proc := &Process{client: c, id: id, exited: make(chan struct{}), swept: make(chan int, 1)}
	if c.err != nil {
		c.mu.Unlock()
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, c.err)
	}
	c.waiting[id], c.running[id] = answer, proc
	c.mu.Unlock()
	m := message{Op: "start", ID: id, Permit: permit}
	if p != nil {
		m.Term, m.Cols, m.Rows = p.Term, uint16(p.Cols), uint16(p.Rows)
		if len(p.Modes) <= maxModes {
			m.Modes = []byte(p.Modes)
		}
	}
	if err := c.send(m); err != nil {
		c.forget(id)
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	select {
	case s := <-answer:
		if s.err != nil {
			c.forget(id)
			return nil, s.err
		}
		proc.note = s.note
		return proc, proc.take(s.files, p != nil)
	case <-ctx.Done():
		_ = c.send(message{Op: "kill", ID: id})
		c.forget(id)
		select {
		case late := <-answer: // it came at the last moment, and nobody else will close what came with it
			closeAll(late.files)
		default:
		}
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, context.Cause(ctx))
	}
}

func (c *Client) forget(id uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.running, id)
	delete(c.waiting, id)
}

func (c *Client) send(m message) error {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	return send(c.conn, m)
}

func (c *Client) read() {
	buf := make([]byte, maxPacket)
	for {
		m, files, err := receive(c.conn, buf)
		if err != nil {
			c.fail(err)
			return
		}
		c.deliver(m, files)
	}
}

// deliver hands one message to whom it is for; descriptors that nobody wants are closed.
func (c *Client) deliver(m message, files []*os.File) {
	c.mu.Lock()
	answer, proc := c.waiting[m.ID], c.running[m.ID]
	if m.Op == "started" || m.Op == "failed" {
		delete(c.waiting, m.ID)
	}
	c.mu.Unlock()
	switch {
	case m.Op == "started" && answer != nil:
		answer <- started{files: files, note: m.Note}
		return
	case m.Op == "failed" && answer != nil:
		answer <- started{err: fmt.Errorf("%w: %s", ErrUnavailable, m.Error)}
	case m.Op == "exited" && proc != nil:
		proc.end(target.Exit{Known: m.Signal == "" && m.Error == "", Status: m.Status, Signal: m.Signal, Core: m.Core})
	case m.Op == "swept" && proc != nil:
		proc.swept <- m.Left // buffered; one kill a process
		c.forget(m.ID)
	}
	closeAll(files)
}

func (c *Client) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
	close(c.done)
	for id, answer := range c.waiting {
		answer <- started{err: fmt.Errorf("%w: %w", ErrUnavailable, err)}
		delete(c.waiting, id)
	}
	for _, p := range c.running {
		p.end(target.Exit{})
	}
	_ = c.conn.Close()
}

// Sweep kills whatever of a session still runs on this machine and reports whether nothing is left.
func (c *Client) Sweep(ctx context.Context, session string) (clean bool, err error) {
	proc := &Process{client: c, exited: make(chan struct{}), swept: make(chan int, 1)}
	c.mu.Lock()
	c.next++
	proc.id = c.next
	c.running[proc.id] = proc
	c.mu.Unlock()
	defer c.forget(proc.id)
	if err := c.send(message{Op: "sweep", ID: proc.id, Session: session}); err != nil {
		return false, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	ctx, cancel := context.WithTimeout(ctx, killTimeout)
	defer cancel()
	select {
	case left := <-proc.swept:
		return left == 0, nil
	case <-ctx.Done():
		return false, nil
	}
}

// Process is one local command, seen from the door.
type Process struct {
	client *Client
	id     uint64
	swept  chan int
	kill   sync.Once

	stdin  *os.File
	stdout *os.File
	stderr *os.File // nil with a pty
	note   string   // set before Start returns

	once   sync.Once
	exited chan struct{}
	exit   target.Exit // set before exited is closed
}

func (p *Process) take(files []*os.File, withPTY bool) error {
	switch {
	case withPTY && len(files) == 1:
		p.stdin, p.stdout = files[0], files[0]
	case !withPTY && len(files) == 3:
		p.stdin, p.stdout, p.stderr = files[0], files[1], files[2]
	default:
		closeAll(files)
		_ = p.client.send(message{Op: "kill", ID: p.id})
		return fmt.Errorf("%w: wrong number of streams", ErrUnavailable)
	}
	return nil
}

func (p *Process) end(e target.Exit) {
	p.once.Do(func() {
		p.exit = e
		close(p.exited)
	})
}

// Stdout is the command's standard output, or all of a pty's output. A pty whose last process is gone reads as EOF.
func (p *Process) Stdout() io.Reader {
	if p.stderr == nil {
		return ptyReader{p.stdout}
	}
	return p.stdout
}

// Stderr is the command's standard error; empty with a pty.
func (p *Process) Stderr() io.Reader {
	if p.stderr == nil {
		return eof{}
	}
	return p.stderr
}

// Stdin is the command's standard input. Closing it sends EOF; a pty's stays open, as a terminal has no end.
func (p *Process) Stdin() io.WriteCloser {
	if p.stderr == nil {
		return keepOpen{p.stdin}
	}
	return p.stdin
}

// Resize tells the pty its new size.
func (p *Process) Resize(cols, rows, _, _ uint32) error {
	if p.stderr != nil {
		return nil
	}
	return pty.Setsize(p.stdout, &pty.Winsize{Cols: uint16(cols), Rows: uint16(rows)})
}

// Signal reaches the command's process group.
func (p *Process) Signal(name string) error {
	return p.client.send(message{Op: "signal", ID: p.id, Signal: name})
}

// Note says which limits are in force, for the recording.
func (p *Process) Note() string { return p.note }

// Exited is closed when the command has ended, or the supervisor is gone.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Exit is meaningful once Exited is closed.
func (p *Process) Exit() target.Exit { return p.exit }

// Close ends the streams and whatever still runs of the session.
func (p *Process) Close() error {
	_, err := p.End(context.Background())
	return err
}

// End kills what still runs of the session and says whether nothing is left; it waits for that as long as the supervisor
// needs, five seconds at most.
func (p *Process) End(ctx context.Context) (clean bool, err error) {
	closed := true
	p.kill.Do(func() {
		closed = false
		err = p.client.send(message{Op: "kill", ID: p.id})
	})
	if closed || err != nil {
		return false, err
	}
	defer p.closeStreams()
	ctx, cancel := context.WithTimeout(ctx, killTimeout)
	defer cancel()
	select {
	case left := <-p.swept:
		return left == 0, nil
	case <-ctx.Done():
		return false, nil
	}
}

func (p *Process) closeStreams() {
	_ = p.stdin.Close()
	_ = p.stdout.Close()
	if p.stderr != nil {
		_ = p.stderr.Close()
	}
}

// ptyReader reads a pty's master, where Linux says EIO when the last slave is closed.
type ptyReader struct{ *os.File }

func (r ptyReader) Read(b []byte) (int, error) {
	n, err := r.File.Read(b)
	if n == 0 && err != nil {
		return 0, io.EOF
	}
	return n, nil
}

type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }

type keepOpen struct{ io.Writer }

func (keepOpen) Close() error { return nil }
