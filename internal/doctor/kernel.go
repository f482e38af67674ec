package doctor

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"os/user"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// lookupTime is how long a name may take.
const lookupTime = 3 * time.Second

// ThisMachine asks the machine that the doctor runs on.
func ThisMachine() Kernel {
	return Kernel{Landlock: landlock, Synced: synced, Account: account, User: func(name string) bool { _, err := user.Lookup(name); return err == nil },
		Lookup: lookup, Free: free, Zone: zone()}
}

func landlock() (int, error) {
	const version = 1 // LANDLOCK_CREATE_RULESET_VERSION
	n, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, version)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// synced asks adjtimex(2), which needs no right to be asked.
func synced() (bool, error) {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	if err != nil {
		return false, fmt.Errorf("ask the kernel for its clock: %w", err)
	}
	return state != unix.TIME_ERROR && t.Status&unix.STA_UNSYNC == 0, nil
}

func account(uid uint32) (name, home string, ok bool) {
	u, err := user.LookupId(strconv.FormatUint(uint64(uid), 10))
	if err != nil {
		return "", "", false
	}
	return u.Username, u.HomeDir, true
}

func lookup(ctx context.Context, host string) error {
	if net.ParseIP(host) != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	_, err := net.DefaultResolver.LookupHost(ctx, host)
	return err
}

func free(path string) (uint64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return 0, err
	}
	return st.Bavail * uint64(st.Bsize), nil
}

// zone is the machine's, by its name now if it has no other.
func zone() string {
	name := time.Local.String()
	if name == "Local" || name == "" {
		name, _ = time.Now().Zone()
	}
	return name
}

func ownerOf(info fs.FileInfo) uint32 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Uid
	}
	return 0
}
