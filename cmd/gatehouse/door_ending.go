package main

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"gatehouse/internal/decider"
	"gatehouse/internal/supervisor"
)

// ending is what the door knows of its own end.
type ending struct {
	drain    atomic.Int64  // how long live sessions get
	draining atomic.Bool   // nothing new may begin
	hurry    chan struct{} // closed: what still lives ends now
	once     *sync.Once
}

func newEnding(drain time.Duration) *ending {
	e := &ending{hurry: make(chan struct{}), once: new(sync.Once)}
	e.drain.Store(int64(drain))
	return e
}

// drain gives live sessions their time. It ends early when nobody is left, when the supervisor says so, and when one of the
// other processes is gone: what needs them cannot go on.
func (d *door) drain(ctx context.Context) {
	d.ending.draining.Store(true)
	limit := time.Duration(d.ending.drain.Load())
	if limit <= 0 {
		return
	}
	d.log.Info("draining", "within", limit)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	go func() {
		defer cancel()
		select {
		case <-d.ending.hurry:
		case <-d.decider.Done():
		case <-d.local.Done():
		case <-ctx.Done():
		}
	}()
	d.server.Drain(ctx, limit)
}

// serveControl tells the supervisor that the door serves and takes its orders.
func (d *door) serveControl() (*supervisor.Control, error) {
	control, err := supervisor.OpenControl(supervisor.DoorControlFD)
	if err != nil {
		return nil, err
	}
	go takeOrders(control, supervisor.Handlers{
		Apply: func(s supervisor.Settings) error {
			d.log.SetLevel(hclog.LevelFromString(s.Level))
			d.ending.drain.Store(int64(s.Drain))
			return nil
		},
		Check: d.alive,
		End:   func() { d.ending.once.Do(func() { close(d.ending.hurry) }) },
	}, d.log)
	return control, control.Ready()
}

// takeOrders ends with the line to the supervisor.
func takeOrders(control *supervisor.Control, h supervisor.Handlers, log hclog.Logger) {
	if err := control.Serve(h); err != nil {
		log.Error("orders of the supervisor", "error", err)
	}
}

// reloadDecider puts the level of the log, policy and targets into force.
func reloadDecider(ctx context.Context, d *decider.Decider, log hclog.Logger, s supervisor.Settings) error {
	log.SetLevel(hclog.LevelFromString(s.Level))
	r, err := d.Reload(ctx)
	if err == nil && r.Problem != "" {
		err = errNotInForce
	}
	if err != nil {
		log.Error("reload", "error", err)
	}
	return err
}
