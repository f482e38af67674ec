package process

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"gatehouse/bastion/shell/admit"
	"gatehouse/bastion/shell/wire"
)

// scriptPiece is how much of the client's input is looked at for the end of a script's line. What is behind it stays there.
const scriptPiece = 512

// script is an input that a shell reads command by command: what follows a command is that command's to read.
type script struct {
	ctx   context.Context
	shell *shell
	in    *stdin
	piece []byte // of the line that is read; in.mu is held while there is any
	sum   hash.Hash
}

// scriptFrom reads a shell's input as a script.
func (sh *shell) scriptFrom(ctx context.Context, in *stdin, depth int) (*admit.Reader, *script) {
	from := &script{ctx: ctx, shell: sh, in: in, sum: sha256.New()}
	return admit.Script(from, admit.Place{Sh: sh.posix, Depth: depth}), from
}

// ReadByte gives the next byte. From the end of a line on, the rest is the next reader's.
func (s *script) ReadByte() (byte, error) {
	if len(s.piece) == 0 {
		if err := s.more(); err != nil {
			return 0, err
		}
	}
	b := s.piece[0]
	s.piece = s.piece[1:]
	s.sum.Write([]byte{b})
	switch {
	case b == '\n':
		s.shell.giveBack(s.in, s.piece)
		s.piece = nil
		s.in.mu.Unlock()
	case len(s.piece) == 0:
		s.in.mu.Unlock()
	}
	return b, nil
}

// Read implements io.Reader.
func (s *script) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	b, err := s.ReadByte()
	if err != nil {
		return 0, err
	}
	p[0] = b
	return 1, nil
}

// more takes the next piece, and keeps in.mu where there is one.
func (s *script) more() (err error) {
	s.in.mu.Lock()
	for len(s.piece) == 0 && err == nil {
		s.piece, err = s.next()
	}
	if err != nil {
		s.in.mu.Unlock()
	}
	return err
}

func (s *script) next() ([]byte, error) {
	if s.in.kind != fromClient || s.in.lost || s.in.passed || len(s.in.buf) > 0 || s.in.ended {
		return s.shell.next(s.ctx, s.in)
	}
	b := make([]byte, scriptPiece)
	n, err := s.shell.input.read(s.ctx, b)
	s.in.ended = err == io.EOF
	return b[:n], err
}

// digest is that of all that was read so far.
func (s *script) digest() string { return hex.EncodeToString(s.sum.Sum(nil)) }

// script runs the client's input, each command a line of its own.
func (s *Shell) script(ctx context.Context, in *stdin) int {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	sh := s.top
	sh.scripted = true
	script, _ := sh.scriptFrom(ctx, in, 0)
	for status := 0; ; {
		s.begins(cancel)
		c, refused, err := script.Next()
		s.begins(nil)
		switch {
		case err == io.EOF:
			if sh.atExit == "" {
				return status
			}
			return s.reported(ctx, "exit", func(ctx context.Context) int { return sh.status(ctx, sh.leave(ctx, code(status, nil))) })
		case err != nil:
			return sh.unreadable(ctx, err)
		}
		cut := false
		status = s.reported(ctx, c.Text, func(ctx context.Context) int {
			defer func() { cut = ctx.Err() != nil }()
			return sh.scriptCommand(ctx, c, refused)
		})
		if cut || refused != nil || sh.exited {
			return status
		}
	}
}

// scriptCommand runs one command of a script.
func (sh *shell) scriptCommand(ctx context.Context, c admit.Command, refused *wire.Refused) int {
	all, err := sh.fromScript(ctx, c, refused)
	if err != nil {
		sh.refused(err)
		sh.last, sh.exited = statusRefused, true
		return sh.last
	}
	sh.last = sh.status(ctx, sh.run(ctx, all, false))
	return sh.last
}

// fromScript makes a command of a script ready to run.
func (sh *shell) fromScript(ctx context.Context, c admit.Command, refused *wire.Refused) (program, error) {
	file, err := admitted(c.File, refused)
	if err != nil {
		return nil, err
	}
	return sh.program(ctx, file, c.Parsed)
}

// unreadable ends a script of which not all can be read.
func (sh *shell) unreadable(ctx context.Context, err error) int {
	var end *endError
	if errors.As(context.Cause(ctx), &end) {
		return end.status
	}
	if refused := new(refusedError); errors.As(err, &refused) {
		sh.refused(refused)
		return statusRefused
	}
	fmt.Fprintln(sh.Shell.err, err)
	return statusRefused
}

// runScript runs what a shell in a shell reads from its input.
func (sh *shell) runScript(ctx context.Context, in *stdin, base string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	sh.cancelOwn = cancel
	sh.scripted = true
	defer in.readAhead(sh.posix)
	around := sh.chain()
	script, from := sh.scriptFrom(ctx, in, len(around)+1)
	for status := error(nil); ; {
		c, refused, err := script.Next()
		if err == io.EOF {
			return sh.nestedEnd(ctx, sh.leave(ctx, status))
		}
		if err == nil {
			err = sh.bounded(nil)
		}
		if err != nil {
			return err
		}
		sh.through(append(around[:len(around):len(around)], wire.Link{By: base, SHA256: from.digest()}))
		all, err := sh.fromScript(ctx, c, refused)
		if err != nil {
			return err
		}
		status = sh.run(ctx, all, false)
		if ctx.Err() != nil || sh.exited {
			return sh.nestedEnd(ctx, status)
		}
	}
}

// inputOfScript is what the commands of a shell have as their input that reads its text from there too. What sh has read of it ahead
// nobody can say.
func (s *Shell) inputOfScript(in *stdin, posix bool) *os.File {
	if posix {
		return s.inputs.token(&stdin{source: &source{kind: fromScript}})
	}
	f := os.NewFile(noFD, "input")
	s.inputs.put(f, &stdin{source: in.source, pipe: in.pipe})
	return f
}

// maxPiped is the most that bash is certain to have in a pipe, of which it reads no byte ahead.
const maxPiped = 4096

// readAhead marks an input of which a shell that read its text there may have read more than its text.
func (in *stdin) readAhead(posix bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if !in.ended && (posix || in.kind == fromFile || in.kind == fromData && len(in.data) > maxPiped) {
		in.lost = true
	}
}
