package main

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// measureReplay replays 100 MB recorded in eight hours in Chromium, over the pages as shipped. It needs the player (make setup).
func measureReplay(ctx context.Context, _ *world) ([]result, error) {
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^BenchmarkReplay$", "-benchtime", "1x", "gatehouse/web")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("replay in Chromium: %w: %s", err, out)
	}
	m := metrics(string(out), "BenchmarkReplay")
	for _, name := range []string{"ready-ms", "seek-p50-ms", "seek-max-ms", "heap-MB", "index-MB/s", "unmasked-MB/s"} {
		if _, ok := m[name]; !ok {
			return nil, fmt.Errorf("replay in Chromium: no %s: %s", name, out)
		}
	}
	return []result{
		absolute("replay of 100 MB and 8 h in Chromium: from the click to the screen", "ms", m["ready-ms"], nil, nil, atMost(1500)),
		priced("– a seek to anywhere, until that screen is shown, p50", "ms", m["seek-p50-ms"], nil, nil),
		absolute("– the slowest of 10 such seeks", "ms", m["seek-max-ms"], nil, nil, atMost(400)),
		absolute("– JavaScript heap then, after a collection", "MB", m["heap-MB"], nil, nil, atMost(5)),
		priced("index of that recording, secrets looked for, in the background", "MB/s", m["index-MB/s"], nil, nil),
		priced("– without looking for secrets, as for an unmasked replay", "MB/s", m["unmasked-MB/s"], nil, nil),
	}, nil
}

// metrics reads what one benchmark reports: pairs of a number and its unit after the name and the count.
func metrics(out, benchmark string) map[string]float64 {
	found := map[string]float64{}
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		if len(fields) < 2 || !strings.HasPrefix(fields[0], benchmark) {
			continue
		}
		for i := 2; i+1 < len(fields); i += 2 {
			if v, err := strconv.ParseFloat(fields[i], 64); err == nil {
				found[fields[i+1]] = v
			}
		}
	}
	return found
}
