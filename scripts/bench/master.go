package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// batch is how many commands one way runs before the next takes its turn.
const batch = 20

// measureMaster runs quick commands over one ControlMaster connection each, and checks every exit status.
func measureMaster(ctx context.Context, w *world) ([]result, error) {
	ways := []string{direct, jump, routed}
	n := w.n(1000)
	for _, way := range ways {
		stop, err := w.startMaster(ctx, way)
		if err != nil {
			return nil, err
		}
		defer stop()
	}
	rates, right := map[string][]float64{}, map[string]int{}
	for done := 0; done < n; done += batch {
		for _, way := range ways {
			begun := time.Now()
			for i := range batch {
				want := (done + i) % 200
				cmd := w.command(ctx, way, "-S", w.control(way), "leave", strconv.Itoa(want))
				if err := cmd.Run(); cmd.ProcessState == nil {
					return nil, fmt.Errorf("%s: %w", way, err)
				}
				if cmd.ProcessState.ExitCode() == want {
					right[way]++
				}
			}
			rates[way] = append(rates[way], batch/time.Since(begun).Seconds())
		}
	}
	p := func(way string) *float64 { m := median(rates[way]); return &m }
	share := func(way string) *float64 { v := float64(right[way]) * 1000 / float64(n); return &v }
	return []result{
		compared("commands over one ControlMaster", "1/s", *p(routed), p(jump), p(direct), atLeast(0.9), p(direct), "direct"),
		absolute("right exit statuses of 1,000", "", *share(routed), share(jump), share(direct), atLeast(1000)),
	}, nil
}

func (w *world) control(way string) string { return filepath.Join(w.dir, "control-"+way) }

// startMaster opens a master connection and waits until it takes commands.
func (w *world) startMaster(ctx context.Context, way string) (stop func(), err error) {
	cmd := w.command(ctx, way, "-M", "-N", "-S", w.control(way))
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", way, err)
	}
	stop = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()                // it was killed
		_ = os.Remove(w.control(way)) // which leaves its socket behind
	}
	for range 500 {
		if _, err := os.Stat(w.control(way)); err == nil {
			return stop, nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	stop()
	return nil, fmt.Errorf("%s: no master connection after ten seconds", way)
}
