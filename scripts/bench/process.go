package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// clockTick is what /proc counts CPU time in (USER_HZ, which is 100 on every Linux that Go runs on).
const clockTick = 10 * time.Millisecond

// processTree lists processes and all their descendants.
func processTree(roots ...int) []int {
	children := map[int][]int{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is well-formed
	for _, path := range stats {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if fields := statFields(pid); err == nil && len(fields) > 2 {
			parent, _ := strconv.Atoi(fields[1])
			children[parent] = append(children[parent], pid)
		}
	}
	tree, seen := []int{}, map[int]bool{}
	for queue := roots; len(queue) > 0; queue = queue[1:] {
		if pid := queue[0]; pid > 0 && !seen[pid] {
			seen[pid] = true
			tree = append(tree, pid)
			queue = append(queue, children[pid]...)
		}
	}
	return tree
}

// statFields are the fields of /proc/PID/stat after the name; nil for a process that is gone.
func statFields(pid int) []string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	return strings.Fields(rest)
}

// cpuTime is what processes, their descendants and those of them that have ended have used.
func cpuTime(roots ...int) time.Duration {
	ticks := 0
	for _, pid := range processTree(roots...) {
		fields := statFields(pid)
		for i := 11; i < 15 && i < len(fields); i++ { // utime stime cutime cstime
			n, _ := strconv.Atoi(fields[i])
			ticks += n
		}
	}
	return time.Duration(ticks) * clockTick
}

// memory is the proportional set size of processes and their descendants, in KiB.
func memory(roots ...int) float64 {
	total := 0.0
	for _, pid := range processTree(roots...) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			continue // ended meanwhile
		}
		for line := range strings.Lines(string(text)) {
			if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "Pss:" {
				n, _ := strconv.ParseFloat(fields[1], 64)
				total += n
			}
		}
	}
	return total
}
