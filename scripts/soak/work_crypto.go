package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sync/errgroup"
)

// cryptoRound runs many commands over one connection of a client of this process, some at once.
func cryptoRound(ctx context.Context, j *job) outcome {
	client, err := j.dial(ctx, "deploy@"+j.target())
	if err != nil {
		return outcome{want: 0, got: 255, detail: err.Error()}
	}
	defer client.Close()
	results := make(chan outcome, 24)
	var work errgroup.Group
	work.SetLimit(4)
	for i := range cap(results) {
		work.Go(func() error {
			results <- emitOn(client, fmt.Sprintf("%sc%d", j.token, i), i)
			return nil
		})
	}
	_ = work.Wait()
	for range cap(results) {
		if out := <-results; out.got != out.want || out.wrong != "" {
			return out
		}
	}
	return outcome{}
}

func emitOn(client *ssh.Client, token string, status int) outcome {
	out := outcome{want: status, got: 255}
	session, err := client.NewSession()
	if err != nil {
		out.detail = err.Error()
		return out
	}
	defer session.Close()
	text, err := session.Output("emit " + token + " 20 " + strconv.Itoa(status))
	var exit *ssh.ExitError
	switch {
	case err == nil:
		out.got = 0
	case errors.As(err, &exit):
		out.got = exit.ExitStatus()
	default:
		out.detail = err.Error()
	}
	return whole(out, string(text), lines(token, 20, "\n"))
}

// dial logs in as the agent, through the bad network. It gives up a server that does not answer.
func (w *world) dial(ctx context.Context, user string) (*ssh.Client, error) {
	key, err := w.signer("bot")
	if err != nil {
		return nil, err
	}
	c, err := (&net.Dialer{Timeout: 20 * time.Second}).DialContext(ctx, "tcp", w.front.Addr())
	if err != nil {
		return nil, err
	}
	deadline := time.Now().Add(clientTime)
	err = c.SetDeadline(deadline)
	config := &ssh.ClientConfig{User: user, Auth: []ssh.AuthMethod{ssh.PublicKeys(key)}, HostKeyCallback: ssh.InsecureIgnoreHostKey()} // loopback, and started by us
	conn, channels, requests, herr := ssh.NewClientConn(c, w.front.Addr(), config)
	if err = errors.Join(err, herr); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return ssh.NewClient(conn, channels, requests), nil
}

// signer is a client's key with its certificate.
func (w *world) signer(name string) (ssh.Signer, error) {
	path := filepath.Join(w.dir, "client-"+name, "id")
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	key, err := ssh.ParsePrivateKey(text)
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	line, err := os.ReadFile(path + "-cert.pub")
	if err != nil {
		return nil, fmt.Errorf("read certificate: %w", err)
	}
	public, _, _, _, err := ssh.ParseAuthorizedKey(line)
	if err != nil {
		return nil, fmt.Errorf("read certificate: %w", err)
	}
	cert, ok := public.(*ssh.Certificate)
	if !ok {
		return nil, errors.New("read certificate: it is a plain key")
	}
	return ssh.NewCertSigner(cert, key)
}

// idler keeps one session that only waits, on a terminal, and begins another when that ends.
func (s *soak) idler(ctx context.Context, number int) {
	random := rand.New(rand.NewPCG(s.seed, uint64(1000+number)))
	for i := 0; ctx.Err() == nil; i++ {
		begun := time.Now()
		target, token := targetNames[random.IntN(len(targetNames))], fmt.Sprintf("tk%dx%dx%d", s.seed, 1000+number, i)
		life := time.Duration(5+random.IntN(55)) * time.Second
		if err := s.idle(ctx, target, token, life); err != nil && ctx.Err() == nil {
			s.mu.Lock()
			if !s.disturbed(begun, time.Now()) {
				s.problems = append(s.problems, fmt.Sprintf("idle session %s at %s: %s", token, begun.Format("15:04:05.000"), cut(err.Error())))
			}
			s.mu.Unlock()
			pause(ctx, time.Second)
		}
	}
}

// idle holds a session for so long.
func (s *soak) idle(ctx context.Context, target, token string, life time.Duration) error {
	client, err := s.dial(ctx, "deploy@"+target)
	if err != nil {
		return err
	}
	defer client.Close()
	session, err := client.NewSession()
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
	if err := session.Start("hold " + token); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	if text, err := io.ReadAll(io.LimitReader(out, int64(len("begun\r\n")))); err != nil || string(text) != "begun\r\n" {
		return fmt.Errorf("it began with %q: %w", text, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- client.Wait() }()
	timer := time.NewTimer(life)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case err := <-ended:
		return fmt.Errorf("it ended: %w", err)
	}
	_ = client.Close()
	<-ended
	return nil
}
