package bastion

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"gatehouse/bastion/governed"
	shells "gatehouse/bastion/shell/pool"
	"gatehouse/bastion/shell/wire"
	"gatehouse/bastion/target"
	"gatehouse/internal/answer"
	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
	"gatehouse/recorder"
)

// What a governed shell may use, beside what the confinement of its process and the policy's limits hold.
const (
	shellCommands = 1_000_000 // of one line, builtins among them
	shellDepth    = 64
	shellOutput   = 16 << 20 // bytes in one expansion
	shellSeconds  = 60       // of a line while nothing of it runs or waits
)

// promptVariable is how a client asks for a prompt that programs read. The target never sees it.
const promptVariable = "GATEHOUSE_PROMPT"

// number is that of a governed shell's command; 0 for a session's only one.
func (a asked) number() int64 {
	if a.step == nil {
		return 0
	}
	return a.step.N
}

// root is the session itself, or that of the shell whose command this is.
func (s *session) root() *session {
	if s.shell != nil {
		return s.shell
	}
	return s
}

// governs is the launch of a governed shell: a process of ours in the place of one on the target.
func (s *session) governs(d protocol.Decided) launch {
	return launch{abandon: func() {}, start: func(ctx context.Context) (*running, error) {
		g, err := s.beginShell(ctx, d)
		if err != nil {
			return nil, err
		}
		return &running{process: g, release: func() { _ = g.Close() }}, nil
	}}
}

// governing is a governed shell as a session's process. What it writes, the session records and passes on like any output.
type governing struct {
	session *session
	process *shells.Shell
	shell   *governed.Shell
	cancel  context.CancelCauseFunc
	host    *shellHost

	stdout, stderr *io.PipeReader
	stdin          *io.PipeWriter
	exited         chan struct{}
	exit           target.Exit
	remote         string // what became of what was cut short; "" if nothing was
}

var errNoShells = errors.New("this Gatehouse has no governed shells")

// beginShell gives the session a shell's process.
func (s *session) beginShell(ctx context.Context, d protocol.Decided) (*governing, error) {
	if s.conn.server.cfg.Shells == nil {
		return nil, errNoShells
	}
	process, err := s.conn.server.cfg.Shells.Take(ctx, s.id)
	if err != nil {
		return nil, err
	}
	g := &governing{session: s, process: process, exited: make(chan struct{})}
	g.host = newShellHost(g)
	if g.shell, err = governed.New(process, s.shellBegin(d), g.host); err != nil {
		process.Kill()
		return nil, fmt.Errorf("begin a governed shell: %w", err)
	}
	ctx, g.cancel = context.WithCancelCause(s.ctx)
	s.input.Go(func() {
		defer s.conn.isolate("a governed shell")
		g.serve(ctx)
	})
	return g, nil
}

// shellBegin is what the shell begins with.
func (s *session) shellBegin(d protocol.Decided) wire.Begin {
	text := d.Decision.Plan.Text
	b := wire.Begin{Line: text, Script: text == "" && s.pty == nil, Target: s.row.Target, Login: policy.Login(s.row.Login), Home: s.question.Facts.Home, UID: -1, GID: -1,
		Name: s.row.Identity, Path: strings.Join(s.searchPath(), ":"), Limits: wire.Limits{Commands: shellCommands, Depth: shellDepth, Output: shellOutput, Seconds: shellSeconds}}
	refused := map[string]bool{}
	for _, name := range d.EnvRefused {
		refused[name] = true
	}
	for _, v := range s.env {
		if !refused[v.Name] {
			b.Env = append(b.Env, v)
		}
	}
	if s.pty != nil {
		b.Term, b.Size = s.pty.Term, &wire.Size{Cols: s.pty.Cols, Rows: s.pty.Rows}
		b.JSON, b.Marks = s.jsonPrompt, s.pty.Term != "dumb" && s.pty.Term != ""
	}
	return b
}

// searchPath is where the target's programs are looked for.
func (s *session) searchPath() []string {
	if t, known := s.conn.server.target(s.row.Target); known && len(t.Path) > 0 {
		return t.Path
	}
	return []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}
}

// serve is the shell's life.
func (g *governing) serve(ctx context.Context) {
	defer close(g.exited)
	defer g.host.closePipes()
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-g.session.recording.Failed():
			g.cancel(&evidenceError{g.session.recording.Err()})
		case <-stop:
		}
	}()
	ended, err := g.shell.Serve(ctx)
	g.process.Kill()
	g.host.endFiles()
	g.host.keepLines()
	if g.host.cutShort() && ctx.Err() == nil {
		g.remote = g.session.sweepRemote()
	}
	g.exit = target.Exit{Known: true, Status: ended.Status}
	if err != nil && ctx.Err() == nil {
		g.exit.Status = answer.ExitUnavailable
		g.broke(err)
	}
	_ = g.process.Close()
}

// broke tells the client and the recording why a shell ended that did not end itself.
func (g *governing) broke(err error) {
	s := g.session
	why := "the governed shell broke off"
	if errors.Is(err, governed.ErrDied) {
		<-g.process.Done()
		why = "the governed shell's process ended: " + g.process.How()
	}
	_ = s.recording.Write(recorder.Note, event(map[string]any{"note": why})) // a failed recording ends the session
	out := s.fault(answer.FaultInternal, why+"; what the line did until then is done", err)
	_, _ = io.WriteString(g.host.Stderr(), out.text)
}

func (g *governing) Stdout() io.Reader     { return g.stdout }
func (g *governing) Stderr() io.Reader     { return g.stderr }
func (g *governing) Stdin() io.WriteCloser { return g.stdin }

func (g *governing) Resize(cols, rows, width, height uint32) error {
	g.shell.Resize(wire.Size{Cols: cols, Rows: rows}, width, height)
	return nil
}

// Signal tells the shell; KILL ends it.
func (g *governing) Signal(name string) error {
	if name == "KILL" {
		g.cancel(errClientGone)
		return nil
	}
	g.shell.Signal(name)
	return nil
}

func (g *governing) Exited() <-chan struct{} { return g.exited }
func (g *governing) Exit() target.Exit       { return g.exit }

// Close ends the shell, and all that runs of it.
func (g *governing) Close() error {
	g.cancel(errClientGone)
	g.host.closePipes()
	g.process.Kill()
	<-g.exited
	return nil
}
