package process

import (
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"sync"
	"time"
	"weak"

	"gatehouse/bastion/shell/wire"
)

// The interpreter knows standard input as an *os.File only. Those that are no pipes between its commands are tokens here: files that are
// open nowhere, by which a handler finds what is meant.

// noFD is a descriptor that cannot be open.
const noFD = 1 << 30

// source is bytes that commands and builtins read one after the other. One reads at a time.
type source struct {
	kind sourceKind
	path string // of a file, absolute
	data []byte // of a here-document

	mu    sync.Mutex
	buf   []byte
	file  *reader // a file, once it is open
	room  []byte  // of a pipe: a piece is there until the next
	ended bool
	lost  bool // how much was read of what was sent is not known

	passed bool // of the client's input: as lost, but only for what the shell itself reads
}

type sourceKind int

const (
	fromNull sourceKind = iota
	fromClient
	fromPipe // of the interpreter
	fromFile
	fromData
	fromScript // the text of a script of sh, which every sh reads another part of at once
)

// close lets go of a file.
func (s *source) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file != nil {
		s.file.Close()
	}
}

// stdin is a source as one command sees it.
type stdin struct {
	*source
	pipe *os.File // of fromPipe
	own  bool     // the redirection or pipe is this very command's

	outer *os.File // what was standard input around the redirection
}

// inputs knows the tokens.
type inputs struct {
	mu     sync.Mutex
	tokens map[weak.Pointer[os.File]]*stdin
}

func newInputs() *inputs { return &inputs{tokens: map[weak.Pointer[os.File]]*stdin{}} }

// token makes a file that stands for in.
func (i *inputs) token(in *stdin) *os.File {
	f := os.NewFile(noFD, "input")
	i.put(f, in)
	runtime.AddCleanup(f, (*source).close, in.source)
	return f
}

func (i *inputs) put(f *os.File, in *stdin) {
	key := weak.Make(f)
	i.mu.Lock()
	i.tokens[key] = in
	i.mu.Unlock()
	runtime.AddCleanup(f, func(key weak.Pointer[os.File]) {
		i.mu.Lock()
		delete(i.tokens, key)
		i.mu.Unlock()
	}, key)
}

// of says what a handler's standard input is.
func (i *inputs) of(r io.Reader) *stdin {
	f, _ := r.(*os.File)
	if f == nil {
		return &stdin{source: &source{kind: fromNull}}
	}
	i.mu.Lock()
	known, ok := i.tokens[weak.Make(f)]
	i.mu.Unlock()
	if !ok {
		known = &stdin{source: &source{kind: fromPipe}}
		i.put(f, known)
	}
	if known.kind == fromPipe && known.pipe == nil {
		return &stdin{source: known.source, pipe: f} // not kept: it would hold the file for ever
	}
	return known
}

// errLost is what the next reader gets of a source of which too much may have been read.
var errLost = errors.New("gatehouse: an earlier command was sent this input and did not read it to its end; what is left is not known")

// next is the next piece, io.EOF, or an error; stop, once done, makes it return what there is. s.mu is held.
func (sh *shell) next(ctx context.Context, in *stdin) ([]byte, error) {
	s := in.source
	switch {
	case s.lost || s.passed:
		return nil, errLost
	case len(s.buf) > 0:
		b := s.buf
		s.buf = nil
		return b, nil
	case s.ended:
		return nil, io.EOF
	}
	b, err := sh.fetch(ctx, in)
	if err == io.EOF {
		s.ended = true
		if s.file != nil {
			s.file.Close()
		}
	}
	return b, err
}

func (sh *shell) fetch(ctx context.Context, in *stdin) ([]byte, error) {
	switch in.kind {
	case fromClient:
		if sh.terminal != nil {
			return sh.terminal.ReadLine(ctx, isSecret(ctx))
		}
		b := make([]byte, wire.MaxData)
		n, err := sh.input.read(ctx, b)
		return b[:n], err
	case fromPipe:
		if in.room == nil {
			in.room = make([]byte, wire.MaxData)
		}
		return readPipe(ctx, in.pipe, in.room)
	case fromData:
		if in.ended = true; len(in.data) == 0 {
			return nil, io.EOF
		}
		return in.data, nil
	case fromFile:
		if in.file == nil {
			if err := sh.openSource(ctx, in.source); err != nil {
				return nil, err
			}
		}
		return in.file.next(ctx)
	case fromScript:
		return nil, refuse("input", "a command of a script that comes to sh by its input would read the script: use bash, put it into a file, or behind -c")
	}
	return nil, io.EOF
}

// readPipe reads a piece of a pipe into b; when ctx is done it returns without having read any.
func readPipe(ctx context.Context, f *os.File, b []byte) ([]byte, error) {
	if f == nil {
		return nil, io.EOF
	}
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		f.SetReadDeadline(time.Unix(1, 0))
		close(done)
	})
	n, err := f.Read(b)
	if !stop() {
		<-done
		f.SetReadDeadline(time.Time{})
	}
	switch {
	case n > 0:
		return b[:n], nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, io.EOF
	}
	return nil, nil
}
