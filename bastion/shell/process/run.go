package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"gatehouse/bastion/shell/wire"
)

// Prompt is what runs where a shell begins with a terminal: package prompt's. It runs the line that there is, or reads lines, and returns the
// shell's status.
type Prompt func(ctx context.Context, s *Shell) int

// How long the door has to take a shell's end.
const closing = 10 * time.Second

// statusFault is the status of a shell that cannot begin.
const statusFault = 75

// Run speaks over conn until the shell has ended, and returns its status. prompt may be nil: then a prompt is refused.
func Run(ctx context.Context, conn net.Conn, prompt Prompt) int {
	l, err := newLink(conn)
	if err != nil {
		conn.Close()
		return statusFault
	}
	defer l.close()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(errEnded)
	stop := context.AfterFunc(ctx, l.close)
	defer stop()
	s, err := begin(ctx, l)
	if err != nil {
		return statusFault
	}
	var events sync.WaitGroup
	events.Go(func() { s.listen(cancel) })
	status := s.lives(ctx, prompt)
	s.closeFiles()
	s.reports.send(wire.Report{Exit: &status, Wrote: [2]int64{s.out.n.Load(), s.err.n.Load()}})
	select {
	case <-ctx.Done():
	case <-time.After(closing):
	}
	l.close()
	events.Wait()
	return status
}

// begin makes the shell that the door asks for.
func begin(ctx context.Context, l *link) (*Shell, error) {
	control, err := l.start(wire.Ask{Op: wire.OpBegin})
	if err != nil {
		return nil, err
	}
	got, err := answer(ctx, control)
	if err != nil {
		return nil, err
	}
	if got.Begin == nil {
		return nil, errEnded
	}
	s := &Shell{
		link: l, begin: *got.Begin, reports: &reports{stream: control}, input: &clientInput{link: l}, inputs: newInputs(), jobs: newJobs(), taken: make(chan struct{}, 1), given: make(chan error, 1),
		globs: newGlobs(), written: newWritten(), exported: inherited(*got.Begin), events: make(chan wire.Event, 16), started: time.Now(),
	}
	l.settle = s.settle
	if s.out, s.err, err = newOutputs(l); err != nil {
		return nil, err
	}
	s.prompt = s.begin.Line == "" && !s.begin.Script
	s.client = &stdin{source: &source{kind: fromClient}}
	s.clientToken = s.inputs.token(s.client)
	s.top, err = s.newShell(config{
		env: newEnviron(s.begin, s.exported, false), name: "bash", dir: s.begin.Home, stdin: s.clientToken, stdout: s.out, stderr: s.err,
	})
	return s, err
}

// lives is live, or what ends the process because a line does not stop.
func (s *Shell) lives(ctx context.Context, prompt Prompt) int {
	ended := make(chan int, 1)
	go func() { ended <- s.live(ctx, prompt) }()
	select {
	case status := <-ended:
		return status
	case why := <-s.given:
		s.top.refused(why)
		return statusRefused
	}
}

// live is a shell's life.
func (s *Shell) live(ctx context.Context, prompt Prompt) int {
	text := s.begin.Line
	switch {
	case text != "" && s.begin.Size != nil && prompt != nil: // on a terminal, which somebody must read
		status := prompt(ctx, s)
		s.linger(ctx)
		return status
	case s.prompt && prompt == nil:
		fmt.Fprintln(s.err, "gatehouse: this shell has no prompt")
		return statusFault
	case s.prompt:
		return prompt(ctx, s)
	}
	status := 0
	if s.begin.Script && text == "" {
		status = s.script(ctx, s.client)
	} else {
		status = s.Run(ctx, text)
	}
	if end, over := s.over(); over {
		return end
	}
	s.linger(ctx)
	return status
}

// over says that the shell was ended from outside.
func (s *Shell) over() (int, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended == nil {
		return 0, false
	}
	return s.ended.status, true
}

// linger waits for what the line has left running behind: it lives no longer than the session, which therefore stays.
func (s *Shell) linger(ctx context.Context) {
	for _, j := range s.jobs.running() {
		select {
		case <-j.done:
		case <-ctx.Done():
			return
		}
	}
}

// reports are the process's word on the first stream.
type reports struct {
	mu     sync.Mutex
	stream net.Conn
}

func (r *reports) send(report wire.Report) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := wire.WriteJSON(r.stream, wire.FrameReport, report); err != nil {
		return errEnded
	}
	return nil
}

// signals are those of the client's that end what runs, with their numbers.
var signals = map[string]int{"HUP": 1, "INT": 2, "QUIT": 3, "TERM": 15}

// listen takes the door's events until it is gone.
func (s *Shell) listen(cancel context.CancelCauseFunc) {
	defer cancel(errEnded)
	for {
		frame, b, err := wire.Read(s.reports.stream, nil)
		if err != nil || frame != wire.FrameEvent {
			if err == nil || !errors.Is(err, io.EOF) {
				s.end(&endError{statusFault, "the door is gone"})
			}
			return
		}
		var e wire.Event
		switch {
		case json.Unmarshal(b, &e) != nil:
		case e.Taken > 0:
			select {
			case s.taken <- struct{}{}:
			default:
			}
		default:
			s.event(e)
		}
	}
}

func (s *Shell) event(e wire.Event) {
	n, known := signals[e.Signal]
	switch {
	case e.End:
		s.end(&endError{128 + 15, "the session is over"})
	case e.Signal == "INT" && s.prompt: // where no line runs it is the prompt's
		s.stop(&endError{130, "interrupted"})
	case known:
		s.end(&endError{128 + n, "signal " + e.Signal})
	}
	select {
	case s.events <- e:
	default: // a prompt that does not look needs the newest only
		select {
		case <-s.events:
		default:
		}
		select {
		case s.events <- e:
		default:
		}
	}
}
