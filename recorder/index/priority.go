package index

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// giveWay makes the calling goroutine's thread the last in line for the processor. Where the kernel refuses, it is one goroutine
// among many, which is bearable too. The thread ends with the goroutine: it stays locked.
func giveWay() {
	runtime.LockOSThread()
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, 19)
}
