package governed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/hashicorp/yamux"

	"gatehouse/bastion/shell/wire"
)

// output is what the shell itself writes to the client, in order with what its commands do.
type output struct {
	to [2]io.Writer // out and err

	mu      sync.Mutex
	stream  *yamux.Stream
	passed  [2]int64
	changed chan struct{} // closed and replaced when passed has grown or nothing more comes
	over    bool
}

func newOutput(h Host) *output {
	return &output{to: [2]io.Writer{h.Stdout(), h.Stderr()}, changed: make(chan struct{})}
}

// serve passes the frames on until the stream ends. Its error ends the shell.
func (o *output) serve(ctx context.Context, stream *yamux.Stream) error {
	o.mu.Lock()
	twice := o.stream != nil
	if !twice {
		o.stream = stream
	}
	o.mu.Unlock()
	if twice {
		return fmt.Errorf("%w: two outputs", ErrProtocol)
	}
	defer o.end()
	buf := make([]byte, wire.MaxData)
	for {
		f, b, err := wire.ReadData(stream, buf)
		switch {
		case errors.Is(err, wire.ErrFrame), err == nil && f != wire.FrameOut && f != wire.FrameErr:
			return fmt.Errorf("%w: what is no output", ErrProtocol)
		case err != nil:
			return nil // its end, or that of the shell
		}
		i := 0
		if f == wire.FrameErr {
			i = 1
		}
		if _, err := o.to[i].Write(b); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		o.pass(i, len(b))
	}
}

func (o *output) pass(i, n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.passed[i] += int64(n)
	close(o.changed)
	o.changed = make(chan struct{})
}

func (o *output) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.over = true
	close(o.changed)
	o.changed = make(chan struct{})
}

// await waits until so many bytes have reached the client, or until no more come.
func (o *output) await(ctx context.Context, wrote [2]int64) error {
	for {
		o.mu.Lock()
		there := o.passed[0] >= wrote[0] && o.passed[1] >= wrote[1]
		over, changed := o.over, o.changed
		o.mu.Unlock()
		if there || over {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// drain waits until what has come is through. What the process writes from now on it does not take.
func (o *output) drain() {
	for {
		o.mu.Lock()
		stream, over, changed := o.stream, o.over, o.changed
		o.mu.Unlock()
		if stream == nil || over {
			return
		}
		_ = stream.SetReadDeadline(time.Unix(1, 0)) // what is there is still read
		<-changed
	}
}
