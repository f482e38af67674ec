package confine

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Where seccomp_data holds what a filter reads (seccomp(2)); the low half of an argument comes first on the machines below.
const (
	atNumber = 0
	atArch   = 4
	atArg0   = 16
)

// namespaces are the clone flags that would make a process root in a namespace of its own, with more of the kernel to attack.
const namespaces = unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP

// shapeFilter is what a list of names cannot say. It must be there: a name list is checked against one machine's numbers, and
// a process that enters the kernel as another machine (int 0x80 on amd64) would pass it by.
//
//  1. Another architecture's system call ends the process.
//  2. clone makes threads and processes, never namespaces; clone3, whose flags a filter cannot see, is not there (libc
//     falls back to clone).
//  3. socket makes IPv4 and IPv6 sockets only: no unix socket reaches a service of this machine, no packet or netlink socket
//     the kernel's.
func shapeFilter(arch uint32) []unix.SockFilter {
	return []unix.SockFilter{
		load(atArch),
		jump(unix.BPF_JEQ, arch, 1, 0),
		answer(unix.SECCOMP_RET_KILL_PROCESS),
		load(atNumber),
		jump(unix.BPF_JEQ, unix.SYS_CLONE3, 0, 1),
		answer(unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)),
		jump(unix.BPF_JEQ, unix.SYS_CLONE, 0, 3),
		load(atArg0),
		jump(unix.BPF_JSET, namespaces, 5, 0),
		answer(unix.SECCOMP_RET_ALLOW),
		jump(unix.BPF_JEQ, unix.SYS_SOCKET, 0, 4),
		load(atArg0),
		jump(unix.BPF_JEQ, unix.AF_INET, 2, 0),
		jump(unix.BPF_JEQ, unix.AF_INET6, 1, 0),
		answer(unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)),
		answer(unix.SECCOMP_RET_ALLOW),
	}
}

// unixSockets turns the third rule around: socket makes unix sockets only.
func unixSockets(program []unix.SockFilter) []unix.SockFilter {
	for i, in := range program {
		if in == jump(unix.BPF_JEQ, unix.AF_INET, in.Jt, 0) || in == jump(unix.BPF_JEQ, unix.AF_INET6, in.Jt, 0) {
			program[i].K = unix.AF_UNIX
		}
	}
	return program
}

// loadShapeFilter loads it for every thread.
func loadShapeFilter(allowUnix bool) error {
	arch, err := auditArch()
	if err != nil {
		return err
	}
	program := shapeFilter(arch)
	if allowUnix {
		program = unixSockets(program)
	}
	// Both calls are about this thread; TSYNC then carries filter and no_new_privs to all others.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("forbid new privileges: %w", err)
	}
	prog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	thread, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		return fmt.Errorf("load seccomp filter: %w", errno)
	}
	if thread != 0 {
		return fmt.Errorf("load seccomp filter: thread %d does not take it", thread)
	}
	return nil
}

// auditArch is this machine as seccomp names it.
func auditArch() (uint32, error) {
	switch runtime.GOARCH {
	case "amd64":
		return unix.AUDIT_ARCH_X86_64, nil
	case "arm64":
		return unix.AUDIT_ARCH_AARCH64, nil
	}
	return 0, fmt.Errorf("no seccomp filter for %s", runtime.GOARCH)
}

func load(at uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: at}
}

func jump(how uint16, value uint32, yes, no uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | how | unix.BPF_K, Jt: yes, Jf: no, K: value}
}

func answer(action uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: action}
}
