package main

import (
	"context"
	"fmt"
)

// passLength is how many entries one operation of recorder/audit/export's BenchmarkPass carries.
const passLength = 20_000

// measureExport is how fast entries that are in the log leave it, and what an append costs while they do.
func measureExport(ctx context.Context, w *world) ([]result, error) {
	found, err := w.benchmarks(ctx, "gatehouse/recorder/audit/export", "BenchmarkPass|BenchmarkAppend")
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"Pass/file", "Pass/file-ocsf", "Pass/otlp", "Append/writers=1/sinks=0", "Append/writers=1/sinks=1"} {
		if found[name] == 0 {
			return nil, fmt.Errorf("no benchmark %s of exports: %v", name, found)
		}
	}
	rate := func(name string) float64 { return passLength * 1e9 / found[name] }
	without := found["Append/writers=1/sinks=0"] / 1000
	return []result{
		absolute("entries exported to a file", "1/s", rate("Pass/file"), nil, nil, atLeast(20_000)),
		absolute("entries exported to a file as OCSF", "1/s", rate("Pass/file-ocsf"), nil, nil, atLeast(20_000)),
		absolute("entries exported by OTLP, receiver included", "1/s", rate("Pass/otlp"), nil, nil, atLeast(5000)),
		compared("one durable audit entry while it is exported", "µs", found["Append/writers=1/sinks=1"]/1000, nil, &without, atMost(1.15), &without, "without exports"),
	}, nil
}
