package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// traffic is a mix of clients that work until it is stopped.
type traffic struct {
	w      *world
	round  int
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu   sync.Mutex
	seen []*witness
	errs []error
}

// begin starts the mix: quick commands, refused ones, steady ones with and without a terminal and through a jump, one on
// this machine, several over one master connection, and the console.
func (w *world) begin(ctx context.Context, round int) *traffic {
	ctx, cancel := context.WithCancel(ctx)
	t := &traffic{w: w, round: round, cancel: cancel}
	t.steady(ctx, "exec", remote)
	t.steady(ctx, "tty", "-tt", remote)
	t.steady(ctx, "jump", "-J", "gatehouse", "deploy@"+targetName)
	t.local(ctx)
	t.repeat(ctx, "quick", "echo", remote)
	t.repeat(ctx, "denied", "rm", remote)
	t.master(ctx)
	t.work.Go(func() {
		for ctx.Err() == nil {
			_ = new(witness).ssh(ctx, w.gate.Client("ann"), "gatehouse", "sessions list") // a dead door is what we are here for
			pause(ctx)
		}
	})
	return t
}

// stop ends the clients and returns what they saw. The error is for clients that could not be started.
func (t *traffic) stop() ([]*witness, error) {
	t.cancel()
	t.work.Wait()
	return t.seen, errors.Join(t.errs...)
}

// witness notes a session that is about to begin.
func (t *traffic) witness(command string) *witness {
	w := &witness{command: command, status: -1}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seen = append(t.seen, w)
	return w
}

// steady runs one counter until it ends or is ended.
func (t *traffic) steady(ctx context.Context, kind string, args ...string) {
	w := t.witness(fmt.Sprintf("count %s-%d", kind, t.round))
	w.steady = true
	t.work.Go(func() { t.run(ctx, w, args...) })
}

// local runs something on the bastion's own machine, which prints nothing.
func (t *traffic) local(ctx context.Context) {
	w := t.witness(fmt.Sprintf("sleep %d", localSeconds(t.round)))
	w.local = true
	t.work.Go(func() { t.run(ctx, w, here) })
}

// localSeconds makes the local command of a round of this run recognisable among this machine's processes.
func localSeconds(round int) int { return os.Getpid()*10_000 + round }

// repeat runs one short session after the other.
func (t *traffic) repeat(ctx context.Context, kind, program string, args ...string) {
	t.work.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			t.run(ctx, t.witness(fmt.Sprintf("%s %s-%d-%d", program, kind, t.round, i)), args...)
			pause(ctx)
		}
	})
}

// master keeps one connection open and runs quick commands and a counter over it.
func (t *traffic) master(ctx context.Context) {
	socket := filepath.Join(t.w.dir, fmt.Sprintf("control-%d", t.round))
	t.work.Go(func() {
		_ = new(witness).ssh(ctx, t.w.gate.Client("bot"), "-M", "-N", "-S", socket, remote) // ends with the door
	})
	t.work.Go(func() {
		for ctx.Err() == nil {
			if _, err := os.Stat(socket); err == nil {
				t.steady(ctx, "mux", "-S", socket, remote)
				t.repeat(ctx, "mux", "echo", "-S", socket, remote)
				return
			}
			pause(ctx)
		}
	})
}

func (t *traffic) run(ctx context.Context, w *witness, args ...string) {
	if err := w.ssh(ctx, t.w.gate.Client("bot"), append(args, w.command)...); err != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.errs = append(t.errs, err)
	}
}

// pause leaves the machine to the others for a moment.
func pause(ctx context.Context) {
	timer := time.NewTimer(30 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
