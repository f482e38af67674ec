package pool

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"sort"
	"strings"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// tries are what an attacker tries of the kernel; each must be denied. None does harm where it is not, be it as root on a machine that is in
// use, for that is what a test of these tests does: a signal is 0, an argument is one that the kernel refuses once it has let the call through.
var tries = map[string]func() error{
	"open /":               func() error { return open("/") },
	"open /etc/passwd":     func() error { return open("/etc/passwd") },
	"open /proc/self/maps": func() error { return open("/proc/self/maps") },
	"open /proc/1/environ": func() error { return open("/proc/1/environ") },
	"open /dev/null":       func() error { return open("/dev/null") },
	"make a folder":        func() error { return unix.Mkdir("/", 0o700) },
	"stat /etc/passwd":     func() error { _, err := os.Stat("/etc/passwd"); return err },
	"list /tmp":            func() error { _, err := os.ReadDir("/tmp"); return err },
	"chdir /tmp":           func() error { return os.Chdir("/tmp") },
	"getcwd":               func() error { return raw(unix.SYS_GETCWD, uintptr(unsafe.Pointer(&page[0])), 4096) },
	"readlink /proc/self":  func() error { _, err := os.Readlink("/proc/self/exe"); return err },
	"socket inet":          func() error { return socket(unix.AF_INET, unix.SOCK_STREAM) },
	"socket inet6":         func() error { return socket(unix.AF_INET6, unix.SOCK_DGRAM) },
	"socket unix":          func() error { return socket(unix.AF_UNIX, unix.SOCK_STREAM) },
	"socket netlink":       func() error { return socket(unix.AF_NETLINK, unix.SOCK_RAW) },
	"socket vsock":         func() error { return socket(unix.AF_VSOCK, unix.SOCK_STREAM) },
	"socketpair":           func() error { _, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0); return err },
	"exec /bin/true":       func() error { return unix.Exec("/bin/true", []string{"true"}, nil) },
	"execveat the program": func() error { return raw(unix.SYS_EXECVEAT, 3, 0, 0) },
	"fork":                 func() error { return forked(unix.SYS_CLONE, uintptr(unix.SIGCHLD)) },
	"vfork":                func() error { return forked(unix.SYS_CLONE, uintptr(unix.SIGCHLD)|unix.CLONE_VFORK) },
	"clone3":               func() error { return raw(unix.SYS_CLONE3, uintptr(unsafe.Pointer(&page[0])), 1) },
	"unshare":              func() error { return unix.Unshare(unix.CLONE_NEWUSER) },
	"ptrace":               func() error { return raw(unix.SYS_PTRACE, unix.PTRACE_CONT, uintptr(unix.Getppid())) },
	"kill everybody":       func() error { return unix.Kill(-1, 0) },
	"kill the parent":      func() error { return unix.Kill(unix.Getppid(), 0) },
	"tgkill another":       func() error { return raw(unix.SYS_TGKILL, 1, 1, 0) },
	"tgkill the parent":    func() error { p := uintptr(unix.Getppid()); return raw(unix.SYS_TGKILL, p, p, 0) },
	"tkill the parent":     func() error { return raw(unix.SYS_TKILL, uintptr(unix.Getppid()), 0) },
	"queue a signal":       func() error { return raw(unix.SYS_RT_SIGQUEUEINFO, uintptr(unix.Getppid()), 0, 0) },
	"signal by a pipe":     func() error { return setPipe(unix.F_SETOWN, unix.Getppid()) },
	"signal by a pipe, ex": func() error { return setPipe(unix.F_SETOWN_EX, int(uintptr(unsafe.Pointer(&page[0])))) },
	"choose that signal":   func() error { return setPipe(unix.F_SETSIG, int(unix.SIGKILL)) },
	"signal by the socket": func() error { return raw(unix.SYS_IOCTL, 0, unix.SIOCSPGRP, uintptr(unsafe.Pointer(&page[0]))) },
	"filter of the socket": func() error { return raw(unix.SYS_SETSOCKOPT, 0, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, 0, 0) },
	"pidfd_open":           func() error { return raw(unix.SYS_PIDFD_OPEN, 1, 0) },
	"process_vm_readv":     func() error { return raw(unix.SYS_PROCESS_VM_READV, 1, 0, 0, 0, 0, 0) },
	"executable memory": func() error {
		_, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_EXEC, unix.MAP_ANON|unix.MAP_PRIVATE)
		return err
	},
	"make memory executable": func() error { return unix.Mprotect(page[:4096], unix.PROT_READ|unix.PROT_EXEC) },
	"memfd":                  func() error { _, err := unix.MemfdCreate("x", 0); return err },
	"io_uring":               func() error { return raw(unix.SYS_IO_URING_SETUP, 1, uintptr(unsafe.Pointer(&page[0]))) },
	"bpf":                    func() error { return raw(unix.SYS_BPF, 0, uintptr(unsafe.Pointer(&page[0])), 48) },
	"keyctl":                 func() error { return raw(unix.SYS_KEYCTL, 0, 0) },
	"raise a limit":          func() error { return unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 4096, Max: 4096}) },
	"shmget":                 func() error { return raw(unix.SYS_SHMGET, 0, 0, 0o1600) },
	"setuid":                 func() error { return raw(unix.SYS_SETUID, 0) },
	"mount":                  func() error { return raw(unix.SYS_MOUNT, 1, 1, 1, 0, 0) },
	"be dumpable":            func() error { return unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0) },
	"send a descriptor":      func() error { return raw(unix.SYS_SENDMSG, socketFD, uintptr(unsafe.Pointer(&page[0])), 0) },
	"more descriptors":       moreDescriptors,
}

var page = make([]byte, 8192)

// denied reports whether a call was not let through; one that fails otherwise was.
func denied(err error) bool {
	return errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EMFILE)
}

func open(path string) error {
	f, err := os.Open(path)
	if err == nil {
		f.Close()
	}
	return err
}

func socket(family, kind int) error {
	_, err := unix.Socket(family, kind, 0)
	return err
}

func raw(number uintptr, args ...uintptr) error {
	var a [6]uintptr
	copy(a[:], args)
	if _, _, errno := syscall.RawSyscall6(number, a[0], a[1], a[2], a[3], a[4], a[5]); errno != 0 {
		return errno
	}
	return nil
}

// forked ends the child that there should not be.
func forked(number uintptr, flags uintptr) error {
	pid, _, errno := syscall.RawSyscall6(number, flags, 0, 0, 0, 0, 0)
	switch {
	case errno != 0:
		return errno
	case pid == 0:
		syscall.RawSyscall(unix.SYS_EXIT, 0, 0, 0)
	}
	return nil
}

// setPipe asks fcntl something of a pipe.
func setPipe(what, value int) error {
	var p [2]int
	if err := unix.Pipe2(p[:], 0); err != nil {
		return nil // pipes are what a shell has: without one nothing was tried
	}
	defer unix.Close(p[0])
	defer unix.Close(p[1])
	return raw(unix.SYS_FCNTL, uintptr(p[0]), uintptr(what), uintptr(value))
}

// moreDescriptors opens pipes until it may not.
func moreDescriptors() error {
	var opened []int
	defer func() {
		for _, fd := range opened {
			_ = unix.Close(fd)
		}
	}()
	for range 2000 {
		var p [2]int
		if err := unix.Pipe2(p[:], 0); err != nil {
			return err
		}
		opened = append(opened, p[0], p[1])
	}
	return nil
}

// attack does what a line says; most of it the process does not survive.
func attack(conn net.Conn, what string) {
	what, rest, _ := strings.Cut(what, " of ")
	switch what {
	case "tries":
		var through []string
		for name, try := range tries {
			if !denied(try()) {
				through = append(through, name)
			}
		}
		sort.Strings(through)
		fmt.Fprintf(conn, "%d tried, through: %s\n", len(tries), strings.Join(through, ", "))
	case "environ":
		fmt.Fprintf(conn, "%q %d\n", os.Environ(), descriptors())
	case "memory":
		debug.SetGCPercent(-1)
		debug.SetMemoryLimit(1 << 50)
		for range 128 { // 2 GiB, for a test of this test
			b := make([]byte, 16<<20)
			for i := 0; i < len(b); i += 4096 {
				b[i] = 1
			}
			kept = append(kept, b)
		}
		os.Exit(0)
	case "some threads": // as many as an ordinary text may need
		threads(16)
		fmt.Fprintln(conn, "alive")
	case "threads":
		debug.SetMaxThreads(1 << 20)
		threads(300)
		fmt.Fprintln(conn, "alive")
	case "talk":
		for {
			if _, err := os.Stderr.Write(page); err != nil {
				os.Exit(4)
			}
		}
	case "signal": // another process of the same user; the signal is 0
		var pid uintptr
		_, _ = fmt.Sscan(rest, &pid)
		fmt.Fprintln(conn, denied(raw(unix.SYS_TGKILL, pid, pid, 0)), denied(setPipe(unix.F_SETOWN, int(pid))), denied(raw(unix.SYS_TGKILL, uintptr(unix.Getpid()), uintptr(unix.Gettid()), 0)))
	case "stack":
		deep(1)
	case "panic":
		go func() { panic("of the attacker's") }()
		select {}
	}
}

// threads keeps so many of them in the kernel.
func threads(n int) {
	var begun sync.WaitGroup
	for range n {
		begun.Add(1)
		go func() {
			runtime.LockOSThread()
			begun.Done()
			_ = unix.Nanosleep(&unix.Timespec{Sec: 3600}, nil)
		}()
	}
	begun.Wait()
}

var kept [][]byte

func deep(n int) int {
	var room [1024]byte
	room[n%1024] = byte(n)
	if n < 0 { // never
		return 0
	}
	return deep(n+1) + int(room[n%7])
}

// descriptors counts what the process has open, as far as it can see.
func descriptors() (n int) {
	for fd := range 256 {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil {
			n++
		}
	}
	return n
}
