package bastion

import (
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// How often the loop that accepts connections shows that it lives, and after how long it is taken for stuck.
const (
	beatEvery = time.Second
	beatLate  = 10 * time.Second
)

// ErrStuck is what Alive says of a loop that has not come back to accept in time.
var ErrStuck = errors.New("the loop that accepts connections is stuck")

// Beat watches a loop that accepts connections. It knows that the loop comes round, not what it does with a connection.
type Beat struct {
	last atomic.Int64 // when the loop last came to accept, in nanoseconds since base
	base time.Time
}

// NewBeat begins now.
func NewBeat() *Beat { return &Beat{base: time.Now()} }

// Alive is nil, or ErrStuck.
func (b *Beat) Alive() error {
	if time.Since(b.base)-time.Duration(b.last.Load()) > beatLate {
		return ErrStuck
	}
	return nil
}

// Listener is the one from which the loop is to accept.
func (b *Beat) Listener(l net.Listener) net.Listener {
	b.note()
	return &beating{Listener: l, beat: b}
}

func (b *Beat) note() { b.last.Store(int64(time.Since(b.base))) }

// beating is a listener that shows that somebody accepts from it.
type beating struct {
	net.Listener
	beat *Beat
}

// Accept waits for a connection, and notes while it waits that it does.
func (l *beating) Accept() (net.Conn, error) {
	for {
		l.beat.note()
		if d, ok := l.Listener.(interface{ SetDeadline(time.Time) error }); ok {
			if err := d.SetDeadline(time.Now().Add(beatEvery)); err != nil {
				return nil, err
			}
		}
		c, err := l.Listener.Accept()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			continue
		}
		return c, err
	}
}
