package testhost

import (
	"context"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// holderEnv makes the test binary start a host in the folder it names and wait to be killed.
const holderEnv = "TESTHOST_HOLDER_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(holderEnv); dir != "" {
		hold(dir)
	}
	goleak.VerifyTestMain(m)
}

// hold starts a host and a process on it, prints the host's PID, and waits forever.
func hold(dir string) {
	ca, err := os.ReadFile(dir + "/ca.pub")
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	h, err := Start(context.Background(), Config{
		Dir: dir, Name: "web-1", TargetCA: string(ca), Accounts: []Account{{Name: "deploy", UID: 2001}},
	})
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	fmt.Println(h.PID(), h.Addr())
	fmt.Print(h.KnownHosts())
	fmt.Println("end")
	select {}
}
