package confine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// world is what an intruder is told: everything.
type world struct {
	DeciderDir, DoorDir, PolicyDir string
	Key, Log, Policy, Socket       string
	KeyAgent                       string // a socket of the decider's user
	Outside                        string // a folder that everybody may write
	Victim, VictimFD               int    // the decider's process and its open key
	Address                        string // a TCP listener on loopback
}

// try is one thing that an intruder does. do returns nil if it worked. held names the layers of which each alone prevents
// it: u the users, l Landlock, s seccomp; a capital one does on some kernels. An empty held is for what must work.
type try struct {
	name, held string
	do         func(w world) error
}

func reads(path func(world) string) func(world) error {
	return func(w world) error {
		f, err := os.Open(path(w))
		if err != nil {
			return err
		}
		defer f.Close()
		if _, err := f.Read(make([]byte, 1)); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, unix.EIO) {
			return err // EIO: open, and nothing is at that address
		}
		return nil
	}
}

func procPath(format string) func(world) string {
	return func(w world) string { return fmt.Sprintf(format, w.Victim) }
}

// doorTries are by a process in the door's place.
var doorTries = []try{
	{"write and read in its own folder", "", func(w world) error {
		return os.WriteFile(filepath.Join(w.DoorDir, "own"), []byte("x"), 0o600)
	}},
	{"rename in its own folder", "", func(w world) error {
		return os.Rename(filepath.Join(w.DoorDir, "own"), filepath.Join(w.DoorDir, "own.2"))
	}},
	{"dial a target", "", func(w world) error { return dial("tcp", w.Address) }},
	{"resolve the name of a forward", "", func(world) error {
		_, err := (&net.Resolver{PreferGo: true}).LookupNetIP(context.Background(), "ip4", "localhost")
		return err
	}},
	{"ask the kernel for its own addresses", "", func(world) error {
		c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			return err
		}
		return c.Close()
	}},

	{"read a CA key", "ul", reads(func(w world) string { return w.Key })},
	{"read the log", "ul", reads(func(w world) string { return w.Log })},
	{"write the log", "ul", func(w world) error {
		f, err := os.OpenFile(w.Log, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			return err
		}
		return f.Close()
	}},
	{"list the decider's folder", "ul", func(w world) error { _, err := os.ReadDir(w.DeciderDir); return err }},
	{"read the policy's file", "l", reads(func(w world) string { return w.Policy })},
	{"write the policy's file", "ul", func(w world) error { return os.WriteFile(w.Policy, []byte("version: 1"), 0o644) }},
	{"a hard link to a CA key", "ul", func(w world) error { return os.Link(w.Key, filepath.Join(w.DoorDir, "hard")) }},
	{"a hard link to the policy", "lU", func(w world) error {
		name := filepath.Join(w.DoorDir, "hard-policy")
		defer os.Remove(name)
		return os.Link(w.Policy, name)
	}},
	{"a symbolic link to a CA key", "ul", func(w world) error {
		name := filepath.Join(w.DoorDir, "soft")
		defer os.Remove(name)
		if err := os.Symlink(w.Key, name); err != nil {
			return err
		}
		return reads(func(world) string { return name })(w)
	}},
	{"a CA key by /proc/self/root", "ul", reads(func(w world) string { return "/proc/self/root" + w.Key })},
	{"a CA key by the decider's root", "ul", reads(func(w world) string { return fmt.Sprintf("/proc/%d/root%s", w.Victim, w.Key) })},
	{"a CA key by the decider's descriptor", "ul", reads(func(w world) string { return fmt.Sprintf("/proc/%d/fd/%d", w.Victim, w.VictimFD) })},
	{"a CA key by its handle", "us", func(w world) error {
		handle, _, err := unix.NameToHandleAt(unix.AT_FDCWD, w.Key, 0)
		if err != nil {
			return err
		}
		mount, err := unix.Open(w.DoorDir, unix.O_RDONLY|unix.O_DIRECTORY, 0)
		if err != nil {
			return err
		}
		defer unix.Close(mount)
		fd, err := unix.OpenByHandleAt(mount, handle, unix.O_RDONLY)
		if err == nil {
			unix.Close(fd)
		}
		if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EACCES) {
			return nil // past seccomp: the file system or Landlock said it
		}
		return err
	}},
	{"the decider's memory", "ul", reads(procPath("/proc/%d/mem"))},
	{"the decider's environment", "ul", reads(procPath("/proc/%d/environ"))},
	{"the decider's memory by ptrace", "uls", func(w world) error {
		if err := unix.PtraceAttach(w.Victim); err != nil {
			return err
		}
		var status unix.WaitStatus
		_, _ = unix.Wait4(w.Victim, &status, 0, nil)
		return unix.PtraceDetach(w.Victim)
	}},
	{"the decider's memory by process_vm_readv", "uls", func(w world) error {
		buf := make([]byte, 1)
		local := []unix.Iovec{{Base: &buf[0], Len: 1}}
		_, err := unix.ProcessVMReadv(w.Victim, local, []unix.RemoteIovec{{Base: 1, Len: 1}}, 0)
		if errors.Is(err, unix.EFAULT) {
			return nil // allowed; nothing is at that address
		}
		return err
	}},
	{"the decider's descriptor by pidfd", "uls", func(w world) error {
		pid, err := unix.PidfdOpen(w.Victim, 0)
		if err != nil {
			return err
		}
		defer unix.Close(pid)
		fd, err := unix.PidfdGetfd(pid, w.VictimFD, 0)
		if err == nil {
			unix.Close(fd)
		}
		return err
	}},
	{"end the decider", "u", func(w world) error { return unix.Kill(w.Victim, 0) }},
	{"the administrators' socket", "us", func(w world) error { return dial("unix", w.Socket) }},
	{"an abstract unix socket", "s", func(world) error { return socket(unix.AF_UNIX) }},
	{"a netlink socket", "s", func(world) error { return socket(unix.AF_NETLINK) }},
	{"a packet socket", "us", func(world) error { return socket(unix.AF_PACKET) }},
	{"read any file", "l", reads(func(world) string { return "/etc/passwd" })},
	{"read a secret of root's", "ul", reads(func(world) string { return "/etc/shadow" })},
	{"write elsewhere", "l", func(w world) error { return os.WriteFile(filepath.Join(w.Outside, "x"), nil, 0o600) }},
	{"start a program", "ls", func(world) error { return start("/bin/true") }},
	{"start a program of its own", "s", func(w world) error {
		path := filepath.Join(w.DoorDir, "program")
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"), 0o700); err != nil {
			return err
		}
		// Landlock lets a folder's own files be started, and nothing that they would need.
		if err := start(path); errors.Is(err, unix.EACCES) {
			return nil
		} else {
			return err
		}
	}},
	{"become root", "u", func(world) error { return unix.Setresuid(0, 0, 0) }},
	{"a user namespace by unshare", "s", func(world) error {
		if err := raw(unix.SYS_UNSHARE, unix.CLONE_NEWUSER); !errors.Is(err, unix.EINVAL) {
			return err
		}
		return nil // allowed, but a process with threads cannot
	}},
	{"a user namespace by clone", "s", func(world) error { return raw(unix.SYS_CLONE, unix.CLONE_NEWUSER|uintptr(unix.SIGCHLD)) }},
	{"clone3", "s", func(world) error {
		if err := raw(unix.SYS_CLONE3, 0); !errors.Is(err, unix.EINVAL) {
			return err
		}
		return nil // it is there: it looked at its argument
	}},
	{"mount", "uls", func(w world) error {
		if err := unix.Mount("none", w.DoorDir, "tmpfs", 0, ""); err != nil {
			return err
		}
		return unix.Unmount(w.DoorDir, 0)
	}},
	{"load a kernel program", "s", func(world) error {
		if err := raw(unix.SYS_BPF, 0xffff); !errors.Is(err, unix.EINVAL) {
			return err
		}
		return nil // allowed: it looked at its argument
	}},
	{"io_uring, which seccomp does not see into", "s", func(world) error {
		if err := raw(unix.SYS_IO_URING_SETUP, 0); !errors.Is(err, unix.EFAULT) && !errors.Is(err, unix.EINVAL) {
			return err
		}
		return nil
	}},
}

// deciderTries are by the decider itself, taken over.
var deciderTries = []try{
	{"write in its own folder", "", func(w world) error {
		return os.WriteFile(filepath.Join(w.DeciderDir, "own"), []byte("x"), 0o600)
	}},
	{"read a key", "", reads(func(w world) string { return w.Key })},
	{"read the policy", "", reads(func(w world) string { return w.Policy })},
	{"write the policy", "x", func(w world) error { return os.WriteFile(w.Policy, nil, 0o644) }},
	{"read the door's folder", "x", func(w world) error { _, err := os.ReadDir(w.DoorDir); return err }},
	{"read any file", "x", reads(func(world) string { return "/etc/passwd" })},
	{"write elsewhere", "x", func(w world) error { return os.WriteFile(filepath.Join(w.Outside, "y"), nil, 0o600) }},
	{"a TCP socket", "x", func(world) error { return socket(unix.AF_INET) }},
	{"a TCP socket for IPv6", "x", func(world) error { return socket(unix.AF_INET6) }},
	{"a netlink socket", "x", func(world) error { return socket(unix.AF_NETLINK) }},
	{"a UDP socket", "x", func(w world) error { return dial("udp", w.Address) }},
	{"a TCP connection", "x", func(w world) error { return dial("tcp", w.Address) }},
	{"a unix socket", "x", func(w world) error { return dial("unix", w.Socket) }},
	{"a socket pair", "x", func(world) error {
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		if err == nil {
			unix.Close(fds[0])
			unix.Close(fds[1])
		}
		return err
	}},
	{"start a program", "x", func(world) error { return start("/bin/true") }},
	{"ptrace", "x", func(w world) error { return unix.PtraceAttach(w.Victim) }},
	{"io_uring", "x", func(world) error {
		if err := raw(unix.SYS_IO_URING_SETUP, 0); !errors.Is(err, unix.EFAULT) {
			return err
		}
		return nil
	}},
}

// keyAgentTry is what a decider may do that has a CA key behind an ssh-agent's socket, and no other.
var keyAgentTry = try{"the key agent's socket", "x", func(w world) error { return dial("unix", w.KeyAgent) }}

func dial(network, address string) error {
	c, err := net.Dial(network, address)
	if err != nil {
		return err
	}
	return c.Close()
}

func socket(family int) error {
	fd, err := unix.Socket(family, unix.SOCK_DGRAM, 0)
	if family == unix.AF_INET || family == unix.AF_INET6 {
		fd, err = unix.Socket(family, unix.SOCK_STREAM, 0)
	}
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

// start forks and executes as os/exec does.
func start(path string) error {
	pid, err := syscall.ForkExec(path, []string{path}, &syscall.ProcAttr{Env: []string{}})
	if err != nil {
		return err
	}
	var status unix.WaitStatus
	_, err = unix.Wait4(pid, &status, 0, nil)
	return err
}

// raw makes a system call that must fail on its arguments where it is allowed; a child that it makes ends at once.
func raw(number, arg uintptr) error {
	pid, _, errno := unix.RawSyscall6(number, arg, 0, 0, 0, 0, 0)
	if errno != 0 {
		return errno
	}
	if number == unix.SYS_CLONE {
		if pid == 0 {
			unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
		}
		var status unix.WaitStatus
		_, _ = unix.Wait4(int(pid), &status, 0, nil)
	}
	return nil
}
