//go:build race

package confine

// raced says that the race detector is in this program, which takes memory and files of its own.
const raced = true
