//go:build !race

package pool

// bounded is what a process does not survive.
var bounded = []string{"memory", "stack", "panic"}
