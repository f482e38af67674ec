package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
)

// echo is a service on loopback that says again what it hears: what a forward may reach, from the target's side.
type echo struct {
	listener net.Listener
	work     sync.WaitGroup
}

func listenEcho() (*echo, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	e := &echo{listener: l}
	e.work.Go(e.serve)
	return e, nil
}

func (e *echo) serve() {
	for {
		c, err := e.listener.Accept()
		if err != nil {
			return // closed
		}
		e.work.Go(func() {
			defer c.Close()
			_, _ = io.Copy(c, c) // the other end is looked at
		})
	}
}

func (e *echo) port() string {
	_, port, _ := net.SplitHostPort(e.listener.Addr().String())
	return port
}

func (e *echo) close() error {
	err := e.listener.Close()
	e.work.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
