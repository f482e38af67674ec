package bastion

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/bastion/target"
	"gatehouse/internal/answer"
	"gatehouse/internal/store"
	"gatehouse/policy"
	"gatehouse/recorder"
)

// After a command has ended, what it left behind may hold its output open. That long without a byte, and it is over.
const lingering = time.Second

// errMuted is returned by writes to a client whose session was killed.
var errMuted = errors.New("the session was ended")

// carry moves the streams until the command has ended and its output is through, or until something else ends the session.
func (s *session) carry(d policy.Decision, proc *running) outcome {
	s.watch = s.oblige(d.Obligations)
	defer s.watch.stop()
	s.input.Go(func() {
		defer s.conn.isolate("a session's input")
		s.carryInput(d.Stdin, proc)
	})
	var seen atomic.Int64
	failed := make(chan error, 2)
	var output sync.WaitGroup
	output.Go(func() {
		failed <- s.stream("a session's output", func() error { return s.copyOut(proc.Stdout(), s.channel, recorder.Output, &seen) })
	})
	output.Go(func() {
		failed <- s.stream("a session's output", func() error { return s.copyOut(proc.Stderr(), s.channel.Stderr(), recorder.Stderr, &seen) })
	})
	err := s.await(proc, failed, &seen)
	if err == nil {
		exit := proc.Exit()
		s.letGo(proc, &output)
		return s.exited(proc, exit)
	}
	remote := s.endRemote(proc)
	s.letGo(proc, &output)
	return s.cutShort(err, remote)
}

// letGo gives the command's channel back and waits for the end of its streams. A target that does not answer loses the
// whole connection, as nothing else ends them.
func (s *session) letGo(proc *running, output *sync.WaitGroup) {
	defer s.severLater(proc)()
	proc.release()
	output.Wait()
}

// severLater cuts a target off that has not let go of a command in time; the function that it returns calls that off.
func (s *session) severLater(proc *running) (cancel func()) {
	remote, ok := proc.process.(*target.Process)
	if !ok {
		return func() {}
	}
	timer := time.AfterFunc(severTime, func() {
		s.log.Warn("the target does not let go of a command, its connection is cut", "target", s.row.Target)
		_ = remote.Sever() // closed already is fine
	})
	return func() { timer.Stop() }
}

// await returns nil when the command has ended and its output is through, or why neither will be waited for.
func (s *session) await(proc process, failed <-chan error, seen *atomic.Int64) error {
	exited := proc.Exited()
	streams := 2
	var quiet <-chan time.Time
	var last int64
	for streams > 0 || exited != nil {
		select {
		case err := <-failed:
			if err != nil {
				return err
			}
			streams--
		case <-exited:
			exited, last = nil, seen.Load()
			quiet = time.After(lingering)
		case <-quiet:
			if now := seen.Load(); now != last {
				last, quiet = now, time.After(lingering)
				continue
			}
			return s.recording.Write(recorder.Note, event(map[string]any{"note": "the command ended while something it left behind held its output open; the channel was closed"}))
		case <-s.recording.Failed():
			return &evidenceError{s.recording.Err()}
		case <-s.ctx.Done():
			return context.Cause(s.ctx)
		}
	}
	return nil
}

// evidenceError says that what passes cannot be recorded any more.
type evidenceError struct{ err error }

func (e *evidenceError) Error() string { return fmt.Sprintf("record: %v", e.err) }
func (e *evidenceError) Unwrap() error { return e.err }

// copyOut records first and forwards then, so that nothing reaches the client that is not in the recording.
func (s *session) copyOut(from io.Reader, to io.Writer, code recorder.Code, seen *atomic.Int64) error {
	buffer := newEbb()
	defer buffer.done()
	for {
		b, err := buffer.read(from)
		if n := len(b); n > 0 {
			seen.Add(int64(n))
			if !s.watch.sent(n) {
				return errMuted
			}
			if rerr := s.recording.Write(code, b); rerr != nil {
				return &evidenceError{rerr}
			}
			if code == recorder.Stderr {
				s.midLine.Store(b[n-1] != '\n')
			}
			if werr := s.write(to, b); werr != nil {
				return errors.Join(errClientGone, werr)
			}
		}
		if err != nil {
			return nil // EOF, or the channel's end: the exit says which
		}
	}
}

// write is the only way by which bytes reach the client.
func (s *session) write(to io.Writer, b []byte) error {
	if s.shell != nil {
		return s.shell.write(to, b)
	}
	leave, ok := s.cross()
	if !ok {
		return errMuted
	}
	defer leave()
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.muted.Load() {
		return errMuted
	}
	_, err := to.Write(b)
	return err
}

// carryInput moves the client's bytes to the command, recorded first, where the decision grants it. A pty's input is part of
// the pty. Otherwise the command reads EOF, and what the client sends is thrown away, and said so once.
func (s *session) carryInput(class policy.StdinClass, proc process) {
	in := proc.Stdin()
	granted := class != policy.StdinNone || s.pty != nil
	from := s.inputOf()
	if !granted {
		_ = in.Close()
	}
	buffer := newEbb()
	defer buffer.done()
	warned := false
	for {
		b, err := buffer.read(from)
		n := len(b)
		switch {
		case n > 0 && granted && !s.watch.received(n):
			return
		case n > 0 && !granted:
			if !warned {
				warned = true
				s.discardInput()
			}
		case n > 0:
			if s.muted.Load() || s.recording.Write(recorder.Input, b) != nil {
				return // await sees the failed recording
			}
			if werr := s.pass(in, b); werr != nil {
				granted, warned = false, true // the command does not read any more: let the client finish
			}
		}
		if err != nil {
			if granted {
				_ = in.Close()
			}
			return
		}
	}
}

// discardInput tells client and recording that input is not wanted.
func (s *session) discardInput() {
	_ = s.recording.Write(recorder.Note, event(map[string]any{"note": "standard input is not granted by the rule: the client's bytes were discarded"}))
	_ = s.write(s.channel.Stderr(), []byte("gatehouse: standard input is not granted by this rule; what you send is discarded\n"))
}

// exited is the outcome of a command that ended by itself.
func (s *session) exited(proc *running, exit target.Exit) outcome {
	if !exit.Known && exit.Signal == "" {
		out := s.fault(answer.FaultTargetUnreachable, "the connection to "+s.row.Target+" was lost; whether the command ended is not known", errors.New("no exit status"))
		out.remote = s.endRemote(proc)
		return out
	}
	out := outcome{state: store.Ended, exit: &exit}
	if g, ok := proc.process.(*governing); ok {
		out.remote = g.remote
	}
	return out
}

// cutShort is the outcome of a session that something else ended.
func (s *session) cutShort(err error, remote string) outcome {
	var out outcome
	var evidence *evidenceError
	var stop *ended
	switch {
	case errors.As(err, &evidence):
		out = s.fault(answer.FaultEvidence, "the recording cannot be written, so the session ends", err)
	case errors.As(context.Cause(s.ctx), &stop):
		out = s.stopped(stop)
	case errors.As(err, &stop):
		out = s.stopped(stop)
	default:
		out = outcome{state: store.Ended, reason: errClientGone.Error(), exit: &target.Exit{}}
	}
	out.remote = remote
	return out
}

// stopped is the outcome of a session that somebody ended. The client has been told.
func (s *session) stopped(stop *ended) outcome {
	if s.recording != nil {
		_ = s.recording.Write(recorder.Kill, event(map[string]any{"by": stop.by, "reason": stop.reason, "sibling": stop.sibling})) // a failed recording fails at Close
	}
	return outcome{state: stop.state, reason: stop.reason, status: answer.ExitKilled}
}

// answer sends what the client is told and how the command ended, in the order that loses nothing: data, exit-status, EOF,
// CLOSE. A client that answers EOF with CLOSE could not take an exit-status after it.
func (s *session) answer(out outcome) {
	defer s.closeUnlessTaken()()
	if s.forward != nil {
		if out.state == store.Killed && out.text == "" { // it may be refused before tell has had its say
			out.text = answer.Killed{Session: s.id, Why: out.reason}.Lines()
		}
		s.forward.answer(out)
		return
	}
	if out.text != "" {
		if s.pty != nil {
			_ = s.write(s.channel, []byte(strings.ReplaceAll(out.text, "\n", "\r\n")))
		} else {
			_ = s.write(s.channel.Stderr(), []byte(out.text))
		}
	}
	if leave, ok := s.cross(); ok { // how it ended is told when it is resumed
		defer leave()
	}
	s.letTell()
	s.writing.Lock() // a kill that comes now finds the channel closed
	defer s.writing.Unlock()
	if s.muted.Load() {
		_ = s.channel.Close()
		return
	}
	if out.exit != nil && out.exit.Signal != "" {
		m := struct {
			Signal    string
			Core      bool
			Msg, Lang string
		}{out.exit.Signal, out.exit.Core, "", ""}
		_, _ = s.channel.SendRequest("exit-signal", false, ssh.Marshal(m))
	} else {
		status := out.status
		if out.exit != nil {
			status = out.exit.Status
		}
		s.sendStatus(status)
	}
	_ = s.channel.CloseWrite()
	_ = s.channel.Close()
}

func (s *session) sendStatus(status int) {
	_, _ = s.channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{uint32(status)}))
}
