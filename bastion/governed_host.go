package bastion

import (
	"context"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"sync"

	"gatehouse/bastion/shell/wire"
	"gatehouse/internal/console"
	"gatehouse/policy"
	"gatehouse/recorder"
)

// shellHost is the session to its governed shell (governed.Host).
type shellHost struct {
	*shellFiles
	g       *governing
	session *session

	out, err *io.PipeWriter
	in       *io.PipeReader
	lines    *lines // of a terminal; nil: the client's output and error are two streams

	mu    sync.Mutex
	steps int64       // numbers given
	ended []int64     // commands that have ended, for the decider
	cut   bool        // one was ended before it ended itself
	typed []string    // what was typed at the prompt, as far as it is kept
	line  wire.Report // the newest, its text cut short
}

func newShellHost(g *governing) *shellHost {
	h := &shellHost{g: g, session: g.session, shellFiles: &shellFiles{session: g.session}}
	g.stdout, h.out = io.Pipe()
	g.stderr, h.err = io.Pipe()
	h.in, g.stdin = io.Pipe()
	if g.session.pty != nil {
		h.lines = &lines{to: h.out}
	}
	return h
}

func (h *shellHost) closePipes() {
	_ = h.out.Close()
	_ = h.err.Close()
	_ = h.in.Close()
}

func (h *shellHost) Stdin() io.Reader { return h.in }

// Stdout is the client's output, whose lines a terminal wants to end with a carriage return.
func (h *shellHost) Stdout() io.Writer {
	if h.lines != nil {
		return h.lines
	}
	return h.out
}

// Stderr is the client's standard error; on a terminal there is one stream.
func (h *shellHost) Stderr() io.Writer {
	if h.lines != nil {
		return h.lines
	}
	return h.err
}

// Terminal is the client's terminal as it is.
func (h *shellHost) Terminal() io.Writer { return h.out }

// Line puts a line into the evidence.
func (h *shellHost) Line(r wire.Report) error {
	m := map[string]any{"line": r.Line}
	switch {
	case r.Refused != nil:
		m["refused"] = wire.Refused{Construct: cutText(r.Refused.Construct, 256), Column: r.Refused.Column, Reason: cutText(r.Refused.Reason, maxReason)}
		h.session.refuseLine(r)
	case r.Status != nil:
		m["status"] = *r.Status
	default:
		h.remember(r.Text)
		h.begins(r)
		return h.noteText(r)
	}
	return h.noteLine(m)
}

// maxPiece is how many bytes of a line one event has. As JSON they may be six times as many, which an event still holds.
const maxPiece = 32 << 10

// noteText puts a line's text into the evidence, a long one in pieces that are numbered from the second on.
func (h *shellHost) noteText(r wire.Report) error {
	text := r.Text
	for part := 1; part == 1 || text != ""; part++ {
		piece := cutRunes(text, maxPiece)
		m := map[string]any{"line": r.Line, "text": piece}
		if part > 1 {
			m["part"] = part
		}
		if err := h.noteLine(m); err != nil {
			return err
		}
		text = text[len(piece):]
	}
	return nil
}

func (h *shellHost) noteLine(m map[string]any) error {
	if err := h.session.recording.Write(recorder.Line, event(m)); err != nil {
		return &evidenceError{err}
	}
	return nil
}

// Complete are the programs that may run here.
func (h *shellHost) Complete(ctx context.Context, word string) ([]string, error) {
	text, ok := h.ask(ctx, "help", "--json", h.where())
	var offering policy.Offering
	if !ok || json.Unmarshal([]byte(text), &offering) != nil {
		return nil, nil // it completes nothing
	}
	var out []string
	for _, login := range offering.Logins {
		for _, offer := range login.Offers {
			out = append(out, programs(offer, word)...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// programs are those of a role's rules that begin with a word.
func programs(o policy.Offer, word string) (out []string) {
	for _, r := range o.Rules {
		name, _, _ := strings.Cut(r.Pattern, " ")
		if r.Kind != string(policy.DenyRule) && strings.HasPrefix(name, word) {
			out = append(out, name)
		}
	}
	return out
}

func (h *shellHost) where() string { return h.session.row.Login + "@" + h.session.row.Target }

// maxHelp bounds what the console answers.
const maxHelp = 256 << 10

// ask runs a verb of the console as the session's identity.
func (h *shellHost) ask(ctx context.Context, args ...string) (string, bool) {
	out := &strings.Builder{}
	c := h.session.conn
	status := c.server.console.Run(ctx, console.Credential{Connection: c.id}, args, console.Streams{In: strings.NewReader(""), Out: out, Err: out, Program: "ssh bastion"})
	return cutText(out.String(), maxHelp), status == 0
}

// Help is what this identity may do here.
func (h *shellHost) Help(ctx context.Context) (string, error) {
	text, _ := h.ask(ctx, "help", h.where())
	return text, nil
}

// lines ends lines for a terminal.
type lines struct {
	to io.Writer

	mu   sync.Mutex
	last byte
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]byte, 0, len(b)+16)
	for _, c := range b {
		if c == '\n' && l.last != '\r' {
			out = append(out, '\r')
		}
		out, l.last = append(out, c), c
	}
	if _, err := l.to.Write(out); err != nil {
		return 0, err
	}
	return len(b), nil
}
