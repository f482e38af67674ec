// Package faultproxy is a TCP proxy that misbehaves on order: it delays, trickles, or cuts what passes it. It stands in for a
// bad network between clients and Gatehouse, or between Gatehouse and its targets.
//
// It is for tests: production code never imports it.
package faultproxy

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"
)

// Trouble is what the proxy does to each chunk of bytes, either way. The zero value passes everything on at once.
type Trouble struct {
	Delay   time.Duration // before each chunk
	Chunk   int           // bytes in a chunk at most; 0 means what one read gives
	Refuse  bool          // new connections are closed at once
	Silence bool          // nothing passes, and nothing is closed
}

// chunkSize is what one read takes where nothing is said.
const chunkSize = 32 << 10

// Proxy listens on loopback and dials one address for each connection. Safe for concurrent use.
type Proxy struct {
	to       string
	listener net.Listener
	ctx      context.Context // ends with Close
	cancel   context.CancelFunc
	work     sync.WaitGroup

	mu      sync.Mutex
	trouble Trouble
	changed chan struct{} // closed when trouble changes
	open    map[net.Conn]bool
}

// Listen starts a proxy to an address.
func Listen(to string) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	p := &Proxy{to: to, listener: l, changed: make(chan struct{}), open: map[net.Conn]bool{}}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.work.Go(p.accept)
	return p, nil
}

// Addr is where it listens, "127.0.0.1:PORT".
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Set puts a trouble in force, for connections that are open too.
func (p *Proxy) Set(t Trouble) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trouble = t
	close(p.changed)
	p.changed = make(chan struct{})
}

// Cut closes every open connection and returns how many there were.
func (p *Proxy) Cut() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.open) / 2
	for c := range p.open {
		_ = c.Close()
	}
	clear(p.open)
	return n
}

// Close ends everything and waits for it.
func (p *Proxy) Close() error {
	p.cancel()
	err := p.listener.Close()
	p.Cut()
	p.work.Wait()
	return err
}

func (p *Proxy) now() (Trouble, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.trouble, p.changed
}

func (p *Proxy) accept() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return // closed
		}
		if t, _ := p.now(); t.Refuse {
			_ = c.Close()
			continue
		}
		p.work.Go(func() { p.serve(c) })
	}
}

// serve joins a connection with one of its own, until either ends.
func (p *Proxy) serve(in net.Conn) {
	defer in.Close()
	out, err := (&net.Dialer{Timeout: 10 * time.Second}).DialContext(p.ctx, "tcp", p.to)
	if err != nil {
		return
	}
	defer out.Close()
	p.hold(in, out)
	defer p.forget(in, out)
	var ways sync.WaitGroup
	ways.Go(func() { p.carry(in, out) })
	ways.Go(func() { p.carry(out, in) })
	ways.Wait()
}

func (p *Proxy) hold(all ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range all {
		p.open[c] = true
	}
	if p.ctx.Err() != nil { // closed meanwhile
		for _, c := range all {
			_ = c.Close()
		}
	}
}

func (p *Proxy) forget(all ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range all {
		delete(p.open, c)
	}
}

// carry moves bytes one way. An end is passed on as an end, a failure as a cut.
func (p *Proxy) carry(from, to net.Conn) {
	buf := make([]byte, chunkSize)
	for {
		t, _ := p.now()
		b := buf
		if t.Chunk > 0 {
			b = buf[:min(t.Chunk, len(buf))]
		}
		n, err := from.Read(b)
		if n > 0 && p.wait() {
			if _, werr := to.Write(b[:n]); werr != nil {
				_ = from.Close()
				return
			}
		}
		if err != nil {
			if half, ok := to.(*net.TCPConn); ok {
				_ = half.CloseWrite()
			}
			return
		}
	}
}

// wait does what the trouble says before a chunk; a change of it begins anew. It is false when the proxy closes.
func (p *Proxy) wait() bool {
	for {
		t, changed := p.now()
		if !t.Silence && t.Delay == 0 {
			return p.ctx.Err() == nil
		}
		var passed <-chan time.Time
		if !t.Silence {
			timer := time.NewTimer(t.Delay)
			defer timer.Stop()
			passed = timer.C
		}
		select {
		case <-p.ctx.Done():
			return false
		case <-passed:
			return true
		case <-changed:
		}
	}
}
