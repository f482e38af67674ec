package process

import (
	"context"
	"path/filepath"
	"slices"
	"sync"

	"gatehouse/bastion/shell/wire"
	"gatehouse/policy"
)

// outFile is a file that something of the text writes. It is opened as late as it can be: the redirection of one command on the target is
// that command's, and the door decides both as one. Where several write it, it is cut first and all append, as they would with one
// descriptor.
type outFile struct {
	shell  *shell
	ctx    context.Context // of the text that opened it
	path   string          // absolute
	append bool
	null   bool // /dev/null
	perm   uint32

	mu     sync.Mutex
	simple bool // of one simple command
	begun  bool // created, and cut if it is to be
	writer *writer
	failed error
}

// written are the files that redirections have open. Where one cuts what another writes, each goes on at its own place and they overwrite
// one another: that is refused, as here all append.
type written struct {
	mu   sync.Mutex
	open map[string][]*outFile
}

func newWritten() *written { return &written{open: map[string][]*outFile{}} }

// enter keeps a file, unless another has it whose place it would spoil.
func (w *written) enter(f *outFile) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	name := filepath.Clean(f.path)
	for _, other := range w.open[name] {
		if other == f {
			return nil
		}
		if !f.append || !other.append {
			return refuse("redirection", "%s is being written by a redirection around this one, or beside it: use >> for both, or two files", f.path)
		}
	}
	w.open[name] = append(w.open[name], f)
	return nil
}

func (w *written) leave(f *outFile) {
	w.mu.Lock()
	defer w.mu.Unlock()
	name := filepath.Clean(f.path)
	if left := slices.DeleteFunc(w.open[name], func(other *outFile) bool { return other == f }); len(left) > 0 {
		w.open[name] = left
	} else {
		delete(w.open, name)
	}
}

func (f *outFile) claimLocked() error {
	return f.shell.fatal(f.shell.written.enter(f))
}

// Write is a builtin's.
func (f *outFile) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.null {
		f.shell.unbound(p)
		return len(p), nil
	}
	if err := f.openLocked(); err != nil {
		return 0, err
	}
	return f.writer.Write(p)
}

// Read is never called: a file is opened to read or to write.
func (f *outFile) Read([]byte) (int, error) { return 0, errEnded }

// begin opens the file for what the shell itself writes to it.
func (f *outFile) begin() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.simple = false
	if f.null || f.begun {
		return nil
	}
	return f.openLocked()
}

func (f *outFile) openLocked() error {
	if f.failed != nil || f.writer != nil {
		return f.failed
	}
	if f.failed = f.claimLocked(); f.failed != nil {
		return f.failed
	}
	o := wire.Open{Path: f.path, Mode: "write", Perm: f.perm}
	if f.append || f.begun {
		o.Mode = "append"
	}
	f.writer, f.failed = f.shell.openWriter(f.ctx, o)
	f.begun = f.begun || f.failed == nil
	return f.failed
}

// push makes the file a redirection of a command on the target.
func (f *outFile) push(fd int) (policy.Redir, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.simple && !f.begun {
		if err := f.openLocked(); err != nil {
			return policy.Redir{}, err
		}
	}
	if err := f.flushLocked(); err != nil {
		return policy.Redir{}, err
	}
	if err := f.claimLocked(); err != nil {
		return policy.Redir{}, err
	}
	op := policy.RedirOut
	if f.append || f.begun {
		op = policy.RedirAppend
	}
	f.begun = true
	return policy.Redir{FD: fd, Op: op, Path: f.path}, nil
}

func (f *outFile) flushLocked() error {
	if f.writer == nil {
		return nil
	}
	err := f.writer.Close()
	f.writer = nil
	return err
}

// Close is the interpreter's, when the redirection ends: a file that nothing wrote is there all the same.
func (f *outFile) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.null || f.failed != nil {
		return nil
	}
	defer f.shell.written.leave(f)
	var err error
	if !f.begun {
		err = f.openLocked()
	}
	if err == nil {
		err = f.flushLocked()
	}
	if err != nil {
		f.shell.complain(fileError(f.path, err))
	}
	return err
}
