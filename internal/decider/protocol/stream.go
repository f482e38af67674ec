package protocol

import "context"

// MaxStreamData bounds the bytes of one stream frame, either way.
const MaxStreamData = 64 << 10

// DialEvent asks the door to lend a byte stream: to dial a host over TCP and carry bytes. The decider makes the stream's
// number and never uses it twice. What flows is TLS that ends in the decider; the door only carries it.
type DialEvent struct {
	Stream  uint64 `json:"stream"`
	Address string `json:"address"`        // host:port
	Long    bool   `json:"long,omitempty"` // it may last, and the door says what it has written
}

// SendEvent carries bytes from the decider to the host.
type SendEvent struct {
	Stream uint64 `json:"stream"`
	Data   []byte `json:"data"` // 1 to MaxStreamData bytes
}

// HangUpEvent ends a stream. Nothing of it is wanted any more.
type HangUpEvent struct {
	Stream uint64 `json:"stream"`
}

// StreamOpened says that the host was reached, or why it was not.
type StreamOpened struct {
	Stream uint64 `json:"stream"`
	Error  string `json:"error,omitempty"`
}

// StreamData carries bytes from the host to the decider. The door has one request of a stream in flight: the answer comes when
// the bytes were read, so that order and backpressure need no more.
type StreamData struct {
	Stream uint64 `json:"stream"`
	Data   []byte `json:"data"` // 1 to MaxStreamData bytes
}

// StreamEnd says that the host has closed the stream, or why it broke.
type StreamEnd struct {
	Stream uint64 `json:"stream"`
	Error  string `json:"error,omitempty"`
}

// StreamSent says that the door has written the next frame of a long stream to the host: how many bytes that was.
type StreamSent struct {
	Stream uint64 `json:"stream"`
	Bytes  int64  `json:"bytes"`
}

// StreamOpened says what became of a DialEvent.
func (d Door) StreamOpened(ctx context.Context, in StreamOpened) error {
	return d.Call(ctx, OpStreamOpened, in, nil)
}

// StreamData brings bytes from the host; an error means that the decider wants no more of this stream.
func (d Door) StreamData(ctx context.Context, in StreamData) error {
	return d.Call(ctx, OpStreamData, in, nil)
}

// StreamEnd says that the host has closed.
func (d Door) StreamEnd(ctx context.Context, in StreamEnd) error {
	return d.Call(ctx, OpStreamEnd, in, nil)
}

// StreamSent says what was written.
func (d Door) StreamSent(ctx context.Context, in StreamSent) error {
	return d.Call(ctx, OpStreamSent, in, nil)
}
