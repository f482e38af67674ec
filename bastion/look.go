package bastion

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"gatehouse/bastion/target"
	"gatehouse/bastion/target/look"
	"gatehouse/ca"
	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
)

// maxLooks is how often one question may want to know more of its target. Globs, programs, the home and paths each need one at
// most, and what they match may be paths again; then the home once more, and contents, where people are asked.
const maxLooks = 7

// errLooks says that a decision wants to know without end, which is a fault of ours.
var errLooks = errors.New("the decision wants to know more and more of its target")

// lookers are a client connection's open looks at targets, each over a connection that its certificate pins to a read-only
// SFTP server. Whoever holds mu may open one.
type lookers struct {
	mu   sync.Mutex
	open map[lookKey]*opened
}

type lookKey struct {
	target, login string
	hash          bool // it may read files, for the hash of a program
}

// opened is one look. Sessions of one connection take turns.
type opened struct {
	mu     sync.Mutex
	looker *look.Looker
	close  func()
}

func (o *opened) answer(ctx context.Context, probes []policy.Probe, into *policy.Facts) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.looker.Answer(ctx, probes, into)
}

func (o *opened) end() {
	o.close()
	_ = o.looker.Close()
}

// ask puts a question to the decider, and looks at the target for it as often as the answer is that it must know more.
func (s *session) ask(t protocol.Target, req *protocol.Decide) (protocol.Decided, error) {
	req.Facts = s.conn.server.looks.Known(t.Name, s.row.Login, req.Plan.Programs())
	defer func() { s.question = *req }()
	for range maxLooks {
		req.Looking = s.conn.lookers.looking(t.Name, s.row.Login)
		d, err := s.conn.server.cfg.Gate.Decide(s.ctx, *req)
		if err != nil || d.Decision.Verdict != policy.Look || d.Fault != "" {
			return d, err
		}
		var other *overtakenError
		if err := s.look(t, *req, d, &req.Facts); errors.As(err, &other) {
			return other.d, nil
		} else if err != nil {
			return d, err
		}
	}
	return protocol.Decided{}, errLooks
}

// overtakenError is a decision that took the place of a look: a limit was reached meanwhile, or no certificate can be signed.
type overtakenError struct{ d protocol.Decided }

func (e *overtakenError) Error() string { return "decided without a look: " + e.d.Decision.Reason }

// lookTime bounds one look at a target.
const lookTime = 20 * time.Second

// look answers the probes of one decision. A look that was open and has ended meanwhile is opened once more.
func (s *session) look(t protocol.Target, req protocol.Decide, d protocol.Decided, into *policy.Facts) error {
	key := lookKey{target: t.Name, login: s.row.Login, hash: hashes(d.Decision.Probes)}
	ctx, cancel := context.WithTimeout(s.ctx, lookTime)
	defer cancel()
	for {
		l, fresh, err := s.looker(ctx, t, key, req, d)
		if err == nil {
			if err = l.answer(ctx, d.Decision.Probes, into); err == nil {
				s.conn.server.looks.Keep(t.Name, s.row.Login, d.Decision.Probes, *into)
				return nil
			}
			s.conn.lookers.drop(key, l)
		}
		if ctx.Err() != nil && s.ctx.Err() == nil {
			err = fmt.Errorf("%w: %w", target.ErrUnreachable, err)
		}
		if fresh || ctx.Err() != nil {
			return fmt.Errorf("look at %s: %w", t.Name, err)
		}
	}
}

// looker returns the open look, or opens one, which is fresh, with what the decider has given for it.
func (s *session) looker(ctx context.Context, t protocol.Target, key lookKey, req protocol.Decide, d protocol.Decided) (l *opened, fresh bool, err error) {
	ls := &s.conn.lookers
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if l := ls.open[key]; l != nil {
		return l, false, nil
	}
	stream, done, err := s.lookStream(ctx, t, req, d)
	if err != nil {
		return nil, true, err
	}
	looker, err := look.New(ctx, stream, look.Config{SearchPath: t.Path})
	if err != nil {
		done()
		return nil, true, err
	}
	if ls.open == nil {
		ls.open = map[lookKey]*opened{}
	}
	ls.open[key] = &opened{looker: looker, close: done}
	return ls.open[key], true, nil
}

// lookStream starts the read-only SFTP server, on the target or here.
func (s *session) lookStream(ctx context.Context, t protocol.Target, req protocol.Decide, d protocol.Decided) (io.ReadWriteCloser, func(), error) {
	if t.Local {
		proc, err := s.conn.server.cfg.Local.Start(ctx, d.ProbePermit, nil)
		if err != nil {
			return nil, nil, err
		}
		return stdio{proc.Stdout(), proc.Stdin()}, func() { _ = proc.Close() }, nil
	}
	pending, err := s.conn.server.dial(s.conn.ctx, t, s.row.Login)
	if err != nil {
		return nil, nil, err
	}
	req.PublicKey, req.ProbeKey = nil, pending.PublicKey().Marshal()
	req.Looking = false
	d, err = s.conn.server.cfg.Gate.Decide(ctx, req)
	switch {
	case err != nil:
	case d.Fault != "", d.Decision.Verdict == policy.Deny, d.Decision.Verdict == policy.Ask:
		err = &overtakenError{d}
	case len(d.ProbeCertificate) == 0:
		err = errors.New("the decider lets nobody look any more")
	}
	if err != nil {
		pending.Close()
		return nil, nil, err
	}
	cert, err := ca.ParseCertificate(d.ProbeCertificate)
	if err != nil {
		pending.Close()
		return nil, nil, fmt.Errorf("certificate for a look: %w", err)
	}
	conn, err := pending.Authenticate(ctx, cert)
	if err != nil {
		return nil, nil, err
	}
	stream, err := conn.SFTP(ctx)
	if err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	return stream, func() { _ = conn.Close() }, nil
}

// looking reports whether a look at the target is open.
func (ls *lookers) looking(target, login string) bool {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for key := range ls.open {
		if key.target == target && key.login == login {
			return true
		}
	}
	return false
}

// drop gives up a look that failed.
func (ls *lookers) drop(key lookKey, l *opened) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if ls.open[key] == l {
		delete(ls.open, key)
	}
	l.end()
}

// closeAll is called when the connection's sessions have ended.
func (ls *lookers) closeAll() {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for key, l := range ls.open {
		delete(ls.open, key)
		l.end()
	}
}

func hashes(probes []policy.Probe) bool {
	for _, p := range probes {
		if p.Hash {
			return true
		}
	}
	return false
}

// stdio is the two ends of a local program as one stream.
type stdio struct {
	io.Reader
	io.WriteCloser
}
