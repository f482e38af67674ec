package main

import (
	"context"
	"fmt"
	"time"
)

// The texts that a governed shell reads: none of them is a plan.
const (
	shellEmpty   = "x=1"
	shellCounted = "i=0; while [ $i -lt %d ]; do i=$((i+1)); done"
	shellPipe    = "f=" + prose + "; cat $f | wc -c"
)

// commandLoop runs uname n times in one text.
func commandLoop(n int) string {
	return fmt.Sprintf("i=0; while [ $i -lt %d ]; do uname; i=$((i+1)); done", n)
}

// measureShell times governed shells against plain ssh.
func measureShell(ctx context.Context, w *world) ([]result, error) {
	for _, way := range []string{direct, routed} {
		stop, err := w.startMaster(ctx, way)
		if err != nil {
			return nil, err
		}
		defer stop()
	}
	var out []result
	for _, part := range []func(context.Context) ([]result, error){w.shellStart, w.shellLoop, w.shellPipes, w.shellBuiltins, w.shellKeys, w.shellTaken, w.shellIdle} {
		found, err := part(ctx)
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	return out, nil
}

// over times a text over an open connection, in ms.
func (w *world) over(ctx context.Context, way, text string) (float64, error) {
	return w.timed(ctx, way, "-S", w.control(way), text)
}

// inTurn times several texts in turn, each on its way, and returns their medians.
func (w *world) inTurn(ctx context.Context, n int, texts ...[2]string) ([]float64, error) {
	times := make([][]float64, len(texts))
	for i := -1; i < n; i++ {
		for k, t := range texts {
			took, err := w.over(ctx, t[0], t[1])
			if err != nil {
				return nil, err
			}
			if i >= 0 {
				times[k] = append(times[k], took)
			}
		}
	}
	out := make([]float64, len(texts))
	for k := range texts {
		out[k] = median(times[k])
	}
	return out, nil
}

// shellStart is what a shell's process from the pool adds, for a text that asks nothing of the target.
func (w *world) shellStart(ctx context.Context) ([]result, error) {
	t, err := w.inTurn(ctx, w.n(60), [2]string{routed, shellEmpty}, [2]string{direct, "true"})
	if err != nil {
		return nil, err
	}
	return []result{absolute("a governed shell that does nothing, one ControlMaster, less the client's own time", "ms", t[0]-t[1], nil, &t[1], atMost(20))}, nil
}

// shellLoop is one text of many commands, beside as many commands by plain ssh, and beside the text in a shell of the target.
func (w *world) shellLoop(ctx context.Context) ([]result, error) {
	const each = 200
	var ours, plain, bash []float64
	for range w.n(10) {
		took, err := w.over(ctx, routed, commandLoop(each))
		if err != nil {
			return nil, err
		}
		ours = append(ours, took)
		begun := time.Now()
		for range each {
			if _, err := w.over(ctx, direct, "uname"); err != nil {
				return nil, err
			}
		}
		plain = append(plain, float64(time.Since(begun).Microseconds())/1000)
		if took, err = w.over(ctx, direct, commandLoop(each)); err != nil {
			return nil, err
		}
		bash = append(bash, took)
	}
	p, b := median(plain), median(bash)
	return []result{
		compared("a loop of 200 commands, against 200 by plain ssh over one ControlMaster", "ms", median(ours), nil, &p, atMost(1.5), &p, "direct"),
		priced("the same (beside: the loop in bash on the target)", "ms", median(ours), nil, &b),
	}, nil
}

// shellPipes moves a file through a pipe of two commands: through the door, and as a plan that the target does alone.
func (w *world) shellPipes(ctx context.Context) ([]result, error) {
	size := 64.0
	if w.quick {
		size /= 8
	}
	line := "cat " + prose + " | wc -c"
	t, err := w.inTurn(ctx, w.n(10), [2]string{routed, shellPipe}, [2]string{routed, line}, [2]string{direct, line})
	if err != nil {
		return nil, err
	}
	rate := func(ms float64) float64 { return size * 1000 / ms }
	d := rate(t[2])
	return []result{
		priced("a pipe through the door", "MB/s", rate(t[0]), nil, &d),
		compared("the same line as a plan", "MB/s", rate(t[1]), nil, &d, atLeast(0.8), &d, "direct"),
	}, nil
}

// shellBuiltins is what the interpreter itself costs.
func (w *world) shellBuiltins(ctx context.Context) ([]result, error) {
	text := fmt.Sprintf(shellCounted, w.n(3000))
	t, err := w.inTurn(ctx, 3, [2]string{routed, text}, [2]string{direct, text})
	if err != nil {
		return nil, err
	}
	return []result{priced(fmt.Sprintf("a loop of %d builtins (beside: bash on the target)", w.n(3000)), "ms", t[0], nil, &t[1])}, nil
}
