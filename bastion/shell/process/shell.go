package process

import (
	"context"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/bastion/shell/wire"
)

// Shell is one governed shell, from its beginning to its end: what its texts share. It is what a prompt works with. One text runs at a
// time; Interrupt, Signal and the readers of state are safe at any time.
type Shell struct {
	link     *link
	begin    wire.Begin
	reports  *reports
	out, err *output
	input    *clientInput
	inputs   *inputs
	jobs     *jobs
	globs    *globs
	chains   chains
	texts    texts
	kept     kept
	pipes    pipeStatuses
	written  *written
	exported map[string]string // what commands have without being told
	events   chan wire.Event
	taken    chan struct{} // the door has told the client of a refusal
	given    chan error    // why the process ends at once
	started  time.Time

	top *shell // its texts run here

	line     atomic.Int64 // of the prompt, from 1
	commands atomic.Int64 // of the line
	running  atomic.Int64 // commands that run or wait on the target, and reads that wait
	open     atomic.Int64 // files of the target
	timed    atomic.Int64 // when time began, in nanoseconds
	prompt   bool

	writers     sync.Map // the files of the target that the shell itself writes: *writer
	terminal    Terminal // of a prompt
	client      *stdin   // the client's input
	clientToken *os.File // the input that a shell begins with; kept, as tokens are known by weak pointers

	mu     sync.Mutex
	cancel context.CancelCauseFunc // of the line that runs
	ended  *endError               // the shell is over
	early  bool                    // it was interrupted before its line had begun
}

// Begin is what the shell began with.
func (s *Shell) Begin() wire.Begin { return s.begin }

// Out and Err write to the client, in order with what commands print there.
func (s *Shell) Out() io.Writer { return s.out }

// Err is the client's standard error.
func (s *Shell) Err() io.Writer { return s.err }

// Input reads the client's input, at most len(p) bytes and at least one, or io.EOF. What a command or read takes it does not get.
func (s *Shell) Input(ctx context.Context, p []byte) (int, error) { return s.input.read(ctx, p) }

// Unread gives back the last n bytes that Input gave: a command or the next Input has them.
func (s *Shell) Unread(n int) { s.input.unread(n) }

// Events are the client's window sizes, and its INT to a prompt; other signals and the end are handled before they come here. It is never
// closed.
func (s *Shell) Events() <-chan wire.Event { return s.events }

// Run reads and runs a text of the prompt, which may be many lines, and says its status. What is no whole command is a refusal of
// the text. The text's end is reported before it returns.
func (s *Shell) Run(ctx context.Context, text string) int { return s.top.line(ctx, text) }

// Interrupt ends the text that runs with 130, as Ctrl-C does.
func (s *Shell) Interrupt() {
	s.mu.Lock()
	s.early = s.cancel == nil // Ctrl-C behind a line that is about to begin ends that one
	s.mu.Unlock()
	s.stop(&endError{130, "interrupted"})
}

// Calm forgets an interrupt that came when its line had ended already: it is not the next one's.
func (s *Shell) Calm() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.early = false
}

// Exited says whether the shell has ended, by exit or from outside, and with what status.
func (s *Shell) Exited() (int, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended == nil {
		return s.top.last, s.top.exited
	}
	return s.ended.status, true
}

// Status is $? of the last text.
func (s *Shell) Status() int { return s.top.last }

// SetStatus makes n what $? is, as Ctrl-C at a prompt does.
func (s *Shell) SetStatus(n int) { s.top.setStatus(n) }

// Dir is the working directory.
func (s *Shell) Dir() string { return s.top.runner.Dir }

// Var is the value of a variable; empty where it is unset.
func (s *Shell) Var(name string) string { return s.top.variable(name) }

// Functions are the names of the functions that are defined.
func (s *Shell) Functions() []string { return s.top.functions() }

// List reads a folder of the target.
func (s *Shell) List(ctx context.Context, path string) ([]wire.Info, error) {
	got, err := s.link.ask(ctx, wire.Ask{Op: wire.OpList, Path: &wire.Path{Path: path}})
	return got.List, err
}

// Home is the home of a user of the target; with an empty name the login's.
func (s *Shell) Home(ctx context.Context, user string) (string, error) {
	if user == "" {
		return s.begin.Home, nil
	}
	got, err := s.link.ask(ctx, wire.Ask{Op: wire.OpHome, User: user})
	return got.Text, err
}

// Complete are the programs that may be run here and begin with word.
func (s *Shell) Complete(ctx context.Context, word string) ([]string, error) {
	got, err := s.link.ask(ctx, wire.Ask{Op: wire.OpComplete, Word: word})
	return got.Words, err
}

// Help says what the identity may do here.
func (s *Shell) Help(ctx context.Context) (string, error) {
	got, err := s.link.ask(ctx, wire.Ask{Op: wire.OpHelp})
	return got.Text, err
}

// History are the lines of earlier shells, oldest first.
func (s *Shell) History(ctx context.Context) ([]string, error) {
	got, err := s.link.ask(ctx, wire.Ask{Op: wire.OpHistory})
	return got.Words, err
}

// stop ends the line that runs, if one does.
func (s *Shell) stop(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cancel != nil {
		s.cancel(why)
	}
}

// end ends the shell.
func (s *Shell) end(why *endError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended == nil {
		s.ended = why
	}
	if s.cancel != nil {
		s.cancel(why)
	}
}
