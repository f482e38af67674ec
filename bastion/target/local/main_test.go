package local

import (
	"math"
	"os"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) {
	if code, is := Helper(os.Args); is {
		os.Exit(code)
	}
	if err := os.Setenv("GORACE", "atexit_sleep_ms=0 "+os.Getenv("GORACE")); err != nil { // helpers end at once under the race detector too
		os.Exit(1)
	}
	// As the supervisor does at its start: what this process was started with goes no further.
	if err := unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}
