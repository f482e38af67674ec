//go:build race

package pool

// bounded is what a process does not survive. The race detector's own memory cannot be bounded.
var bounded = []string{"stack", "panic"}

// maxPeak is what a process of a shell may have at most, in KiB, the race detector's part included.
const maxPeak = 4 * 480 << 10
