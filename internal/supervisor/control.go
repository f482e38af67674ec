package supervisor

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// An order goes from the supervisor to a process as one line of JSON. What comes back is single bytes, and nothing else of a
// process is ever read: it may be taken over.
type order struct {
	Op    string        `json:"op"`              // "apply", "check", "end"
	Level string        `json:"level,omitempty"` // apply
	Drain time.Duration `json:"drain_ns,omitempty"`
}

// Settings are those that come into force while a process runs.
type Settings struct {
	Level string        // of the log
	Drain time.Duration // how long live sessions get
}

// What a process says.
const (
	saysReady   = 'R' // it serves
	saysWell    = 'W' // the answer to "check": everything it depends on answers
	saysApplied = 'A' // the answer to "apply"
	saysFailed  = 'F' // the other one
)

// How long an order may wait to be taken, and to be carried out.
const (
	orderTime = time.Second
	applyTime = 15 * time.Second
)

// maxOrder bounds the line that a process reads.
const maxOrder = 4 << 10

// line is the supervisor's end.
type line struct {
	conn    net.Conn
	ready   chan struct{}
	well    chan struct{} // one is kept
	applied chan bool     // one is kept
}

// newLine makes both ends. The other is the process'.
func newLine() (*line, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make control socket: %w", err)
	}
	theirs := os.NewFile(uintptr(fds[1]), "control")
	ours := os.NewFile(uintptr(fds[0]), "control")
	conn, err := net.FileConn(ours)
	if err = errors.Join(err, ours.Close()); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("use control socket: %w", err), theirs.Close())
	}
	l := &line{conn: conn, ready: make(chan struct{}), well: make(chan struct{}, 1), applied: make(chan bool, 1)}
	return l, theirs, nil
}

// listen takes what the process says until it or the line ends. Too much of it is thrown away.
func (l *line) listen() {
	r, ready := bufio.NewReaderSize(l.conn, 64), false
	for {
		b, err := r.ReadByte()
		if err != nil {
			return
		}
		switch b {
		case saysReady:
			if !ready {
				ready = true
				close(l.ready)
			}
		case saysWell:
			offer(l.well, struct{}{})
		case saysApplied, saysFailed:
			offer(l.applied, b == saysApplied)
		}
	}
}

func offer[T any](c chan T, v T) {
	select {
	case c <- v:
	default:
	}
}

// give hands an order over; a process that does not take it in time goes without.
func (l *line) give(o order) error {
	text, err := json.Marshal(o)
	if err != nil {
		return err
	}
	if err := l.conn.SetWriteDeadline(time.Now().Add(orderTime)); err != nil {
		return err
	}
	_, err = l.conn.Write(append(text, '\n'))
	return err
}

// apply has settings put into force and waits until they are.
func (l *line) apply(ctx context.Context, s Settings) error {
	select {
	case <-l.applied: // too late, of an earlier one
	default:
	}
	if err := l.give(order{Op: "apply", Level: s.Level, Drain: s.Drain}); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, applyTime)
	defer cancel()
	select {
	case ok := <-l.applied:
		if !ok {
			return errors.New("it could not; its own message is above")
		}
		return nil
	case <-ctx.Done():
		return errors.New("it does not answer")
	}
}

func (l *line) close() { _ = l.conn.Close() }

// Control is a process' end of the line to the supervisor.
type Control struct {
	conn net.Conn

	mu sync.Mutex // held around writes
}

// OpenControl is the line behind an inherited descriptor.
func OpenControl(fd uintptr) (*Control, error) {
	conn, err := Conn(fd)
	if err != nil {
		return nil, err
	}
	return &Control{conn: conn}, nil
}

// Handlers carry orders out.
type Handlers struct {
	Apply func(Settings) error        // one at a time
	Check func(context.Context) error // nil error: all is well. One at a time; nil: the process is not checked
	End   func()                      // what still lives ends at once; must not wait
}

// Ready tells the supervisor that the process serves.
func (c *Control) Ready() error { return c.say(saysReady) }

// Close ends the line.
func (c *Control) Close() error { return c.conn.Close() }

func (c *Control) say(b byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := c.conn.Write([]byte{b})
	return err
}

// Serve carries orders out until the line ends, and waits for what it began. An end is heard while other orders are still
// being carried out.
func (c *Control) Serve(h Handlers) error {
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	defer work.Wait()
	defer cancel()
	applying, checking := make(chan struct{}, 1), make(chan struct{}, 1)
	lines := bufio.NewScanner(c.conn)
	lines.Buffer(make([]byte, 0, maxOrder), maxOrder)
	for lines.Scan() {
		var o order
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			return fmt.Errorf("order of the supervisor: %w", err)
		}
		switch {
		case o.Op == "end" && h.End != nil:
			h.End()
		case o.Op == "check" && h.Check != nil:
			alone(&work, checking, func() {
				if h.Check(ctx) == nil {
					_ = c.say(saysWell) // a supervisor that is gone needs no answer
				}
			})
		case o.Op == "apply" && h.Apply != nil:
			alone(&work, applying, func() {
				answer := byte(saysApplied)
				if h.Apply(Settings{Level: o.Level, Drain: o.Drain}) != nil {
					answer = saysFailed
				}
				_ = c.say(answer)
			})
		}
	}
	if err := lines.Err(); err != nil && !errors.Is(err, net.ErrClosed) && !errors.Is(err, io.EOF) {
		return fmt.Errorf("orders of the supervisor: %w", err)
	}
	return nil
}

// alone runs f unless one of its kind is under way.
func alone(work *sync.WaitGroup, place chan struct{}, f func()) {
	select {
	case place <- struct{}{}:
		work.Go(func() {
			defer func() { <-place }()
			f()
		})
	default:
	}
}
