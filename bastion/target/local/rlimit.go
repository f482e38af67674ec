package local

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"gatehouse/internal/permit"
)

// rlimit is one setrlimit(2), soft and hard alike.
type rlimit struct {
	Resource int    `json:"resource"`
	Value    uint64 `json:"value"`
}

// rlimits are a permit's limits as far as the kernel keeps them for a process. What a cgroup keeps for all of them is not
// among them, except the number of processes: as an rlimit it bounds all that the user has, in every session.
func rlimits(l permit.Limits, g *group) []rlimit {
	out := []rlimit{{unix.RLIMIT_CORE, l.Core}}
	add := func(resource int, value uint64) {
		if value > 0 {
			out = append(out, rlimit{resource, value})
		}
	}
	add(unix.RLIMIT_NPROC, l.Processes)
	add(unix.RLIMIT_NOFILE, l.OpenFiles)
	add(unix.RLIMIT_FSIZE, l.FileSize)
	add(unix.RLIMIT_CPU, uint64(l.CPUTime/time.Second))
	if !g.has("memory") {
		add(unix.RLIMIT_AS, l.Memory)
	}
	return out
}

// limit sets this process's limits; last is the one that the rest of a start might not survive.
func limit(all []rlimit, last bool) error {
	for _, r := range all {
		if (r.Resource == unix.RLIMIT_AS) != last {
			continue
		}
		want := syscall.Rlimit{Cur: r.Value, Max: r.Value}
		err := syscall.Setrlimit(r.Resource, &want)
		if errors.Is(err, syscall.EPERM) { // it is lower already
			err = syscall.Getrlimit(r.Resource, &want)
			want.Cur = want.Max
			if err == nil {
				err = syscall.Setrlimit(r.Resource, &want)
			}
		}
		if err != nil {
			return fmt.Errorf("set limit %d: %w", r.Resource, err)
		}
	}
	return nil
}

// describe says which limits are in force, and what keeps them.
func describe(l permit.Limits, g *group) string {
	var parts []string
	add := func(set bool, format string, args ...any) {
		if set {
			parts = append(parts, fmt.Sprintf(format, args...))
		}
	}
	by := func(controller, file, rlimit string) string {
		if g.has(controller) {
			return "cgroup " + file
		}
		return rlimit
	}
	add(l.Processes > 0, "processes %d (%s)", l.Processes, by("pids", "pids.max and RLIMIT_NPROC of the user", "RLIMIT_NPROC of the user"))
	add(l.OpenFiles > 0, "open_files %d (RLIMIT_NOFILE)", l.OpenFiles)
	add(l.FileSize > 0, "file_size %d bytes (RLIMIT_FSIZE)", l.FileSize)
	add(l.Memory > 0, "memory %d bytes (%s)", l.Memory, by("memory", "memory.max", "RLIMIT_AS of each process"))
	add(l.CPUTime > 0, "cpu_time %s (RLIMIT_CPU of each process)", l.CPUTime)
	add(l.CPUs > 0, "cpus %g (%s)", l.CPUs, by("cpu", "cpu.max", "not in force: no cgroup"))
	add(true, "core %d bytes (RLIMIT_CORE)", l.Core)
	return "limits in force: " + strings.Join(parts, ", ")
}

// quota is cpu.max for a number of processors: so many microseconds in each tenth of a second.
func quota(cpus float64) string {
	const period = 100_000
	return fmt.Sprintf("%d %d", int64(math.Round(cpus*period)), period)
}
