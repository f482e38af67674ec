package confine

import (
	"fmt"

	seccomp "github.com/elastic/go-seccomp-bpf"
	"golang.org/x/sys/unix"
)

// The bounds of a shell's process. Data is what is private and written, which is where its heap is. A line that holds too much is ended long
// before; what goes past that, in one expansion, ends the process.
const (
	shellData  = 640 << 20 // bytes; Go takes arenas of 64 MiB, and each thread has a stack of 8
	shellCPU   = 300       // seconds
	shellFiles = 256
	shellTasks = 64 // of its user's: threads
)

// needed are the system calls of a Go program that reads and writes what it has open, makes pipes, and starts threads.
var needed = []string{
	"read", "write", "readv", "writev", "close", "pipe2", "fstat",
	"epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_wait", "eventfd2", "poll", "ppoll",
	"futex", "nanosleep", "clock_nanosleep", "clock_gettime", "gettimeofday", "time", "getrandom", "sched_yield", "sched_getaffinity",
	"munmap", "mremap", "madvise", "mincore", "brk",
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "gettid", "getpid", "getppid", "getuid", "geteuid", "getgid", "getegid",
	"set_robust_list", "rseq", "restart_syscall", "exit", "exit_group", "membarrier", "timer_create", "timer_settime", "timer_delete", "setitimer",
	"shutdown",
}

// settable is what fcntl may ask and set of a descriptor. Who gets a signal when there is something to read (F_SETOWN) is not: it would end
// any process of the same user.
var settable = []uint64{unix.F_GETFD, unix.F_SETFD, unix.F_GETFL, unix.F_SETFL, unix.F_DUPFD_CLOEXEC}

// Shell confines the process of a governed shell to what it has open: no file, no socket, no program, no other process, bounded memory,
// processor time, descriptors and threads. What it may not ask of the kernel fails. alone says that no other process is its user's: the
// kernel counts threads by user, so that otherwise those of others would count.
func Shell(alone bool) error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("make process non-dumpable: %w", err)
	}
	for what, most := range map[int]uint64{unix.RLIMIT_CORE: 0, unix.RLIMIT_FSIZE: 0, unix.RLIMIT_CPU: shellCPU, unix.RLIMIT_NOFILE: shellFiles,
		unix.RLIMIT_NPROC: shellTasks, unix.RLIMIT_MEMLOCK: 0, unix.RLIMIT_MSGQUEUE: 0, unix.RLIMIT_DATA: shellData} {
		if raced && (what == unix.RLIMIT_DATA || what == unix.RLIMIT_FSIZE) {
			continue // the race detector's shadow, and its reports
		}
		if !alone && what == unix.RLIMIT_NPROC {
			continue
		}
		if err := unix.Setrlimit(what, &unix.Rlimit{Cur: most, Max: most}); err != nil {
			return fmt.Errorf("limit a shell's process: %w", err)
		}
	}
	if err := restrictFiles(Paths{}, true); err != nil {
		return err
	}
	if err := loadShapeFilter(false); err != nil {
		return err
	}
	return loadShellFilter()
}

// loadShellFilter lets through what is needed, threads, signals to itself and memory that is not executable, and nothing else.
func loadShellFilter() error {
	names, err := known(needed)
	if err != nil {
		return err
	}
	conditional := []seccomp.NameWithConditions{
		{Name: "clone", Conditions: seccomp.ArgumentConditions{{Argument: 0, Operation: seccomp.BitsSet, Value: unix.CLONE_THREAD}}},
		{Name: "mmap", Conditions: seccomp.ArgumentConditions{{Argument: 2, Operation: seccomp.BitsNotSet, Value: unix.PROT_EXEC}}},
		{Name: "mprotect", Conditions: seccomp.ArgumentConditions{{Argument: 2, Operation: seccomp.BitsNotSet, Value: unix.PROT_EXEC}}},
		{Name: "tgkill", Conditions: seccomp.ArgumentConditions{{Argument: 0, Operation: seccomp.Equal, Value: uint64(unix.Getpid())}}},
	}
	for _, what := range settable { // one of them is enough
		conditional = append(conditional, seccomp.NameWithConditions{Name: "fcntl", Conditions: seccomp.ArgumentConditions{{Argument: 1, Operation: seccomp.Equal, Value: what}}})
	}
	filter := seccomp.Filter{NoNewPrivs: true, Flag: seccomp.FilterFlagTSync, Policy: seccomp.Policy{
		DefaultAction: seccomp.ActionErrno,
		Syscalls: []seccomp.SyscallGroup{
			{Action: seccomp.ActionAllow, Names: names, NamesWithCondtions: conditional},
			// libc makes threads by clone3, and by clone where that is not there; any other answer ends the process at its next thread.
			{Action: seccomp.ActionErrno | seccomp.Action(unix.ENOSYS), Names: []string{"clone3"}},
		},
	}}
	if err := seccomp.LoadFilter(filter); err != nil {
		return fmt.Errorf("load seccomp filter: %w", err)
	}
	return nil
}
