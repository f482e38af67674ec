package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sync/errgroup"
)

// mixedKinds are the sessions of an ordinary bastion, in turn: commands of two logins, terminals, pinned commands, two on one
// connection, inside a jump, files, forwards.
const mixedKinds = 8

// measureKillMixed ends live sessions of mixed kind: a quarter of them one by one, the rest by one lock.
func measureKillMixed(ctx context.Context, w *world) ([]result, error) {
	service, err := holdConnections(w.forward)
	if err != nil {
		return nil, err
	}
	defer service.Close()
	closed := make(chan time.Time, w.killSessions)
	clients, err := w.mixed(ctx, closed)
	defer func() {
		for _, c := range clients {
			_ = c.Close()
		}
	}()
	if err != nil {
		return nil, err
	}
	oncall, err := w.oncall()
	if err != nil {
		return nil, err
	}
	defer oncall.Close()
	single, err := killEach(oncall, len(clients)/4, closed)
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	lock, err := consoleVerb(oncall, "lock agent:bot --reason benchmark")
	if err != nil {
		return nil, err
	}
	var all []float64
	limit := time.NewTimer(killLimit)
	defer limit.Stop()
	for range len(clients) - len(single.closed) {
		select {
		case at := <-closed:
			all = append(all, ms(at.Sub(begun)))
		case <-limit.C:
			return nil, fmt.Errorf("%s after the lock only %d of %d sockets are closed", killLimit, len(all), len(clients)-len(single.closed))
		}
	}
	one := fmt.Sprintf("kill one by one, %d of %d mixed sessions: ", len(single.closed), len(clients))
	return []result{
		{Name: one + "socket closed, p50", Unit: "ms", Ours: rounded(quantile(single.closed, 0.5)), Goal: noGoal},
		absolute(one+"socket closed, p99", "ms", quantile(single.closed, 0.99), nil, nil, atMost(100)),
		absolute(one+"end on the target reported, p99", "ms", quantile(single.ended, 0.99), nil, nil, atMost(1000)),
		{Name: one + "ends that the target did not confirm", Unit: "", Ours: rounded(float64(single.survivors)), Goal: noGoal},
		absolute(fmt.Sprintf("one lock, the other %d: all sockets closed", len(all)), "ms", quantile(all, 1), nil, nil, atMost(2000)),
	}, w.unlock(ctx, lock)
}

// unlock lifts the lock of which the console has said that it is in force, as root: its owner does not.
func (w *world) unlock(ctx context.Context, said string) error {
	id, _, _ := strings.Cut(said, " ")
	out, err := w.gate.Run(ctx, "unlock", "--config", filepath.Join(w.dir, "gatehouse.yaml"), id, "--reason", "benchmark")
	if err == nil && out.Status != 0 {
		err = fmt.Errorf("unlock: %s", out.Stderr)
	}
	return err
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// singles are the times of kills one by one.
type singles struct {
	closed, ended []float64
	survivors     int
}

// killEach kills live sessions one after the other and times when a client's socket closes.
func killEach(oncall *ssh.Client, n int, closed <-chan time.Time) (out singles, err error) {
	text, err := consoleVerb(oncall, "sessions list --live --limit 500 --json")
	if err != nil {
		return out, err
	}
	var list struct {
		Sessions []struct {
			ID string `json:"id"`
		} `json:"sessions"`
	}
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return out, fmt.Errorf("read the list of sessions: %w: %.200s", err, text)
	}
	for _, s := range list.Sessions {
		if len(out.closed) == n {
			break
		}
		begun := time.Now()
		text, err := consoleVerb(oncall, "kill "+s.ID+" --reason benchmark --json")
		if err != nil && strings.Contains(err.Error(), "no live session") {
			continue // it shared the connection of an earlier one
		}
		if err != nil {
			return out, err
		}
		out.ended = append(out.ended, ms(time.Since(begun)))
		out.survivors += strings.Count(text, `"unconfirmed"`)
		select {
		case at := <-closed:
			out.closed = append(out.closed, ms(at.Sub(begun)))
		case <-time.After(killLimit):
			return out, fmt.Errorf("%s was killed and no socket closed", s.ID)
		}
	}
	return out, nil
}

// consoleVerb runs a verb and returns what it prints.
func consoleVerb(c *ssh.Client, line string) (string, error) {
	s, err := c.NewSession()
	if err != nil {
		return "", fmt.Errorf("open session: %w", err)
	}
	defer s.Close()
	var out, errs strings.Builder
	s.Stdout, s.Stderr = &out, &errs
	if err := s.Run(line); err != nil {
		return out.String(), fmt.Errorf("%s: %w: %s", line, err, errs.String())
	}
	return out.String(), nil
}

// mixed opens sessions of all kinds and returns their clients' connections, one for each socket.
func (w *world) mixed(ctx context.Context, closed chan<- time.Time) ([]io.Closer, error) {
	clients := make([]io.Closer, w.killSessions)
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(logins)
	for i := range clients {
		work.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			socket, err := w.open(i % mixedKinds)
			if err != nil {
				return fmt.Errorf("session of kind %d: %w", i%mixedKinds, err)
			}
			clients[i] = socket
			go func() {
				_ = socket.Wait() // how it ended does not matter
				closed <- time.Now()
			}()
			return nil
		})
	}
	err := work.Wait()
	var open []io.Closer
	for _, c := range clients {
		if c != nil {
			open = append(open, c)
		}
	}
	return open, err
}

// open opens one session of a kind, and returns the connection that holds its socket.
func (w *world) open(kind int) (*ssh.Client, error) {
	key, err := w.signer("bot")
	if err != nil {
		return nil, err
	}
	user := "deploy@web-1"
	switch kind {
	case 1:
		user = "root@web-1"
	case 5:
		user = "deploy"
	}
	socket, err := ssh.Dial("tcp", w.gate.SSHAddr, clientConfig(user, key))
	if err != nil {
		return nil, err
	}
	line := "waiting"
	switch kind {
	case 2: // a terminal
		err = (&idleSession{client: socket}).start()
	case 3:
		err = startAndWait(socket, "waiting pinned")
	case 4: // two on one connection
		err = errors.Join(startAndWait(socket, line), startAndWait(socket, line))
	case 5: // inside a jump
		err = w.insideJump(socket, key, line)
	case 6:
		err = startFiles(socket)
	case 7:
		_, err = socket.Dial("tcp", w.forward)
	default:
		err = startAndWait(socket, line)
	}
	if err != nil {
		return nil, errors.Join(err, socket.Close())
	}
	return socket, nil
}

// startAndWait runs a program without a terminal and waits until it says READY.
func startAndWait(c *ssh.Client, line string) error {
	s, err := c.NewSession()
	if err != nil {
		return fmt.Errorf("open session: %w", err)
	}
	out, err := s.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.Start(line); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	_, err = io.ReadAtLeast(out, make([]byte, 64), len("READY\n"))
	return err
}

func (w *world) insideJump(outer *ssh.Client, key ssh.Signer, line string) error {
	stream, err := outer.Dial("tcp", "web-1:22")
	if err != nil {
		return err
	}
	c, chans, reqs, err := ssh.NewClientConn(stream, "web-1:22", clientConfig("deploy", key))
	if err != nil {
		return err
	}
	return startAndWait(ssh.NewClient(c, chans, reqs), line)
}

// startFiles asks for SFTP and waits for its version (draft-ietf-secsh-filexfer-02 section 4).
func startFiles(c *ssh.Client) error {
	s, err := c.NewSession()
	if err != nil {
		return fmt.Errorf("open session: %w", err)
	}
	in, err := s.StdinPipe()
	if err != nil {
		return err
	}
	out, err := s.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.RequestSubsystem("sftp"); err != nil {
		return fmt.Errorf("ask for sftp: %w", err)
	}
	if _, err := in.Write([]byte{0, 0, 0, 5, 1, 0, 0, 0, 3}); err != nil {
		return err
	}
	_, err = io.ReadFull(out, make([]byte, 9))
	return err
}

// holdConnections is a service that takes connections and says nothing.
func holdConnections(address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(io.Discard, c); _ = c.Close() }()
		}
	}()
	return l, nil
}
