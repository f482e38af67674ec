package process

import (
	"context"
	"fmt"
	"runtime"
	"runtime/metrics"
	"sync/atomic"
	"time"
)

// The bounds of what a process holds, far below confine.Shell's, which the kernel keeps and which ends it without a word.
const (
	maxLive = 64 << 20  // bytes that are in use: the line ends
	maxHeap = 224 << 20 // bytes, those too that the collector has not come to: the process ends, as no line stops that fast
)

const (
	lookEvery = 5 * time.Millisecond // what the process holds
	graceLine = 20 * time.Second     // from what ends a line until it ends its process: its commands may take some of that
)

// watch ends a line, and what it leaves running behind, that only computes for too long or that holds too much, until it is told to stop. A
// line that does not even stop then, in one endless expansion, ends its process.
func (sh *shell) watch(ctx context.Context, cancel context.CancelCauseFunc) (stop func()) {
	over, end := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	var behind atomic.Bool
	go func() {
		defer close(done)
		why := sh.exceeds(ctx, over)
		if why == nil {
			return
		}
		if ended := ctx.Err() != nil; behind.Load() && !ended {
			sh.complain(fmt.Errorf("gatehouse: %w", why))
		}
		cancel(why)
		sh.outlasts(over, why)
	}()
	return func() {
		jobs := sh.jobs.running()
		if len(jobs) == 0 {
			end()
			<-done
			return
		}
		behind.Store(true)
		go func() {
			defer end()
			for _, j := range jobs {
				<-j.done
			}
		}()
	}
}

// exceeds waits for what a line has too much of. It is nil where the line is over before.
func (sh *shell) exceeds(ctx, over context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	most := time.Duration(sh.begin.Limits.Seconds) * time.Second
	for spent, last := time.Duration(0), time.Now(); ; {
		select {
		case <-ctx.Done():
			return refuse("line", "it was to end and goes on")
		case <-over.Done():
			return nil
		case <-tick.C:
		}
		now := time.Now()
		if sh.running.Load() == 0 {
			spent += min(now.Sub(last), time.Second)
		}
		last = now
		if most > 0 && spent > most {
			return refuse("time", "a line computes for at most %d s", sh.begin.Limits.Seconds)
		}
		if live, _ := held(); live > maxLive && stillHeld() {
			return errMemory
		}
	}
}

var errMemory = refuse("memory", "what a line holds in variables, words and pipes is at most %d MiB", maxLive>>20)

// outlasts ends the process where a line goes on behind its end.
func (sh *shell) outlasts(over context.Context, why error) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for last := time.Now().Add(graceLine); time.Now().Before(last); {
		select {
		case <-over.Done():
			return
		case <-tick.C:
		}
		if _, heap := held(); heap > maxHeap {
			break
		}
	}
	select {
	case sh.given <- why:
	default:
	}
}

// held is what this process has in use, as of the collector's last round, and what it has taken for it.
func held() (live, heap uint64) {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64(), sample[1].Value.Uint64()
}

// stillHeld looks again, for what the last round found may be gone. What grows fast is not looked at twice.
func stillHeld() bool {
	if _, heap := held(); heap > maxHeap/2 {
		return true
	}
	runtime.GC()
	live, _ := held()
	return live > maxLive
}
