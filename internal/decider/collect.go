package decider

import (
	"os"
	"runtime/debug"
)

// collectPercent is how much the heap may grow before the collector runs. A decider's live heap is small and its answers are short:
// with Go's usual 100 the collector runs every few milliseconds under load, and one decision in a hundred waits for it.
const collectPercent = 400

// CollectLess sets that for this process, which is to be a decider, unless GOGC says otherwise.
func CollectLess() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectPercent)
	}
}
