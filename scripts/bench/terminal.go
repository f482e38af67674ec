package main

import (
	"context"
	"fmt"
)

// terminal is how fast the terminal emulator reads output, for keyframes and search: by its own benchmarks.
func (w *world) terminal(ctx context.Context) ([]result, error) {
	taken, err := w.benchmarks(ctx, "gatehouse/internal/vt", "BenchmarkLog|BenchmarkEditor")
	if err != nil {
		return nil, err
	}
	if taken["Log"] == 0 || taken["Editor"] == 0 {
		return nil, fmt.Errorf("no benchmark of the terminal emulator: %v", taken)
	}
	return []result{
		absolute("terminal emulator, log text", "MB/s", 1000*mebibyte/taken["Log"], nil, nil, atLeast(40)),
		absolute("terminal emulator, an editor's output", "MB/s", 1000*mebibyte/taken["Editor"], nil, nil, atLeast(15)),
	}, nil
}

// mebibyte is how much output each of the benchmarks reads at a time.
const mebibyte = 1 << 20
