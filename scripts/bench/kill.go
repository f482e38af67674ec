package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/ssh"
)

// killLimit is when a socket that is still open counts as never closed.
const killLimit = 10 * time.Second

// measureKill ends all live sessions with one call of on-call's and times when the clients' sockets close.
func measureKill(ctx context.Context, w *world) ([]result, error) {
	all, err := idle(ctx, w.n(100), w.routedClient)
	defer closeAll(all)
	if err != nil {
		return nil, err
	}
	oncall, err := w.oncall()
	if err != nil {
		return nil, err
	}
	defer oncall.Close()
	session, err := oncall.NewSession()
	if err != nil {
		return nil, fmt.Errorf("open session: %w", err)
	}
	begun := time.Now()
	if err := session.Start(`kill --all --reason "benchmark"`); err != nil {
		return nil, fmt.Errorf("kill: %w", err)
	}
	var times []float64
	limit := time.NewTimer(killLimit)
	defer limit.Stop()
	for _, s := range all {
		select {
		case at := <-s.closed:
			times = append(times, float64(at.Sub(begun).Microseconds())/1000)
		case <-limit.C:
			return nil, fmt.Errorf("after %s only %d of %d sockets are closed", killLimit, len(times), len(all))
		}
	}
	var exit *ssh.ExitError
	if err := session.Wait(); err != nil && !errors.As(err, &exit) {
		return nil, fmt.Errorf("kill: %w", err)
	}
	n := fmt.Sprintf("kill of %d live sessions, from the call: ", len(all))
	return []result{
		absolute(n+"socket closed, p99", "ms", quantile(times, 0.99), nil, nil, atMost(100)),
		absolute(n+"all sockets closed", "ms", quantile(times, 1), nil, nil, atMost(2000)),
		absolute(n+"every end on the target reported", "ms", float64(time.Since(begun).Milliseconds()), nil, nil, atMost(5000)),
	}, nil
}

// oncall is a connection to the console by somebody who may kill.
func (w *world) oncall() (*ssh.Client, error) {
	key, err := w.signer("ann")
	if err != nil {
		return nil, err
	}
	return ssh.Dial("tcp", w.gate.SSHAddr, clientConfig("ann", key))
}
