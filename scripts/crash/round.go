package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"time"
)

// How long the clients work before the kill, at least and at most, and what may be missing or late.
const (
	workLeast = 800 * time.Millisecond
	workMost  = 4 * time.Second
	mayLose   = time.Second     // of a recording, before the kill
	mustEnd   = 5 * time.Second // what is completed beside the service, after it is ready
)

// report is what a round found.
type report struct {
	round      int
	victim     string
	after      time.Duration // from the begin of the work to the kill
	restart    time.Duration // until the service was ready again
	whole      time.Duration // from then until nothing was left to complete
	sessions   int           // that clients saw begin
	recordings int           // compared
	lost       time.Duration // the most that a recording lacks of what its client had received before the kill
	unsure     int           // sessions whose remote processes are shown as unconfirmed
	violations []string
}

func (r report) String() string {
	s := fmt.Sprintf("%3d  kill -9 %-10s after %4d ms: ready again in %4d ms, whole %4d ms later, %3d sessions, %d recordings, at most %d ms missing, %d unconfirmed", r.round, r.victim,
		r.after.Milliseconds(), r.restart.Milliseconds(), r.whole.Milliseconds(), r.sessions, r.recordings, r.lost.Milliseconds(), r.unsure)
	if len(r.violations) == 0 {
		return s + "  ok"
	}
	return s + "  VIOLATED\n     " + strings.Join(r.violations, "\n     ")
}

// clear forgets what the last look found.
func (r *report) clear() {
	r.sessions, r.recordings, r.lost, r.unsure, r.violations = 0, 0, 0, 0, nil
}

func (r *report) violate(format string, args ...any) {
	r.violations = append(r.violations, fmt.Sprintf(format, args...))
}

// everything is the victim that is all three processes.
const everything = "all three"

// kill ends a process, or all three without one having the time to see another go.
func (w *world) kill(victim string) error {
	names := []string{victim}
	if victim == everything {
		names = []string{"supervisor", "decider", "door"}
	}
	var pids []int
	for _, name := range names {
		pids = append(pids, w.gate.PID(name))
	}
	var errs []error
	for _, pid := range pids {
		if err := syscall.Kill(pid, syscall.SIGKILL); !errors.Is(err, syscall.ESRCH) || len(pids) == 1 { // it may have seen the first one go
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// victimOf chooses whom to kill: door and decider mostly, one in ten times the supervisor, and as often all three.
func victimOf(random *rand.Rand) string {
	switch n := random.IntN(20); {
	case n < 8:
		return "door"
	case n < 16:
		return "decider"
	case n < 18:
		return "supervisor"
	}
	return everything
}

// round lets the clients work, kills, starts again and judges. An error is one that kept it from judging.
func (w *world) round(ctx context.Context, number int, random *rand.Rand) (report, error) {
	r := report{round: number, victim: victimOf(random)}
	if w.all {
		r.victim = everything
	}
	r.after = workLeast + time.Duration(random.Int64N(int64(workMost-workLeast)))
	if err := w.enrol(ctx); err != nil {
		return r, err
	}
	// 1. Work, and the kill.
	begun := time.Now()
	t := w.begin(ctx, number)
	timer := time.NewTimer(r.after)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		_, err := t.stop()
		return r, errors.Join(context.Cause(ctx), err)
	}
	killed := time.Now()
	err := w.kill(r.victim)
	// 2. The others end by themselves; then the service starts again.
	if err == nil {
		err = w.gate.Await()
	}
	seen, cerr := t.stop()
	if err = errors.Join(err, cerr); err == nil {
		restarted := time.Now()
		err = w.gate.Serve()
		r.restart = time.Since(restarted)
	}
	if err != nil {
		return r, fmt.Errorf("round %d, %s killed: %w", number, r.victim, err)
	}
	// 3. What is left of it. Processes on targets are ended while the service works again, so some of it takes a moment.
	for ready := time.Now(); ; pause(ctx) {
		r.clear()
		late := time.Since(ready) > mustEnd
		if err := w.judge(ctx, &r, seen, begun, killed); err != nil {
			return r, err
		}
		if r.whole = time.Since(ready); len(r.violations) == 0 || late || ctx.Err() != nil {
			return r, context.Cause(ctx)
		}
	}
}

// summary adds rounds up.
type summary struct {
	rounds, sessions, recordings, unsure, last int
	lost, restart                              time.Duration
	violations                                 []string
}

func (s *summary) add(r report, violations []string) {
	s.rounds++
	s.last = r.round
	s.sessions, s.recordings, s.unsure = s.sessions+r.sessions, s.recordings+r.recordings, s.unsure+r.unsure
	s.lost, s.restart = max(s.lost, r.lost), max(s.restart, r.restart)
	s.violations = append(s.violations, violations...)
}

func (s summary) String() string {
	return fmt.Sprintf("%d rounds: %d sessions, none may be lost; %d recordings, at most %d ms missing; slowest restart %d ms; %d unconfirmed; %d violations",
		s.rounds, s.sessions, s.recordings, s.lost.Milliseconds(), s.restart.Milliseconds(), s.unsure, len(s.violations))
}
