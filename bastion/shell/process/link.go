package process

import (
	"context"
	"errors"
	"io"
	"net"
	"time"

	"github.com/hashicorp/yamux"

	"gatehouse/bastion/shell/wire"
)

// window is how much of one stream may be under way.
const window = 256 << 10

// link is the connection to the door. Safe for concurrent use.
type link struct {
	mux    *yamux.Session
	settle func() // what comes before a question that may be about files that the shell itself writes; may be nil
}

// newLink speaks over conn, whose other end is the door's.
func newLink(conn net.Conn) (*link, error) {
	c := yamux.DefaultConfig()
	c.EnableKeepAlive = false
	c.LogOutput = io.Discard
	c.MaxStreamWindowSize = window
	c.StreamOpenTimeout = 0 // a decision may wait for people
	c.ConnectionWriteTimeout = time.Minute
	mux, err := yamux.Client(conn, c)
	if err != nil {
		return nil, err
	}
	return &link{mux: mux}, nil
}

func (l *link) close() { l.mux.Close() }

// start opens a stream with its Ask. Its caller closes it.
func (l *link) start(a wire.Ask) (net.Conn, error) {
	if l.settle != nil && (a.Op == wire.OpExec || a.Op == wire.OpStat || a.Op == wire.OpList || a.Op == wire.OpOpen && a.Open.Mode == "read") {
		l.settle()
	}
	stream, err := l.mux.OpenStream()
	if err != nil {
		return nil, errEnded
	}
	if err := wire.WriteJSON(stream, wire.FrameAsk, a); err != nil {
		stream.Close()
		if errors.Is(err, wire.ErrFrame) {
			return nil, &wire.Error{Kind: wire.KindAsked, Text: "a command with its variables has at most 512 KiB"}
		}
		return nil, errEnded
	}
	return stream, nil
}

// ask asks what has one answer. Its error is a *wire.Error, ctx's cause or errEnded.
func (l *link) ask(ctx context.Context, a wire.Ask) (wire.Answer, error) {
	stream, err := l.start(a)
	if err != nil {
		return wire.Answer{}, err
	}
	defer stream.Close()
	return answer(ctx, stream)
}

// answer waits for the answer on a stream.
func answer(ctx context.Context, stream net.Conn) (wire.Answer, error) {
	stop := context.AfterFunc(ctx, func() { stream.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	var got wire.Answer
	err := wire.ReadJSON(stream, wire.FrameAnswer, &got)
	var told *wire.Error
	switch {
	case err == nil && got.Error != nil:
		return wire.Answer{}, got.Error
	case err == nil:
		return got, nil
	case errors.As(err, &told):
		return wire.Answer{}, told
	case ctx.Err() != nil:
		return wire.Answer{}, context.Cause(ctx)
	}
	return wire.Answer{}, errEnded
}
