package confine

import (
	"encoding/binary"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// TestShapeFilter runs the filter's program over system calls, those of other machines included: not every kernel that this
// test runs on lets i386 calls in, and then only the program can be judged.
func TestShapeFilter(t *testing.T) {
	const kill, allow = unix.SECCOMP_RET_KILL_PROCESS, unix.SECCOMP_RET_ALLOW
	const eperm, enosys = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM), unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
	native, err := auditArch()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name         string
		arch, number uint32
		arg          uint64
		want         uint32
	}{
		{"i386 execve", unix.AUDIT_ARCH_I386, 11, 0, kill},
		{"i386 getpid", unix.AUDIT_ARCH_I386, 20, 0, kill},
		{"arm execve", unix.AUDIT_ARCH_ARM, 11, 0, kill},
		{"read", native, unix.SYS_READ, 0, allow},
		{"a thread", native, unix.SYS_CLONE, unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND | unix.CLONE_THREAD, allow},
		{"a process", native, unix.SYS_CLONE, uint64(unix.SIGCHLD), allow},
		{"a user namespace", native, unix.SYS_CLONE, unix.CLONE_NEWUSER | uint64(unix.SIGCHLD), eperm},
		{"a network namespace among threads' flags", native, unix.SYS_CLONE, unix.CLONE_NEWNET | unix.CLONE_VM, eperm},
		{"clone3", native, unix.SYS_CLONE3, 0, enosys},
		{"IPv4", native, unix.SYS_SOCKET, unix.AF_INET, allow},
		{"IPv6", native, unix.SYS_SOCKET, unix.AF_INET6, allow},
		{"unix", native, unix.SYS_SOCKET, unix.AF_UNIX, eperm},
		{"netlink", native, unix.SYS_SOCKET, unix.AF_NETLINK, eperm},
		{"alg", native, unix.SYS_SOCKET, unix.AF_ALG, eperm},
		{"vsock", native, unix.SYS_SOCKET, unix.AF_VSOCK, eperm},
	} {
		if got := judge(t, shapeFilter(native), c.arch, c.number, c.arg); got != c.want {
			t.Errorf("%s: %#x, want %#x", c.name, got, c.want)
		}
		switch { // the other way round for a decider with a key agent
		case c.number == unix.SYS_SOCKET && c.arg == unix.AF_UNIX:
			c.want = allow
		case c.number == unix.SYS_SOCKET:
			c.want = eperm
		}
		if got := judge(t, unixSockets(shapeFilter(native)), c.arch, c.number, c.arg); got != c.want {
			t.Errorf("unix sockets: %s: %#x, want %#x", c.name, got, c.want)
		}
	}
}

// judge runs a program over one call. The interpreter reads in network order, the kernel in the machine's.
func judge(t *testing.T, program []unix.SockFilter, arch, number uint32, arg uint64) uint32 {
	t.Helper()
	var raw []bpf.RawInstruction
	for _, f := range program {
		raw = append(raw, bpf.RawInstruction{Op: f.Code, Jt: f.Jt, Jf: f.Jf, K: f.K})
	}
	instructions, known := bpf.Disassemble(raw)
	if !known {
		t.Fatal("the program has unknown instructions")
	}
	vm, err := bpf.NewVM(instructions)
	if err != nil {
		t.Fatal(err)
	}
	call := make([]byte, 64)
	binary.BigEndian.PutUint32(call[atNumber:], number)
	binary.BigEndian.PutUint32(call[atArch:], arch)
	binary.BigEndian.PutUint32(call[atArg0:], uint32(arg)) // the low half
	verdict, err := vm.Run(call)
	if err != nil {
		t.Fatal(err)
	}
	return uint32(verdict)
}
