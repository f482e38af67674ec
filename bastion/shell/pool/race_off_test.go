//go:build !race

package pool

// bounded is what a process does not survive.
var bounded = []string{"memory", "stack", "panic"}

// maxPeak is what a process of a shell may have at most, in KiB: the runtime's stacks and tables are not all of confine.Shell's bound.
const maxPeak = 480 << 10
