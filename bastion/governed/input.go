package governed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"gatehouse/bastion/shell/wire"
)

// maxAhead is how much of the client's input is kept that nobody has used yet.
const maxAhead = 64 << 10

// input is the client's input, of which the shell and its commands take in turn. Places are counted from its beginning.
type input struct {
	from io.Reader

	mu      sync.Mutex
	buf     []byte // what was read and is not used
	base    int64  // the place of its first byte
	end     bool   // the client sends no more
	closed  bool
	reading bool
	taken   bool          // a command has it; asks wait
	changed chan struct{} // closed and replaced when any of that has changed
	reads   sync.WaitGroup
}

func newInput(from io.Reader) *input { return &input{from: from, changed: make(chan struct{})} }

// change tells everybody who waits. mu is held.
func (in *input) change() {
	close(in.changed)
	in.changed = make(chan struct{})
}

// fill has one more piece read, if none is. mu is held.
func (in *input) fill() {
	if in.reading || in.end || in.closed || len(in.buf) >= maxAhead {
		return
	}
	in.reading = true
	room := min(maxAhead-len(in.buf), wire.MaxData)
	in.reads.Go(func() {
		b := make([]byte, room)
		n, err := in.from.Read(b)
		in.mu.Lock()
		defer in.mu.Unlock()
		in.buf = append(in.buf, b[:n]...)
		in.reading, in.end = false, err != nil
		in.change()
	})
}

// use gives up what lies before a place. mu is held.
func (in *input) use(place int64) error {
	if place < in.base { // what a command took meanwhile is used as well
		return nil
	}
	n := place - in.base
	if n > int64(len(in.buf)) {
		return fmt.Errorf("%w: it has used more input than there was", ErrProtocol)
	}
	if n > 0 {
		in.buf, in.base = append([]byte(nil), in.buf[n:]...), place
		in.change()
	}
	return nil
}

// answer gives the shell what is at a place, once there is something.
func (in *input) answer(ctx context.Context, ask wire.Input) (wire.Answer, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if ask.Used < 0 || ask.From < 0 || ask.Want < 0 {
		return wire.Answer{}, fmt.Errorf("%w: input before its beginning", ErrProtocol)
	}
	if err := in.use(ask.Used); err != nil || ask.Want == 0 {
		return wire.Answer{At: in.base}, err
	}
	for {
		at := max(ask.From, in.base)
		there := at - in.base
		switch {
		case there > int64(len(in.buf)):
			return wire.Answer{}, fmt.Errorf("%w: input behind what there is", ErrProtocol)
		case in.taken:
		case there < int64(len(in.buf)):
			b := in.buf[there:min(int64(len(in.buf)), there+int64(min(ask.Want, maxInput)))]
			return wire.Answer{Data: append([]byte(nil), b...), At: at}, nil
		case in.end || in.closed:
			return wire.Answer{At: at}, nil
		default:
			in.fill()
		}
		if err := in.await(ctx); err != nil {
			return wire.Answer{}, err
		}
	}
}

// await waits for a change. mu is held, but meanwhile.
func (in *input) await(ctx context.Context) error {
	changed := in.changed
	in.mu.Unlock()
	defer in.mu.Lock()
	select {
	case <-changed:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// take gives the input to a command until done, from a place on. It returns false where another has it.
func (in *input) take(place int64) (bool, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.taken {
		return false, nil
	}
	if err := in.use(place); err != nil {
		return false, err
	}
	in.taken = true
	return true, nil
}

// done takes the input back, and says where it stands.
func (in *input) done() int64 {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.taken = false
	in.change()
	return in.base
}

// Input is the rest of the client's input, for a command that may run only on a certain one. What is read of it nobody else gets, and until
// it is closed nobody else gets any. ctx ends a read.
func (s *Shell) Input(ctx context.Context) io.ReadCloser { return &whole{ctx: ctx, in: s.in} }

// whole is the client's input in one reader's hands. It is not safe for concurrent use.
type whole struct {
	ctx   context.Context
	in    *input
	taken bool
	rest  []byte
}

var errTaken = errors.New("another command has the input")

func (w *whole) Read(b []byte) (n int, err error) {
	if !w.taken {
		if w.taken, err = w.in.take(0); err != nil {
			return 0, err
		}
	}
	if !w.taken {
		return 0, errTaken
	}
	if len(w.rest) == 0 {
		if w.rest, err = w.in.next(w.ctx); err != nil {
			return 0, err
		}
	}
	n = copy(b, w.rest)
	w.rest = w.rest[n:]
	return n, nil
}

// Close lets others have what comes, which is nothing after the end.
func (w *whole) Close() error {
	if w.taken {
		w.taken = false
		w.in.done()
	}
	return nil
}

// next is what the command that has taken the input gets next; io.EOF at its end.
func (in *input) next(ctx context.Context) ([]byte, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for {
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case len(in.buf) > 0:
			b := in.buf
			in.buf, in.base = nil, in.base+int64(len(b))
			return b, nil
		case in.end || in.closed:
			return nil, io.EOF
		}
		in.fill()
		if err := in.await(ctx); err != nil {
			return nil, err
		}
	}
}

func (in *input) close() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.closed = true
	in.change()
}

func (in *input) wait() { in.reads.Wait() }
