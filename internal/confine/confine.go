// Package confine takes from a process what it will not need: file access beyond its own folders, the network, starting
// programs, looking into other processes. It is called once, by the process itself, before it handles anything foreign.
//
// Landlock and seccomp go as far as the kernel does: Debian 12's 6.1 has Landlock without network rules, so the decider's
// network is cut by seccomp as well. What only the user ids hold, and what each layer holds alone, is in the tests. Each layer is best effort on its own kernel feature and an error where it fails on a
// kernel that has it.
package confine

import (
	"fmt"
	"os"
	"slices"

	seccomp "github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"github.com/landlock-lsm/go-landlock/landlock"
	"golang.org/x/sys/unix"
)

// Paths are what the process may still touch; everything else in the file system is closed to it.
type Paths struct {
	ReadWrite []string // folders
	ReadOnly  []string // files or folders that exist

	// UnixSockets lets the decider connect to unix sockets: a CA key is behind an ssh-agent's. Any such socket that its user may
	// open is then within its reach; the network is not.
	UnixSockets bool
}

// never is what neither process needs: other processes, new programs, mounts, kernel surfaces.
var never = []string{
	"execve", "execveat", "ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "kcmp",
	"mount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "fsopen", "unshare", "setns",
	"bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "keyctl", "add_key", "request_key",
	"init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot", "swapon", "swapoff",
	"open_by_handle_at", "mknod", "mknodat", "acct", "settimeofday", "clock_settime", "adjtimex",
	"fork", "vfork", "mount_setattr", "fsconfig", "fsmount", "fspick", "quotactl", "syslog", "memfd_create", "memfd_secret",
}

// network is what the decider needs nothing of: its sockets are inherited.
var network = []string{"socket", "connect", "bind", "listen", "socketpair"}

// Decider confines the deciding process: its paths, no network, no programs.
func Decider(p Paths) error {
	deny := append(append([]string{}, never...), network...)
	if p.UnixSockets {
		deny = slices.DeleteFunc(deny, func(name string) bool { return name == "socket" || name == "connect" })
	}
	return confine(p, true, deny)
}

// Door confines the door: its paths, no programs; it may listen on what it inherited and dial targets.
func Door(p Paths) error { return confine(p, false, never) }

func confine(p Paths, cutNetwork bool, deny []string) error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("make process non-dumpable: %w", err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("forbid core files: %w", err)
	}
	if err := restrictFiles(p, cutNetwork); err != nil {
		return err
	}
	if err := loadShapeFilter(p.UnixSockets); err != nil {
		return err
	}
	return loadNameFilter(deny)
}

// loadNameFilter makes system calls fail by their names. Names that this machine does not know need no filter.
func loadNameFilter(deny []string) error {
	names, err := known(deny)
	if err != nil {
		return err
	}
	filter := seccomp.Filter{NoNewPrivs: true, Flag: seccomp.FilterFlagTSync, Policy: seccomp.Policy{
		DefaultAction: seccomp.ActionAllow,
		Syscalls:      []seccomp.SyscallGroup{{Action: seccomp.ActionErrno, Names: names}},
	}}
	if err := seccomp.LoadFilter(filter); err != nil {
		return fmt.Errorf("load seccomp filter: %w", err)
	}
	return nil
}

// known are the names that this machine has.
func known(names []string) ([]string, error) {
	machine, err := arch.GetInfo("")
	if err != nil {
		return nil, fmt.Errorf("load seccomp filter: %w", err)
	}
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		_, ok := machine.SyscallNames[name]
		return !ok
	}), nil
}

func restrictFiles(p Paths, cutNetwork bool) error {
	var rules []landlock.Rule
	for _, path := range p.ReadWrite {
		rules = append(rules, landlock.RWDirs(path).WithRefer())
	}
	for _, path := range p.ReadOnly {
		info, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("confine to %s: %w", path, err)
		}
		if info.IsDir() {
			rules = append(rules, landlock.RODirs(path))
		} else {
			rules = append(rules, landlock.ROFiles(path))
		}
	}
	if err := landlock.V5.BestEffort().RestrictPaths(rules...); err != nil {
		return fmt.Errorf("restrict files: %w", err)
	}
	if !cutNetwork {
		return nil
	}
	if err := landlock.V5.BestEffort().RestrictNet(); err != nil {
		return fmt.Errorf("restrict network: %w", err)
	}
	return nil
}
