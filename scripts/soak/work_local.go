package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// localRound runs a command on Gatehouse's own machine, also on a terminal that it was not given.
func localRound(ctx context.Context, j *job) outcome {
	if j.random.IntN(3) == 0 {
		r := j.ssh(ctx, "bot", nil, here, "/bin/false")
		return outcome{want: 1, got: r.Status, detail: r.Stderr}
	}
	n := 1 + j.random.IntN(2000)
	r := j.ssh(ctx, "bot", nil, here, "/usr/bin/seq", strconv.Itoa(n))
	var want strings.Builder
	for i := range n {
		fmt.Fprintln(&want, i+1)
	}
	return whole(outcome{want: 0, got: r.Status, detail: r.Stderr}, r.Stdout, want.String())
}

// localRuns looks for a process of nobody's with an argument.
func localRuns(argument string) bool {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return false
	}
	for _, e := range entries {
		text, err := os.ReadFile("/proc/" + e.Name() + "/cmdline") // empty where it ended
		if err == nil && strings.HasPrefix(string(text), "/bin/sleep\x00") && strings.Contains(string(text), "\x00"+argument+"\x00") {
			return true
		}
	}
	return false
}
