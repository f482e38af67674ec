package bastion

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	shells "gatehouse/bastion/shell/pool"
	"gatehouse/bastion/target/local"
)

func TestMain(m *testing.M) {
	if code, is := shells.Helper(os.Args); is { // a governed shell's
		os.Exit(code)
	}
	if code, is := local.Helper(os.Args); is { // a local command's
		os.Exit(code)
	}
	if err := os.Setenv("GORACE", "atexit_sleep_ms=0 "+os.Getenv("GORACE")); err != nil { // helpers end at once under the race detector too
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}
