package main

import (
	"context"
	"fmt"
	"time"
)

// The lines of five commands. The target's shell runs true by itself, where nobody is in the way; Gatehouse starts the program.
const (
	builtins = "true && true && true && true && true"
	joined   = "uname && uname && uname && uname && uname"
	piped    = "cat " + lines + " | grep -F request | sort | uniq | wc -l"
)

// The commands of which one needs a look at the target: what its rule says is where a path leads.
const (
	lookless = "head -n 1 " + lines
	looking  = "head -n 1 " + lookedAt
)

// measureLine times lines of several commands against the same by plain ssh, over fresh connections and over open ones, and
// what a look at the target costs.
func measureLine(ctx context.Context, w *world) ([]result, error) {
	var out []result
	for _, l := range []struct{ name, line string }{
		{"five programs joined by &&", joined}, {"true five times, joined by &&", builtins}, {"five programs in a pipe", piped},
	} {
		for _, open := range []bool{false, true} {
			r, err := w.timeLine(ctx, l.name, l.line, open)
			if err != nil {
				return nil, err
			}
			out = append(out, r)
		}
	}
	looks, err := measureLooks(ctx, w)
	return append(out, looks...), err
}

// timeLine times a line by Gatehouse and directly, in turn.
func (w *world) timeLine(ctx context.Context, name, line string, open bool) (result, error) {
	ways := []string{direct, routed}
	more, where := []string{}, ", fresh connections"
	if open {
		where = ", one ControlMaster"
		for _, way := range ways {
			stop, err := w.startMaster(ctx, way)
			if err != nil {
				return result{}, err
			}
			defer stop()
		}
	}
	times := map[string][]float64{}
	for i := -2; i < w.n(60); i++ {
		for _, way := range ways {
			if open {
				more = []string{"-S", w.control(way)}
			}
			took, err := w.timed(ctx, way, append(more, line)...)
			if err != nil {
				return result{}, err
			}
			if i >= 0 {
				times[way] = append(times[way], took)
			}
		}
	}
	plain := median(times[direct])
	return compared(name+where, "ms", median(times[routed]), nil, &plain, atMost(1.2), &plain, "direct"), nil
}

// timed is how long a command takes, in ms. It must succeed.
func (w *world) timed(ctx context.Context, way string, args ...string) (float64, error) {
	begun := time.Now()
	if out, err := w.command(ctx, way, args...).CombinedOutput(); err != nil {
		return 0, fmt.Errorf("%s %q: %w: %s", way, args, err, out)
	}
	return float64(time.Since(begun).Microseconds()) / 1000, nil
}

// measureLooks times commands whose rules name a path, which is looked up on the target over a connection of its own, kept as
// long as the client's, beside commands whose rules name none. Where the programs lie is known from the first command on.
func measureLooks(ctx context.Context, w *world) ([]result, error) {
	if _, err := w.timed(ctx, routed, lookless); err != nil {
		return nil, err
	}
	times := map[string][]float64{}
	for i := -1; i < w.n(40); i++ {
		for _, step := range []func(context.Context, *world, map[string][]float64) error{freshLooks, masterLooks} {
			if err := step(ctx, w, times); err != nil {
				return nil, err
			}
		}
		if i < 0 {
			clear(times)
		}
	}
	row := func(name, with, without string) result {
		base := median(times[without])
		r := priced(name+" (direct: without)", "ms", median(times[with]), nil, &base)
		ratio := rounded(median(times[with]) / base)
		r.Ratio = &ratio
		return r
	}
	return []result{
		row("a command with a path, fresh connection", "fresh with", "fresh without"),
		row("the first command with a path, one ControlMaster", "first with", "first without"),
		row("the next ones", "next with", "next without"),
	}, nil
}

// freshLooks runs both commands over connections of their own.
func freshLooks(ctx context.Context, w *world, times map[string][]float64) error {
	for name, line := range map[string]string{"fresh without": lookless, "fresh with": looking} {
		took, err := w.timed(ctx, routed, line)
		if err != nil {
			return err
		}
		times[name] = append(times[name], took)
	}
	return nil
}

// masterLooks runs both over a new open connection: each as the first command of one, and once more.
func masterLooks(ctx context.Context, w *world, times map[string][]float64) error {
	for kind, line := range map[string]string{"without": lookless, "with": looking} {
		stop, err := w.startMaster(ctx, routed)
		if err != nil {
			return err
		}
		defer stop()
		for _, when := range []string{"first ", "next "} {
			took, err := w.timed(ctx, routed, "-S", w.control(routed), line)
			if err != nil {
				return err
			}
			times[when+kind] = append(times[when+kind], took)
		}
		stop()
	}
	return nil
}
