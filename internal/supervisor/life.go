package supervisor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"gatehouse/bastion/shell/pool"
	"gatehouse/bastion/target/local"
	"gatehouse/internal/config"
)

// life is the service from the moment that both processes run.
type life struct {
	// Immutable.
	cfg                   Config
	server                *local.Server
	shells                *pool.Server
	decider, door         *child
	doorLine, deciderLine *line
	manager               manager

	mu    sync.Mutex
	drain time.Duration
}

// attend waits for the first end of anything and brings the rest down: the door first, so that its last words reach the log.
func (l *life) attend(ctx context.Context) error {
	serving, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	served := make(chan error, 2)
	go func() { served <- l.server.Serve(serving) }()
	go func() { served <- l.shells.Serve(serving) }()
	watching, done := context.WithCancel(context.WithoutCancel(ctx))
	var work sync.WaitGroup
	work.Go(func() { l.watch(watching) })
	reloading, enough := context.WithCancel(watching)
	work.Go(func() { l.reloads(reloading) })
	stops, reason := l.await(ctx)
	enough()
	if errors.Is(reason, ErrStopped) {
		l.drainDoor(stops)
	} else {
		l.cfg.Log.Error("ending", "reason", reason)
		stop(l.cfg.Log, l.door)
	}
	done()
	work.Wait()
	cancel()
	if err := errors.Join(<-served, <-served); err != nil {
		l.cfg.Log.Warn("local commands or shells ended", "error", err)
	}
	stop(l.cfg.Log, l.decider)
	return reason
}

// await says why the service ends, and how many signals to stop have been seen by then.
func (l *life) await(ctx context.Context) (stops int, reason error) {
	select {
	case <-l.cfg.Stop:
		return 1, ErrStopped
	case <-ctx.Done():
		return 0, ErrStopped
	case <-l.door.done:
		return 0, fmt.Errorf("the door ended (%s); ending the decider", l.door.state())
	case <-l.decider.done:
		return 0, fmt.Errorf("the decider ended (%s); ending the door", l.decider.state())
	}
}

// drainDoor lets the door end in order: its live sessions have their time, unless a second signal comes. stops is how many
// have come: the one that ended the context may still be on its way here.
func (l *life) drainDoor(stops int) {
	l.mu.Lock()
	drain := l.drain
	l.mu.Unlock()
	limit := drain + stopTimeout
	l.manager.stopping(limit + stopTimeout)
	l.cfg.Log.Info("stopping", "drain", drain)
	l.door.ask()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		select {
		case <-l.door.done:
			return
		case <-l.cfg.Stop:
			if stops++; stops == 2 {
				l.cfg.Log.Warn("told to stop a second time: live sessions end now")
				_ = l.doorLine.give(order{Op: "end"}) // one that does not take it is killed
				timer.Reset(stopTimeout)
			}
		case <-timer.C:
			l.door.kill(l.cfg.Log)
			return
		}
	}
}

// watch tells the service manager when the door serves, and from then on, as often as it wants to hear it, that all is well:
// as long as the door says so.
func (l *life) watch(ctx context.Context) {
	select {
	case <-l.doorLine.ready:
		l.manager.ready()
	case <-ctx.Done():
		return
	}
	every := l.manager.watchdog()
	if every <= 0 {
		return
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		_ = l.doorLine.give(order{Op: "check"}) // no answer is the answer
		select {
		case <-l.doorLine.well:
			l.manager.alive()
		case <-tick.C:
			continue // it has had its time
		case <-ctx.Done():
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// reloads answers each signal to reload, one after the other, from the moment that the door serves until the service ends: the
// service manager takes a reload's end for "it serves".
func (l *life) reloads(ctx context.Context) {
	select {
	case <-l.doorLine.ready:
	case <-ctx.Done():
		return
	}
	now := l.cfg.Settings
	for {
		select {
		case <-l.cfg.Reload:
			l.manager.reloading()
			now = l.reload(ctx, now)
			if ctx.Err() == nil {
				l.manager.ready()
			}
		case <-ctx.Done():
			return
		}
	}
}

// reload has everything read again: what of gatehouse.yaml can change while the service runs, then policy and targets. It
// returns the settings in force.
func (l *life) reload(ctx context.Context, now config.Config) config.Config {
	fresh, err := config.Load(l.cfg.ConfigPath)
	if err != nil {
		l.cfg.Log.Error("gatehouse.yaml IS NOT VALID and changes nothing", "error", err)
		fresh = now
	}
	if names := l.cfg.Settings.NeedRestart(fresh); len(names) > 0 {
		l.cfg.Log.Warn("changed in gatehouse.yaml, in force only after a restart", "settings", names)
	}
	l.mu.Lock()
	l.drain = fresh.SSH.Drain
	l.mu.Unlock()
	s := Settings{Level: fresh.Log.Level, Drain: fresh.SSH.Drain}
	if err := l.deciderLine.apply(ctx, s); err != nil {
		l.cfg.Log.Error("reload of the decider", "error", err)
	}
	if err := l.doorLine.apply(ctx, s); err != nil {
		l.cfg.Log.Error("reload of the door", "error", err)
	}
	quiet := !l.cfg.Log.IsInfo()
	if !quiet {
		l.cfg.Log.Info("reloaded")
	}
	l.cfg.Log.SetLevel(hclog.LevelFromString(fresh.Log.Level))
	if quiet { // so that it is said under the one level or the other
		l.cfg.Log.Info("reloaded")
	}
	return fresh
}
