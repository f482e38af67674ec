package process

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"gatehouse/bastion/shell/wire"
)

// maxOpen is how many files of the target one shell has open at a time.
const maxOpen = 64

// errno are the errors of file systems as a shell knows them.
var errno = map[string]syscall.Errno{
	"ENOENT": syscall.ENOENT, "ENOTDIR": syscall.ENOTDIR, "EISDIR": syscall.EISDIR, "EACCES": syscall.EACCES, "EEXIST": syscall.EEXIST,
	"ELOOP": syscall.ELOOP, "ENAMETOOLONG": syscall.ENAMETOOLONG, "EIO": syscall.EIO,
}

// messages are bash's words for them.
var messages = map[syscall.Errno]string{
	syscall.ENOENT: "No such file or directory", syscall.ENOTDIR: "Not a directory", syscall.EISDIR: "Is a directory",
	syscall.EACCES: "Permission denied", syscall.EEXIST: "cannot overwrite existing file", syscall.ELOOP: "Too many levels of symbolic links",
	syscall.ENAMETOOLONG: "File name too long", syscall.EIO: "Input/output error",
}

// number is what an error of the door is to a shell: what was denied is not permitted.
func number(err error) syscall.Errno {
	var told *wire.Error
	if !errors.As(err, &told) {
		return syscall.EIO
	}
	if told.Kind == wire.KindDenied {
		return syscall.EACCES
	}
	if n, ok := errno[told.Errno]; ok {
		return n
	}
	return syscall.EIO
}

// fileError is an error that the interpreter prints as bash does, and goes on after. Ends of the session are not.
func fileError(path string, err error) error {
	var told *wire.Error
	if !errors.As(err, &told) || told.Kind == wire.KindEnded || told.Kind == wire.KindLimit {
		return err
	}
	text := messages[number(err)]
	if told.Kind == wire.KindFault && told.Text != "" {
		text = told.Text
	}
	return &os.PathError{Op: "bash: line 1:", Path: path, Err: errors.New(text)}
}

// reader is a file of the target that is being read. A goroutine takes its frames, so that waiting for them can be given up.
type reader struct {
	stream net.Conn
	pieces chan []byte
	err    error // once pieces is closed
	once   sync.Once
	shell  *Shell
	quit   chan struct{}
}

func (s *Shell) openReader(ctx context.Context, path string) (*reader, error) {
	stream, err := s.openFile(ctx, wire.Open{Path: path, Mode: "read"})
	if err != nil {
		return nil, err
	}
	r := &reader{stream: stream, pieces: make(chan []byte), shell: s, quit: make(chan struct{})}
	go r.take()
	return r, nil
}

// openFile opens a file, and gives the stream of its content.
func (s *Shell) openFile(ctx context.Context, o wire.Open) (net.Conn, error) {
	if s.open.Add(1) > maxOpen && !s.collected() {
		s.open.Add(-1)
		return nil, refuse("open files", "a shell has at most %d files open at a time", maxOpen)
	}
	stream, err := s.link.start(wire.Ask{Op: wire.OpOpen, Open: &o})
	if err == nil {
		if _, err = answer(ctx, stream); err != nil {
			stream.Close()
		}
	}
	if err != nil {
		s.open.Add(-1)
		return nil, err
	}
	return stream, nil
}

// collected lets go of the files that no text can reach any more, and says whether that was enough.
func (s *Shell) collected() bool {
	for range 20 {
		runtime.GC() // what reads a token of ours the interpreter alone knows
		if s.open.Load() <= maxOpen {
			return true
		}
		time.Sleep(time.Millisecond)
	}
	return false
}

func (r *reader) take() {
	defer close(r.pieces)
	for {
		frame, b, err := wire.Read(r.stream, nil)
		switch {
		case err != nil:
			r.err = errEnded
			return
		case frame == wire.FrameOut:
			select {
			case r.pieces <- b:
			case <-r.quit:
				r.err = io.EOF
				return
			}
		case frame == wire.FrameDone:
			r.err = io.EOF
			return
		default:
			r.err = failure(frame, b)
			return
		}
	}
}

// failure is what a frame says that stands in the place of a better one.
func failure(frame wire.Frame, b []byte) error {
	var told wire.Error
	if frame != wire.FrameFail || json.Unmarshal(b, &told) != nil {
		return errEnded
	}
	return &told
}

func (r *reader) next(ctx context.Context) ([]byte, error) {
	select {
	case b, ok := <-r.pieces:
		if !ok {
			return nil, r.err
		}
		return b, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (r *reader) Close() error {
	r.once.Do(func() {
		close(r.quit)
		r.stream.Close()
		r.shell.open.Add(-1)
	})
	return nil
}

// writer is a file of the target that is being written.
type writer struct {
	path   string
	mu     sync.Mutex
	stream net.Conn
	shell  *Shell
	ahead  bool  // something was written that the door has not said to be there
	failed error // what the door has said instead: the stream is over
}

func (s *Shell) openWriter(ctx context.Context, o wire.Open) (*writer, error) {
	stream, err := s.openFile(ctx, o)
	if err != nil {
		return nil, err
	}
	w := &writer{path: o.Path, stream: stream, shell: s}
	s.writers.Store(w, true)
	return w, nil
}

func (w *writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed != nil {
		return 0, w.failed
	}
	written := 0
	w.ahead = true
	for len(p) > 0 {
		piece := p[:min(len(p), wire.MaxData)]
		if err := wire.Write(w.stream, wire.FrameIn, piece); err != nil {
			return written, errEnded
		}
		written += len(piece)
		p = p[len(piece):]
	}
	return written, nil
}

// Close says whether all is there.
func (w *writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.shell.writers.Delete(w)
	defer w.shell.open.Add(-1)
	defer w.stream.Close()
	if w.failed != nil {
		return nil // it was said
	}
	if err := wire.Write(w.stream, wire.FrameInEnd, nil); err != nil {
		return errEnded
	}
	return w.answer()
}

// answer is what the door says of what was written.
func (w *writer) answer() error {
	frame, b, err := wire.Read(w.stream, nil)
	switch {
	case err != nil:
		return errEnded
	case frame == wire.FrameDone:
		return nil
	}
	return failure(frame, b)
}

// settle waits until all that was written is there.
func (w *writer) settle() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.ahead {
		return nil
	}
	w.ahead = false
	if err := wire.Write(w.stream, wire.FrameDone, nil); err != nil {
		return errEnded
	}
	w.failed = w.answer()
	return w.failed
}

// settle waits until the target has all that the shell itself has written to files: what is asked for next may look at it.
func (s *Shell) settle() {
	s.writers.Range(func(w, _ any) bool {
		if err := w.(*writer).settle(); err != nil {
			s.complain(fileError(w.(*writer).path, err))
		}
		return true
	})
}

// closeFiles closes what exec has opened, when the shell ends.
func (s *Shell) closeFiles() {
	s.writers.Range(func(w, _ any) bool {
		if err := w.(*writer).Close(); err != nil {
			s.complain(fileError(w.(*writer).path, err))
		}
		return true
	})
}
