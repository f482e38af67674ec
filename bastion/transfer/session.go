package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"sync"
	"time"

	"gatehouse/policy"

	"gatehouse/bastion/target/sftp"
	"gatehouse/internal/decider/protocol"
)

// The most that one session may hold and ask for.
const (
	maxHandles = 100     // files and folders that a client has open
	maxName    = 4096    // bytes of a path
	maxEntries = 200_000 // names of one folder
	maxNames   = 256     // of a folder in one answer; OpenSSH gives 100
	maxPins    = 8       // folders that are kept open between operations

	operationLimit = 30 * time.Second // for everything but a file's content
	endLimit       = 10 * time.Second // for what the log is told when the session is over
)

// Gate decides; its answers are durable where they must be (docs/transfer.md). An error ends the session.
type Gate interface {
	File(ctx context.Context, in protocol.File) (protocol.FileAnswer, error)
	FileEnd(ctx context.Context, in protocol.FileEnd) error
}

// Config is what a Session needs; all fields but ReadOnly and Denied are required.
type Config struct {
	Session string // its id
	Gate    Gate
	// Record keeps one event; an error ends the session.
	Record func(event []byte) error
	// Sent and Received count content before it passes; false: it must not.
	Sent, Received func(n int) bool
	// Denied is told of each denial, for the client's standard error.
	Denied func(ask protocol.File, answer protocol.FileAnswer)
	// Inspect says why content may not pass; "" lets it.
	Inspect func(hold *policy.Hold, content []byte) (why string)
	// ReadOnly says that the target's server takes nothing that writes.
	ReadOnly bool
}

// Validate says what is missing.
func (c Config) Validate() error {
	if c.Session == "" || c.Gate == nil || c.Record == nil || c.Sent == nil || c.Received == nil || c.Inspect == nil {
		return errors.New("transfer: Config is not complete")
	}
	return nil
}

// Why a session ends.
var (
	ErrNoProc   = errors.New("the target does not show which files are open (/proc), so no open file can be verified")
	ErrLimit    = errors.New("a limit of the policy was reached")
	ErrRecord   = errors.New("the transfer cannot be recorded")
	ErrClient   = errors.New("the client does not keep to the protocol")
	errNotGiven = errors.New("the target's SFTP server ended")
)

// Session is one client's transfer. One goroutine serves it; contents pass beside that one, in the order of the target's answers.
type Session struct {
	cfg    Config
	target *sftp.Client
	home   string

	// serving is held while a request is served, and guards what follows.
	serving sync.Mutex
	closed  bool
	held    room // content that is held back
	late    room // content out of order
	fds     *descriptors
	pins    []*folder
	handles map[uint32]any // *file or *listing, by the client's number
	next    uint32

	writing sync.Mutex // held around a packet to the client
	client  io.Writer

	failing sync.Mutex
	err     error // why nothing passes any more, if it is not the target's end
}

// New begins SFTP on the stream and makes sure that the target's open files can be verified. The session owns the stream.
func New(ctx context.Context, stream io.ReadWriteCloser, cfg Config) (*Session, error) {
	if err := cfg.Validate(); err != nil {
		_ = stream.Close()
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, operationLimit)
	defer cancel()
	c, err := sftp.Dial(ctx, stream)
	if err != nil {
		return nil, err
	}
	s := &Session{cfg: cfg, target: c, fds: &descriptors{target: c, used: map[int]bool{}}, handles: map[uint32]any{}}
	if err = s.begin(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return s, nil
}

// begin learns where names begin, and which descriptors the server has of its own.
func (s *Session) begin(ctx context.Context) error {
	p, err := s.target.Ask(ctx, sftp.PacketRealpath, sftp.Text("."))
	if err != nil {
		return err
	}
	if s.home, err = p.Name(); err != nil {
		return fmt.Errorf("ask the target for the login's home: %w", err)
	}
	if !path.IsAbs(s.home) || len(s.home) > maxName {
		return fmt.Errorf("%w: %.80q as the login's home", sftp.ErrProtocol, s.home)
	}
	return s.fds.learn(ctx)
}

// Close ends the target's side and notes the end of what was still open.
// It may be called while a client is served, whose requests then fail.
func (s *Session) Close() error {
	s.target.Close()
	s.serving.Lock()
	defer s.serving.Unlock()
	s.closed = true
	ctx, cancel := context.WithTimeout(context.Background(), endLimit)
	defer cancel()
	var errs []error
	for _, h := range s.handles {
		if f, ok := h.(*file); ok {
			errs = append(errs, s.fileEnds(ctx, f, "interrupted"))
		}
	}
	clear(s.handles)
	return errors.Join(errs...)
}

// Done is closed when the target's side has ended; Err then says why.
func (s *Session) Done() <-chan struct{} { return s.target.Done() }

// Err is why the target's side has ended.
func (s *Session) Err() error { return s.failure(s.target.Err()) }

// fail ends the session for a reason that is not the target's.
func (s *Session) fail(err error) error {
	s.failing.Lock()
	if s.err == nil {
		s.err = err
	}
	s.failing.Unlock()
	s.target.Fail(err)
	return err
}

// failure is why a step could not be done: what ended the session rather than what it led to.
func (s *Session) failure(err error) error {
	s.failing.Lock()
	defer s.failing.Unlock()
	switch {
	case s.err != nil:
		return s.err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrClosedPipe):
		return fmt.Errorf("%w: %w", errNotGiven, err)
	}
	return err
}

// refusal is an operation that was not done: the status and the line that the client gets.
type refusal struct {
	status uint32
	text   string
}

func (r *refusal) Error() string { return r.text }

func refuse(status uint32, format string, args ...any) *refusal {
	return &refusal{status, fmt.Sprintf(format, args...)}
}

// asRefusal turns what the target did not grant into what the client is told; the target's own text is not passed on.
func asRefusal(err error) (*refusal, bool) {
	var r *refusal
	var status sftp.StatusError
	switch {
	case errors.As(err, &r):
		return r, true
	case errors.As(err, &status):
		return &refusal{uint32(status), statusText(uint32(status))}, true
	}
	return nil, false
}

func statusText(status uint32) string {
	switch status {
	case sftp.StatusEOF:
		return "end of file"
	case sftp.StatusNoFile:
		return "no such file"
	case sftp.StatusDenied:
		return "the target's file permissions do not allow it"
	case sftp.StatusUnsupported:
		return "the target does not support it"
	}
	return "the target could not do it"
}

// absolute is a client's name from the root, as it is written but for where it begins.
func (s *Session) absolute(name string) (string, error) {
	switch {
	case name == "":
		name = s.home
	case !path.IsAbs(name):
		name = s.home + "/" + name
	}
	if len(name) > maxName || strings.Contains(name, "\x00") {
		return "", refuse(sftp.StatusFailure, "the name is too long, or has a NUL byte in it")
	}
	return name, nil
}
