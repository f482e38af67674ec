package pool

import (
	"bufio"
	"flag"
	"math"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"go.uber.org/goleak"
)

var allBombs = flag.Bool("bombs", false, "drop every bomb on the governed shell")

func TestMain(m *testing.M) {
	if code, is := Helper(os.Args); is {
		os.Exit(code)
	}
	if alone, is := startedAs(os.Args, attackerName); is {
		playAttacker(alone)
	}
	if len(os.Args) == 1 && os.Args[0] == supervisorName {
		playSupervisor()
	}
	if err := unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC); err != nil { // as the supervisor does
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// attackerName is what a process is started as that an attacker has taken over.
const attackerName = "gatehouse-attacker"

// playAttacker is a shell's process under an attacker's control: confined as any, it does what it is told by a line on its socket.
func playAttacker(alone bool) {
	conn, err := Enter(alone)
	if err != nil {
		os.Stderr.WriteString(err.Error())
		os.Exit(3)
	}
	in := bufio.NewReader(conn)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			select {} // it does not end by itself
		}
		attack(conn, line[:len(line)-1])
	}
}
