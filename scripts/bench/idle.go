package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sync/errgroup"
)

// idleSession is a terminal session on which nothing happens. Its client lives in this process: two hundred OpenSSH clients
// would be most of what is measured.
type idleSession struct {
	client  *ssh.Client
	program string      // empty: echoing
	under   *ssh.Client // the connection to the jump host, if there is one
	closed  chan time.Time
}

// close ends the session from the client's side.
func (s *idleSession) close() {
	_ = s.client.Close()
	if s.under != nil {
		_ = s.under.Close()
	}
}

// clientConfig trusts the host: what is measured is on loopback and started by us.
func clientConfig(user string, key ssh.Signer) *ssh.ClientConfig {
	return &ssh.ClientConfig{Config: ssh.Config{KeyExchanges: []string{ssh.KeyExchangeCurve25519}, Ciphers: []string{ssh.CipherAES128GCM}},
		User: user, Auth: []ssh.AuthMethod{ssh.PublicKeys(key)}, HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: 20 * time.Second}
}

// routedClient logs in through Gatehouse.
func (w *world) routedClient() (*idleSession, error) {
	key, err := w.signer("bot")
	if err != nil {
		return nil, err
	}
	return w.routedAs(key)
}

// routedAs logs in through Gatehouse with that certificate.
func (w *world) routedAs(key ssh.Signer) (*idleSession, error) {
	client, err := ssh.Dial("tcp", w.gate.SSHAddr, clientConfig("deploy@web-1", key))
	if err != nil {
		return nil, err
	}
	return &idleSession{client: client}, nil
}

// jumpClient logs in through the jump host.
func (w *world) jumpClient() (*idleSession, error) {
	key, err := readKey(w.key)
	if err != nil {
		return nil, err
	}
	under, err := ssh.Dial("tcp", w.jump.Addr(), clientConfig("jumper", key))
	if err != nil {
		return nil, err
	}
	var stream net.Conn
	if stream, err = under.Dial("tcp", w.target().Addr()); err == nil {
		var c ssh.Conn
		var chans <-chan ssh.NewChannel
		var reqs <-chan *ssh.Request
		if c, chans, reqs, err = ssh.NewClientConn(stream, w.target().Addr(), clientConfig("deploy", key)); err == nil {
			return &idleSession{client: ssh.NewClient(c, chans, reqs), under: under}, nil
		}
	}
	return nil, errors.Join(err, under.Close())
}

// logins is how many sessions are opened at once.
const logins = 8

// idle opens sessions and waits until each one's program runs. With an error it returns those that were opened.
func idle(ctx context.Context, n int, connect func() (*idleSession, error)) ([]*idleSession, error) {
	all := make([]*idleSession, n)
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(logins)
	for i := range n {
		work.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			s, err := connect()
			if err != nil {
				return err
			}
			all[i] = s
			return s.start()
		})
	}
	err := work.Wait()
	return slices.DeleteFunc(all, func(s *idleSession) bool { return s == nil }), err
}

// start runs the program that says READY and then waits.
func (s *idleSession) start() error {
	session, err := s.client.NewSession()
	if err != nil {
		return fmt.Errorf("open session: %w", err)
	}
	if err := session.RequestPty("xterm", 24, 80, nil); err != nil {
		return fmt.Errorf("ask for a terminal: %w", err)
	}
	out, err := session.StdoutPipe()
	if err != nil {
		return err
	}
	if err := session.Start(cmp.Or(s.program, "echoing")); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	if _, err := io.ReadAtLeast(out, make([]byte, 64), len("READY\n")); err != nil {
		return fmt.Errorf("wait for the program: %w", err)
	}
	s.closed = make(chan time.Time, 1)
	go func() {
		_ = s.client.Wait() // how it ended does not matter
		s.closed <- time.Now()
	}()
	return nil
}

func closeAll(all []*idleSession) {
	for _, s := range all {
		s.close()
	}
}

// measureMemory compares what an idle session on a terminal costs the machine in the middle, at two numbers of them, each in
// a Gatehouse that was just started.
func measureMemory(ctx context.Context, w *world) ([]result, error) {
	var out []result
	for _, n := range []int{w.n(50), w.n(200)} {
		if err := errors.Join(w.gate.Stop(), w.gate.Serve()); err != nil { // what earlier sessions left must not hide what these cost
			return nil, err
		}
		ours, err := w.perSession(ctx, n, w.routedClient, w.pids())
		if err != nil {
			return nil, err
		}
		theirs, err := w.perSession(ctx, n, w.jumpClient, []int{w.jump.PID()})
		if err != nil {
			return nil, err
		}
		out = append(out, absolute(fmt.Sprintf("memory per idle session of %d on a terminal", n), "KiB", ours, &theirs, nil, atMost(200)))
	}
	return out, nil
}

// perSession is the growth of the proportional set size, divided by the sessions that made it grow.
func (w *world) perSession(ctx context.Context, n int, connect func() (*idleSession, error), pids []int) (float64, error) {
	before := memory(pids...)
	all, err := idle(ctx, n, connect)
	defer closeAll(all)
	if err != nil {
		return 0, err
	}
	runtime.GC()
	time.Sleep(3 * time.Second) // recordings are flushed, garbage is collected
	grown := memory(pids...) - before
	closeAll(all)
	time.Sleep(2 * time.Second)
	return grown / float64(n), nil
}
