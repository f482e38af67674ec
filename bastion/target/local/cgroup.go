package local

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"gatehouse/internal/permit"
)

// The folders that are made in what was delegated: where Gatehouse itself goes, as a cgroup that divides its resources holds
// no processes of its own, and where its local commands have theirs.
const (
	ownGroup      = "gatehouse"
	commandGroups = "local"
)

// removeTimeout is how long a killed cgroup may take to be empty.
const removeTimeout = time.Second

// Groups is the part of the cgroup v2 tree that was delegated to this service (systemd: Delegate=yes). A nil one has no
// groups. Safe for concurrent use.
type Groups struct {
	dir         string   // commands have their groups in it
	controllers []string // of pids, memory, cpu: those that it may use
	next        atomic.Uint64
}

// FindGroups looks for a delegated cgroup and divides it: this process, which must not have started others yet, moves into a
// part of it. The error says why there are no groups.
func FindGroups() (*Groups, error) {
	dir, err := ownFolder("/proc/self/cgroup", "/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	switch {
	case delegated(dir):
		err = moveInto(dir, ownGroup)
	case delegated(filepath.Dir(dir)): // systemd has put us into a part of it (DelegateSubgroup=)
		dir = filepath.Dir(dir)
	default:
		return nil, errors.New("no cgroup is delegated to this service (systemd: Delegate=yes)")
	}
	if err != nil {
		return nil, err
	}
	return divide(dir)
}

// delegated looks for systemd's mark.
func delegated(dir string) bool {
	mark := make([]byte, 8)
	for _, name := range []string{"trusted.delegate", "user.delegate"} {
		if n, err := unix.Getxattr(dir, name, mark); err == nil && string(mark[:n]) == "1" {
			return true
		}
	}
	return false
}

// ownFolder is where this process's cgroup v2 is mounted.
func ownFolder(cgroup, mountinfo string) (string, error) {
	groups, err := os.ReadFile(cgroup)
	if err != nil {
		return "", fmt.Errorf("find cgroup: %w", err)
	}
	mounts, err := os.ReadFile(mountinfo)
	if err != nil {
		return "", fmt.Errorf("find cgroup: %w", err)
	}
	own := ""
	for line := range strings.Lines(string(groups)) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			own = path
		}
	}
	for line := range strings.Lines(string(mounts)) {
		before, after, _ := strings.Cut(line, " - ")
		fields := strings.Fields(before)
		if own == "" || len(fields) < 5 || !strings.HasPrefix(after, "cgroup2 ") {
			continue
		}
		if rest, err := filepath.Rel(fields[3], own); err == nil && !strings.HasPrefix(rest, "..") {
			return filepath.Join(fields[4], rest), nil
		}
	}
	return "", errors.New("there is no cgroup v2 here")
}

// moveInto moves the processes of a cgroup into a part of it.
func moveInto(dir, part string) error {
	to := filepath.Join(dir, part)
	if err := os.Mkdir(to, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("divide cgroup: %w", err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	if err != nil {
		return fmt.Errorf("divide cgroup: %w", err)
	}
	for _, pid := range strings.Fields(string(text)) {
		if err := write(to, "cgroup.procs", pid); err != nil {
			return err
		}
	}
	return nil
}

// divide hands the controllers that are there down to the groups of commands.
func divide(dir string) (*Groups, error) {
	text, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	if err != nil {
		return nil, fmt.Errorf("divide cgroup: %w", err)
	}
	g := &Groups{dir: filepath.Join(dir, commandGroups)}
	if err := os.Mkdir(g.dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("divide cgroup: %w", err)
	}
	for _, c := range []string{"pids", "memory", "cpu"} {
		if !slices.Contains(strings.Fields(string(text)), c) {
			continue
		}
		for _, d := range []string{dir, g.dir} {
			if err := write(d, "cgroup.subtree_control", "+"+c); err != nil {
				return nil, err
			}
		}
		g.controllers = append(g.controllers, c)
	}
	return g, nil
}

// String says what there is, for the log.
func (g *Groups) String() string {
	if g == nil {
		return "rlimits alone"
	}
	return "rlimits, and a cgroup for each command with " + strings.Join(append([]string{"kill"}, g.controllers...), ", ")
}

// write writes one setting of a cgroup.
func write(dir, name, text string) error {
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		return fmt.Errorf("set cgroup: %w", err)
	}
	return nil
}

// group is one command's cgroup. A nil one has no controllers, and killing it does nothing.
type group struct {
	dir         string
	controllers []string
	folder      *os.File // for the start in it
}

// open makes the group of a command.
func (g *Groups) open(session string, l permit.Limits) (*group, error) {
	if g == nil {
		return nil, nil
	}
	out := &group{dir: filepath.Join(g.dir, session+"."+strconv.FormatUint(g.next.Add(1), 10)), controllers: g.controllers}
	if err := os.Mkdir(out.dir, 0o755); err != nil {
		return nil, fmt.Errorf("make cgroup: %w", err)
	}
	err := out.limit(l)
	if err == nil {
		out.folder, err = os.Open(out.dir)
	}
	if err != nil {
		return nil, errors.Join(err, os.Remove(out.dir))
	}
	return out, nil
}

func (g *group) has(controller string) bool {
	return g != nil && slices.Contains(g.controllers, controller)
}

func (g *group) limit(l permit.Limits) error {
	for _, s := range []struct {
		controller, file, value string
		set                     bool
	}{
		{"pids", "pids.max", strconv.FormatUint(l.Processes, 10), l.Processes > 0},
		{"memory", "memory.max", strconv.FormatUint(l.Memory, 10), l.Memory > 0},
		{"cpu", "cpu.max", quota(l.CPUs), l.CPUs > 0},
	} {
		if s.set && g.has(s.controller) {
			if err := write(g.dir, s.file, s.value); err != nil {
				return err
			}
		}
	}
	return nil
}

// started lets go of the folder.
func (g *group) started() {
	if g != nil && g.folder != nil {
		_ = g.folder.Close()
		g.folder = nil
	}
}

// kill kills everything in the group at once: the kernel does, so nothing can be forked past it.
func (g *group) kill() {
	if g != nil {
		_ = write(g.dir, "cgroup.kill", "1") // the warden sees what is left
	}
}

// remove removes a group when the last process has left it.
func (g *group) remove() error {
	if g == nil {
		return nil
	}
	g.started()
	var err error
	for deadline := time.Now().Add(removeTimeout); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if err = os.Remove(g.dir); err == nil || errors.Is(err, os.ErrNotExist) {
			return nil
		}
	}
	return fmt.Errorf("remove cgroup: %w", err)
}
