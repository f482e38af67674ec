package process

import (
	"context"
	"time"
)

// watch ends a line that only computes for too long, until it is told to stop.
func (sh *shell) watch(ctx context.Context, cancel context.CancelCauseFunc) (stop func()) {
	most := sh.begin.Limits.Seconds
	if most <= 0 {
		return func() {}
	}
	ctx, end := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for spent := int64(0); spent <= most; {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if sh.running.Load() == 0 {
				spent++
			}
		}
		cancel(refuse("time", "a line computes for at most %d s", most))
	}()
	return func() { end(); <-done }
}
