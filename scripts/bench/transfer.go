package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"time"
)

// measureTransfer moves a file each way.
func measureTransfer(ctx context.Context, w *world) ([]result, error) {
	ways := []string{direct, jump, routed}
	kinds := []struct {
		name string
		file string
		up   bool
		goal float64
	}{
		{"download, recorded, text", prose, false, 0.55},
		{"download, recorded, random", noise, false, 0.5},
		{"upload, recorded, random", noise, true, 0.8},
	}
	var out []result
	for _, k := range kinds {
		rates := map[string][]float64{}
		for range w.n(9) {
			for _, way := range ways {
				rate, err := w.move(ctx, way, k.file, k.up)
				if err != nil {
					return nil, fmt.Errorf("%s: %w", way, err)
				}
				rates[way] = append(rates[way], rate)
			}
		}
		p := func(way string) *float64 { m := median(rates[way]); return &m }
		out = append(out, compared(k.name, "MB/s", *p(routed), p(jump), p(direct), atLeast(k.goal), p(direct), "direct"))
		if !k.up {
			out = append(out, compared("the same against ssh -J", "MB/s", *p(routed), p(jump), p(direct), atLeast(2), p(jump), "jump"))
		}
	}
	return out, nil
}

// move is the rate of one transfer in MB/s.
func (w *world) move(ctx context.Context, way, file string, up bool) (float64, error) {
	here, err := w.target().Path(file)
	if err != nil {
		return 0, err
	}
	f, err := os.Open(here)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	var cmd *exec.Cmd
	if up {
		cmd = w.command(ctx, way, "sink")
		cmd.Stdin = f
	} else {
		cmd = w.command(ctx, way, "cat "+file)
	}
	begun := time.Now()
	if err := cmd.Run(); err != nil {
		return 0, err
	}
	return float64(info.Size()) / 1e6 / time.Since(begun).Seconds(), nil
}
