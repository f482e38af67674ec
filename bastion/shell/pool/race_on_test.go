//go:build race

package pool

// bounded is what a process does not survive. The race detector's own memory cannot be bounded.
var bounded = []string{"stack", "panic"}
