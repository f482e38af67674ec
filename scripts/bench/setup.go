package main

import (
	"context"
	"fmt"
	"time"
)

// settle is how long servers get to finish with a session before their CPU time is read.
const settle = 20 * time.Millisecond

// measureSetup times whole sessions, `ssh WAY true`, and what they cost the machine in the middle.
func measureSetup(ctx context.Context, w *world) ([]result, error) {
	ways := []string{direct, jump, routed, inside}
	charged := map[string][]int{jump: {w.jump.PID()}, routed: w.pids(), inside: w.pids()}
	wall, cpu := map[string][]float64{}, map[string]time.Duration{}
	n := w.n(60)
	for i := -2; i < n; i++ {
		for _, way := range ways {
			before, begun := cpuTime(charged[way]...), time.Now()
			if out, err := w.command(ctx, way, "true").CombinedOutput(); err != nil {
				return nil, fmt.Errorf("%s: %w: %s", way, err, out)
			}
			took := time.Since(begun)
			time.Sleep(settle)
			if i >= 0 {
				wall[way] = append(wall[way], float64(took.Microseconds())/1000)
				cpu[way] += cpuTime(charged[way]...) - before
			}
		}
	}
	p := func(way string) *float64 { m := median(wall[way]); return &m }
	each := func(way string) float64 { return float64(cpu[way].Microseconds()) / 1000 / float64(n) }
	jumpCPU := each(jump)
	return []result{
		compared("session setup, login@target@bastion", "ms", *p(routed), p(jump), p(direct), atMost(0.7), p(jump), "jump"),
		compared("the same against direct", "ms", *p(routed), p(jump), p(direct), atMost(0.95), p(direct), "direct"),
		compared("session setup, recorded ssh -J", "ms", *p(inside), p(jump), p(direct), atMost(1), p(jump), "jump"),
		compared("CPU of the bastion per session", "ms", each(routed), &jumpCPU, nil, atMost(0.2), &jumpCPU, "jump"),
		compared("CPU of the bastion per ssh -J session", "ms", each(inside), &jumpCPU, nil, atMost(0.2), &jumpCPU, "jump"),
	}, nil
}
