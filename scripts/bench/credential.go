package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/supervisor"
	"gatehouse/policy"
)

// measureCredentials is how fast certificates come, by the running service with its audit entries on disk, and by ssh-keygen.
func measureCredentials(ctx context.Context, w *world) ([]result, error) {
	ours, err := w.issueRate(ctx)
	if err != nil {
		return nil, err
	}
	keygen, err := w.keygenRate(ctx)
	if err != nil {
		return nil, err
	}
	return []result{absolute("certificates issued and audited (direct: ssh-keygen -s)", "1/s", ours, nil, &keygen, atLeast(5000))}, nil
}

// span is how long a rate is measured.
func (w *world) span() time.Duration {
	if w.quick {
		return time.Second
	}
	return 5 * time.Second
}

// issueRate asks the decider from 64 places over 4 connections.
func (w *world) issueRate(ctx context.Context) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, w.span())
	defer cancel()
	var issued atomic.Int64
	return w.rate(&issued, 4, func() error {
		client, err := w.admin()
		if err != nil {
			return err
		}
		defer client.Close()
		return together(16, func() error { return issueUntil(ctx, client, &issued) })
	})
}

// admin is a connection to the decider as root's.
func (w *world) admin() (*protocol.Client, error) {
	conn, err := net.Dial("unix", supervisor.AdminSocket(w.gate.Data))
	if err != nil {
		return nil, fmt.Errorf("reach the decider: %w", err)
	}
	return protocol.NewClient(conn, nil), nil
}

// issueUntil issues certificates for one key until the time is up.
func issueUntil(ctx context.Context, client *protocol.Client, issued *atomic.Int64) error {
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		var out protocol.Issued
		err := client.Call(ctx, protocol.OpIssue, protocol.Issue{Kind: policy.Agent, Name: "bot", PublicKey: key.Marshal(), TTL: time.Minute, By: "bench"}, &out)
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("issue: %w", err)
		}
		if err == nil {
			issued.Add(1)
		}
	}
	return nil
}

// keygenRate signs with ssh-keygen, one certificate a process as it always is, two at a time.
func (w *world) keygenRate(ctx context.Context) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, w.span())
	defer cancel()
	authority := filepath.Join(w.dir, "keygen_ca")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", authority).CombinedOutput(); err != nil {
		return 0, fmt.Errorf("make a CA key: %w: %s", err, out)
	}
	var signed, users atomic.Int64
	return w.rate(&signed, 2, func() error {
		key := filepath.Join(w.dir, fmt.Sprintf("keygen_user%d", users.Add(1)))
		if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).CombinedOutput(); err != nil {
			return fmt.Errorf("make a key: %w: %s", err, out)
		}
		for ctx.Err() == nil {
			out, err := exec.Command("ssh-keygen", "-q", "-s", authority, "-I", "agt=bot", "-n", "agent:bot", "-V", "+1m", key+".pub").CombinedOutput()
			if err != nil {
				return fmt.Errorf("sign: %w: %s", err, out)
			}
			signed.Add(1)
		}
		return nil
	})
}

// rate runs work in n places and returns how much of done it did a second.
func (w *world) rate(done *atomic.Int64, n int, work func() error) (float64, error) {
	began := time.Now()
	err := together(n, work)
	return float64(done.Load()) / time.Since(began).Seconds(), err
}

// together runs work n times side by side and returns all errors.
func together(n int, work func() error) error {
	errs := make([]error, n)
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() { errs[i] = work() })
	}
	wait.Wait()
	return errors.Join(errs...)
}
