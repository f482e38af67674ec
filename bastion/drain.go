package bastion

import (
	"reflect"
	"unsafe"

	"golang.org/x/crypto/ssh"
)

// The SSH library reads a connection's packets ahead, sixteen of them, in a goroutine of its own, and leaves it waiting for ever, packets and all,
// when it gives a connection up while more have come: any stranger could fill the memory of the door by that. Two things keep this from
// happening. Between the first key exchange and authentication no more bytes are let in than sixteen packets have (mayRead). And when a
// connection has ended, what waits is taken out of the library's queue (drain), which it does not offer: hence unsafe. New looks for
// the queue in a handshake of its own, and a library that has it elsewhere keeps the door from starting.

// aheadBytes is less than what seventeen packets have under any of our ciphers (chacha20-poly1305: 28 bytes each).
const aheadBytes = 16 * 28

// queue is the library's queue of packets that have been read.
func queue(of ssh.ServerPreAuthConn) chan []byte {
	v := reflect.ValueOf(of)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return nil
	}
	transport := v.Elem().FieldByName("transport")
	if transport.Kind() == reflect.Interface {
		transport = transport.Elem()
	}
	if transport.Kind() != reflect.Pointer || transport.IsNil() || transport.Elem().Kind() != reflect.Struct {
		return nil
	}
	incoming := transport.Elem().FieldByName("incoming")
	if !incoming.IsValid() || incoming.Type() != reflect.TypeFor[chan []byte]() {
		return nil
	}
	return *(*chan []byte)(unsafe.Pointer(incoming.UnsafeAddr()))
}

// beginAuthentication is called by the library when the keys are there.
func (c *conn) beginAuthentication(p ssh.ServerPreAuthConn) {
	c.banner = p
	c.passGate()
}

// drain is called when the library has let go of the connection, and its socket is closed.
func (c *conn) drain() {
	if c.banner == nil {
		return
	}
	if q := queue(c.banner); q != nil {
		for range q { // closed by the library once it cannot read any more
		}
	}
}

func (c *conn) passGate() { c.gateOnce.Do(func() { close(c.gate) }) }

// mayRead cuts a read down to what may be let in before authentication begins, and waits where nothing may.
func (c *conn) mayRead(b []byte) []byte {
	if !c.signed.Load() {
		return b
	}
	if c.passed() {
		return b
	}
	if left := aheadBytes - c.early; left > 0 {
		return b[:min(len(b), left)]
	}
	<-c.gate
	return b
}

// take reads what may be let in. A read that began before the first key exchange was through may bring more: that is kept until
// authentication begins.
func (c *conn) take(b []byte) (n int, err error) {
	b = c.mayRead(b)
	if len(c.kept) > 0 && !c.closing.Load() {
		n = copy(b, c.kept)
		c.kept = c.kept[n:]
	} else if n, err = c.Conn.Read(b); c.signed.Load() && !c.passed() && n > aheadBytes-c.early {
		came := n
		n = aheadBytes - c.early // more than none, or mayRead would have waited
		c.kept = append(c.kept, b[n:came]...)
		err = nil // it comes again
	}
	if c.signed.Load() {
		c.early += n
	}
	return n, err
}

// passed reports whether authentication has begun, or never will.
func (c *conn) passed() bool {
	select {
	case <-c.gate:
		return true
	default:
		return false
	}
}

// Close closes the client's socket. Nothing else does, so that whoever waits for the gate hears of it.
func (c *conn) Close() error {
	c.closing.Store(true)
	err := c.Conn.Close()
	c.passGate() // not before: whoever waits for it reads at once
	return err
}

// closeWrite ends what the client reads, where the connection can be half closed.
func (c *conn) closeWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
