package process

import (
	"net"
	"sync"
	"sync/atomic"

	"gatehouse/bastion/shell/wire"
)

// outputs is the one stream on which the shell itself writes to the client.
type outputs struct {
	mu     sync.Mutex
	stream net.Conn
}

// output is the client's standard output or error. How much was written is counted, for a command to wait for it.
type output struct {
	to    *outputs
	frame wire.Frame
	n     atomic.Int64
	last  atomic.Pointer[string] // what was written last, if it is short
}

func newOutputs(l *link) (out, err *output, _ error) {
	stream, fail := l.start(wire.Ask{Op: wire.OpOutput})
	if fail != nil {
		return nil, nil, fail
	}
	to := &outputs{stream: stream}
	return &output{to: to, frame: wire.FrameOut}, &output{to: to, frame: wire.FrameErr}, nil
}

func (o *output) Write(p []byte) (int, error) {
	given := len(p)
	if o.frame == wire.FrameErr {
		p = worded(p)
		text := string(p[:min(len(p), 512)])
		o.last.Store(&text)
	}
	o.to.mu.Lock()
	defer o.to.mu.Unlock()
	written := 0
	for len(p) > 0 {
		piece := p[:min(len(p), wire.MaxData)]
		if err := wire.Write(o.to.stream, o.frame, piece); err != nil {
			return written, errEnded
		}
		o.n.Add(int64(len(piece)))
		written += len(piece)
		p = p[len(piece):]
	}
	return given, nil
}

// worded is a message of the interpreter's, in this shell's words where bash would go on with the next line.
func worded(p []byte) []byte {
	if string(p) == "invalid indirect expansion\n" {
		return []byte("gatehouse: ${!name}: the name is nothing: the text ends here\n")
	}
	return p
}
