package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// shimOrders is where the shim reads its order, and says why it cannot be carried out. It closes when the program runs.
const shimOrders = 3

// oomScore makes the kernel take a command's memory before Gatehouse's.
const oomScore = "500"

// runShim becomes the command. It begins as root, on the command's streams and in its session, and holds nothing but them and
// the socket of its order.
func runShim() error {
	runtime.LockOSThread() // what prctl sets is the thread's, and this one executes the program
	err := execute()
	_, _ = unix.Write(shimOrders, []byte(err.Error())) // the warden may be gone
	return nil
}

func execute() error {
	// 1. What is to run. Nothing but the three streams goes further than this process.
	buf := make([]byte, maxPacket)
	n, err := unix.Read(shimOrders, buf)
	if err != nil {
		return fmt.Errorf("read order: %w", err)
	}
	var o order
	if err := json.Unmarshal(buf[:n], &o); err != nil {
		return fmt.Errorf("read order: %w", err)
	}
	if err := unix.CloseRange(shimOrders, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return fmt.Errorf("keep files from the command: %w", err)
	}
	// 2. While it is root: limits, and no way back to any privilege.
	if err := limit(o.Rlimit, false); err != nil {
		return err
	}
	if err := os.WriteFile("/proc/self/oom_score_adj", []byte(oomScore), 0); err != nil {
		return fmt.Errorf("set OOM score: %w", err)
	}
	syscall.Umask(umask)
	if err := dropBounding(); err != nil {
		return err
	}
	// 3. The user, for good.
	if err := become(o); err != nil {
		return err
	}
	// 4. As the user: its folder, its terminal, the rest of the limits.
	if os.Chdir(o.Home) != nil { // not there, or closed to its user
		if err := os.Chdir("/"); err != nil {
			return err
		}
	}
	if o.PTY {
		if err := setModes(0, o.Modes); err != nil {
			return fmt.Errorf("set terminal modes: %w", err)
		}
	}
	if err := heedSignals(); err != nil {
		return err
	}
	if err := limit(o.Rlimit, true); err != nil {
		return err
	}
	return fmt.Errorf("execute: %w", syscall.Exec(o.Path, o.Argv, o.Env))
}

// heedSignals makes default again whatever this process was started to ignore, which a program would inherit; what is caught is
// default by itself when the program is executed.
func heedSignals() error {
	for sig := uintptr(1); sig <= 64; sig++ {
		var now, fresh [4]uint64 // struct sigaction as the kernel has it: handler, flags, restorer, mask
		if err := sigaction(sig, nil, &now); err != nil {
			return err
		}
		const ignored = 1 // SIG_IGN; SIG_DFL is 0
		if now[0] != ignored {
			continue
		}
		if err := sigaction(sig, &fresh, nil); err != nil {
			return err
		}
	}
	return nil
}

func sigaction(sig uintptr, fresh, old *[4]uint64) error {
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, sig, uintptr(unsafe.Pointer(fresh)), uintptr(unsafe.Pointer(old)), 8, 0, 0)
	if errno != 0 {
		return fmt.Errorf("look at signal %d: %w", sig, errno)
	}
	return nil
}

// dropBounding takes every capability out of the set that a program could ever have. A service that may not (its manager has left
// it without CAP_SETPCAP) keeps the set as small as it is, and no_new_privs keeps programs from all of it.
func dropBounding() error {
	for c := range uintptr(64) {
		err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0)
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EPERM) { // the kernel knows no more, or says no
			return nil
		}
		if err != nil {
			return fmt.Errorf("drop capability %d: %w", c, err)
		}
	}
	return nil
}

// become takes the user's ids, lets nothing raise them again, and ties the command's life to the warden's.
func become(o order) error {
	if o.UID == 0 || o.GID == 0 {
		return errors.New("local commands never run as root")
	}
	groups := make([]int, len(o.Groups))
	for i, g := range o.Groups {
		groups[i] = int(g)
	}
	if err := syscall.Setgroups(groups); err != nil {
		return fmt.Errorf("set groups: %w", err)
	}
	if err := syscall.Setresgid(int(o.GID), int(o.GID), int(o.GID)); err != nil {
		return fmt.Errorf("set group: %w", err)
	}
	if err := syscall.Setresuid(int(o.UID), int(o.UID), int(o.UID)); err != nil {
		return fmt.Errorf("set user: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("set no_new_privs: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return fmt.Errorf("tie to the warden: %w", err)
	}
	if os.Getppid() != o.Warden {
		return errors.New("the warden is gone")
	}
	return nil
}
