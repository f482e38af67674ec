//go:build !race

package confine

// raced says that the race detector is in this program.
const raced = false
