package bastion

import (
	"context"
	"errors"
	"io"
	"time"

	"gatehouse/bastion/target"
	"gatehouse/internal/store"
	"gatehouse/policy"
)

// drainTime is how long what a client had sent before it closed its end may take to be read by the other.
const drainTime = 5 * time.Second

// errBroken is the end of a forward whose far end broke off, or did not take any more.
var errBroken = errors.New("the far end broke the connection off")

// carryForward moves bytes both ways until both directions have ended, the client has closed its channel, or something else ends
// the forward. What was read is written before anything more is: nothing piles up here, whoever does not read.
func (s *session) carryForward(o policy.Obligations, far remote, gone <-chan struct{}) outcome {
	s.watch = s.oblige(o)
	defer s.watch.stop()
	defer far.Close()
	stop := context.AfterFunc(s.ctx, func() { _ = far.Close() })
	defer stop()
	up, down := make(chan error, 1), make(chan error, 1)
	s.input.Go(func() { up <- s.stream("a forward", func() error { return s.copyUp(far) }) })
	s.input.Go(func() { down <- s.stream("a forward", func() error { return s.copyDown(far) }) })
	err := s.awaitForward(up, down, gone)
	if err != nil && !errors.Is(err, errBroken) {
		out := s.cutShort(err, "ended")
		return out
	}
	out := outcome{state: store.Ended, exit: &target.Exit{}}
	if err != nil {
		out.reason = errBroken.Error()
	}
	return out
}

// awaitForward returns nil when both directions have ended, or why they will not be waited for.
func (s *session) awaitForward(up, down <-chan error, gone <-chan struct{}) error {
	var drained <-chan time.Time
	for up != nil || down != nil {
		select {
		case err := <-up:
			if err != nil {
				return err
			}
			if up = nil; gone == nil {
				return errClientGone // all that it had sent has arrived
			}
		case err := <-down:
			if err != nil && gone != nil {
				return err
			}
			down = nil
		case <-gone:
			if gone = nil; up == nil {
				return errClientGone
			}
			timer := time.NewTimer(drainTime)
			defer timer.Stop()
			drained = timer.C
		case <-drained:
			return errClientGone
		case <-s.recording.Failed():
			return &evidenceError{s.recording.Err()}
		case <-s.ctx.Done():
			return context.Cause(s.ctx)
		}
	}
	return nil
}

// copyUp moves what the client sends. Its EOF ends this direction alone.
func (s *session) copyUp(far remote) error {
	b := buffers.Get().(*[]byte)
	defer buffers.Put(b)
	for {
		n, err := s.forward.channel.Read(*b)
		if n > 0 {
			if !s.watch.received(n) || s.muted.Load() {
				return errMuted
			}
			if werr := s.pass(far, (*b)[:n]); werr != nil {
				return errBroken
			}
			s.forward.in.Add(int64(n))
		}
		if err != nil {
			_ = far.CloseWrite() // gone already is fine: the other direction says so
			return nil
		}
	}
}

// copyDown moves what the far end sends.
func (s *session) copyDown(far remote) error {
	b := buffers.Get().(*[]byte)
	defer buffers.Put(b)
	for {
		n, err := far.Read(*b)
		if n > 0 {
			if !s.watch.sent(n) {
				return errMuted
			}
			if werr := s.write(s.forward.channel, (*b)[:n]); werr != nil {
				return errors.Join(errClientGone, werr)
			}
			s.forward.out.Add(int64(n))
		}
		switch {
		case errors.Is(err, io.EOF):
			_ = s.forward.channel.CloseWrite()
			return nil
		case err != nil:
			return errBroken
		}
	}
}
