// Package prompt is the prompt of a governed shell: it reads lines from the client's terminal, which edits nothing itself, and has the
// shell run them. It runs in the shell's sandbox, where every byte of the client's is read; what it writes to the terminal is its own, or
// is spelt so that it does nothing there.
package prompt

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"gatehouse/bastion/shell/admit"
	"gatehouse/bastion/shell/process"
)

// statusInterrupted is that of a line that Ctrl-C ended.
const statusInterrupted = 130

// prompt is one prompt.
type prompt struct {
	shell *process.Shell
	out   io.Writer
	src   *source
	edit  *editor
	raw   *discipline // where nothing is edited
	plain bool        // the terminal can do nothing, or the prompt is for a program
	json  bool
	marks bool
	// unmarked: a driver wants no marks around what is pasted.
	unmarked bool

	history history
	pending []string // lines of a paste that are not read yet
	lines   int64
	status  int
	stopped sync.Once   // said that nothing is stopped
	broken  atomic.Bool // Ctrl-C ended what ran
}

// Run is a prompt's life (process.Prompt).
func Run(ctx context.Context, s *process.Shell) int {
	ctx, cancel := context.WithCancel(ctx)
	begin := s.Begin()
	p := &prompt{shell: s, out: s.Out(), src: newSource(s.AskInput), json: begin.JSON, marks: begin.Marks && !begin.JSON}
	p.plain = p.json || begin.Term == "" || begin.Term == "dumb"
	p.raw = &discipline{keys: decoder{src: p.src}, write: p.write}
	p.SetEcho(!p.json)
	p.edit = &editor{keys: decoder{src: p.src}, write: p.write, history: &p.history, complete: completer{s}.complete}
	if begin.Size != nil {
		p.edit.size = *begin.Size
	}
	var work sync.WaitGroup
	defer work.Wait()
	defer cancel()
	work.Go(func() { p.src.pump(ctx) })
	work.Go(func() { p.watch(ctx) })
	s.SetTerminal(p)
	if begin.Line != "" {
		p.src.listen(p.key)
		return s.Run(ctx, begin.Line)
	}
	old, _ := s.History(ctx) // without it the history begins now
	for _, line := range old {
		p.history.add(line)
	}
	if !p.json {
		p.write("gatehouse: each command is decided by policy and recorded; help says what is allowed\r\n")
	}
	return p.live(ctx)
}

// watch takes the terminal's sizes, and a signal that is what Ctrl-C is.
func (p *prompt) watch(ctx context.Context) {
	for {
		select {
		case e := <-p.shell.Events():
			if e.Size != nil {
				p.edit.resize(*e.Size)
			}
			if e.Signal == "INT" {
				p.src.interrupt()
			}
		case <-ctx.Done():
			return
		}
	}
}

func (p *prompt) write(s string) { _, _ = io.WriteString(p.out, s) } // a client that is gone ends the shell elsewhere

// live reads and runs lines until there are no more.
func (p *prompt) live(ctx context.Context) int {
	for {
		text, err := p.text(ctx)
		switch {
		case errors.Is(err, errInterrupted):
			p.status, p.pending = statusInterrupted, nil
			p.shell.SetStatus(statusInterrupted)
			continue
		case err != nil:
			if !p.json && errors.Is(err, io.EOF) {
				p.write("exit\r\n")
			}
			return p.status
		}
		p.run(ctx, text)
		if status, over := p.shell.Exited(); over {
			return status
		}
		if ctx.Err() != nil {
			return p.status
		}
	}
}

// text reads lines until they are whole commands.
func (p *prompt) text(ctx context.Context) (string, error) {
	text, err := p.line(ctx, false)
	for err == nil && admit.Incomplete(text+"\n", admit.Place{Prompt: true}) {
		var more string
		if more, err = p.line(ctx, true); err == nil {
			text += "\n" + more
		}
	}
	return text, err
}

// line reads one line. Of a paste that is the first of its lines, and the others come without being asked for.
func (p *prompt) line(ctx context.Context, more bool) (string, error) {
	if len(p.pending) == 0 {
		text, err := p.typed(ctx, more)
		if err != nil {
			return text, err
		}
		p.pending = strings.Split(text, "\n")
	}
	text := p.pending[0]
	p.pending = p.pending[1:]
	return text, nil
}

// typed reads what is typed until Enter is pressed.
func (p *prompt) typed(ctx context.Context, more bool) (string, error) {
	p.mark("A", more)
	if p.plain || !p.raw.echo.Load() {
		p.write(p.shown(more) + p.markText("B", more))
		return p.raw.command(ctx)
	}
	p.edit.mark = p.markText("B", more)
	p.bracket("h")
	text, err := p.edit.read(ctx, p.shown(more), p.raw.take())
	p.bracket("l")
	return text, err
}

// bracket has the terminal mark what is pasted, or not.
func (p *prompt) bracket(mode string) {
	if !p.unmarked {
		p.write("\x1b[?2004" + mode)
	}
}

// shown is the prompt's text.
func (p *prompt) shown(more bool) string {
	b := p.shell.Begin()
	if p.json {
		return p.forProgram(more)
	}
	own := ownPrompt{login: string(b.Login), target: b.Target, dir: p.shell.Dir(), home: b.Home, uid: b.UID}
	if more {
		return own.expand(p.shell.Var("PS2"), "> ")
	}
	return own.expand(p.shell.Var("PS1"), `\u@\h:\w\$ `)
}

// mark writes one of the marks by which terminals and drivers know prompts, lines and output (OSC 133).
func (p *prompt) mark(what string, more bool) { p.write(p.markText(what, more)) }

func (p *prompt) markText(what string, more bool) string {
	if !p.marks || more {
		return ""
	}
	return "\x1b]133;" + what + "\x07"
}

// run has the shell run a text, during which the signals' keys are signals.
func (p *prompt) run(ctx context.Context, text string) {
	if strings.TrimSpace(text) == "" {
		return
	}
	p.history.add(text)
	p.lines++
	p.mark("C", false)
	if !p.own(ctx, text) {
		p.src.listen(p.key)
		p.status = p.shell.Run(ctx, text)
		p.src.listen(nil)
		p.shell.Calm()
		if p.broken.Swap(false) {
			p.pending = nil
		}
	}
	p.mark("D;"+strconv.Itoa(p.status), false)
}

// key is one of the signals' keys while something runs.
func (p *prompt) key(b byte) {
	switch b {
	case keyInterrupt, keyQuit:
		p.write("^C\r\n")
		p.broken.Store(true)
		p.shell.Interrupt()
	case keySuspend:
		p.stopped.Do(func() { p.write("gatehouse: nothing can be stopped here and gone on with later; Ctrl-C ends it\r\n") })
	}
}

// ReadLine reads a line for what runs (process.Terminal).
func (p *prompt) ReadLine(ctx context.Context, secret bool) ([]byte, error) {
	return p.raw.read(ctx, secret)
}

// Used is the place up to which the client's input was used.
func (p *prompt) Used() int64 { return p.src.used() }

// Lend gives the terminal to a command with one of its own.
func (p *prompt) Lend() { p.src.lend() }

// GiveBack ends that.
func (p *prompt) GiveBack(used int64) { p.src.giveBack(used) }

// SetEcho shows what is typed, or not.
func (p *prompt) SetEcho(on bool) { p.raw.echo.Store(on && !p.json) }
