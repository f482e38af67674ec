package bastion

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"gatehouse/bastion/target/local"
)

func TestMain(m *testing.M) {
	if code, is := local.Helper(os.Args); is { // a local command's
		os.Exit(code)
	}
	goleak.VerifyTestMain(m)
}
