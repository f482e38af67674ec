package local

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/internal/permit"
)

func put(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
}

func text(t *testing.T, path ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	must(t, err)
	return string(b)
}

// TestGroupFiles is about which files are written, in a folder that stands for the tree: the kernel's part is not in it.
func TestGroupFiles(t *testing.T) {
	root := t.TempDir()
	put(t, root, map[string]string{"cgroup.controllers": "cpuset cpu memory pids\n", "cgroup.procs": "17\n"})
	must(t, moveInto(root, ownGroup))
	if got := text(t, root, ownGroup, "cgroup.procs"); got != "17" {
		t.Errorf("moved %q", got)
	}
	g, err := divide(root)
	must(t, err)
	if got := text(t, root, commandGroups, "cgroup.subtree_control"); got != "+cpu" {
		t.Errorf("handed down, at last %q", got)
	}
	if got := g.String(); got != "rlimits, and a cgroup for each command with kill, pids, memory, cpu" {
		t.Errorf("it says %q", got)
	}
	l := permit.Limits{Processes: 9, Memory: 1 << 30, CPUs: 1.5}
	one, err := g.open("ses_1", l)
	must(t, err)
	two, err := g.open("ses_1", permit.Limits{})
	must(t, err)
	if one.dir == two.dir {
		t.Error("two commands of a session share a group")
	}
	for file, want := range map[string]string{"pids.max": "9", "memory.max": "1073741824", "cpu.max": "150000 100000"} {
		if got := text(t, one.dir, file); got != want {
			t.Errorf("%s: %q, want %q", file, got, want)
		}
	}
	if entries, err := os.ReadDir(two.dir); err != nil || len(entries) != 0 {
		t.Errorf("without limits: %v, %v", entries, err)
	}
	if got := describe(l, one); !strings.Contains(got, "memory 1073741824 bytes (cgroup memory.max)") || !strings.Contains(got, "cpus 1.5 (cgroup cpu.max)") || !strings.Contains(got, "pids.max and RLIMIT_NPROC") {
		t.Errorf("the note says %q", got)
	}
	if got := describe(l, nil); !strings.Contains(got, "cpus 1.5 (not in force: no cgroup)") || !strings.Contains(got, "RLIMIT_AS of each process") {
		t.Errorf("the note says %q", got)
	}
	if len(rlimits(l, one)) != 2 || len(rlimits(l, nil)) != 3 {
		t.Errorf("rlimits with a group %v, without %v", rlimits(l, one), rlimits(l, nil))
	}
	two.started()
	must(t, two.remove())
	one.started()
	must(t, os.RemoveAll(one.dir)) // the kernel's own files go with the folder, these do not
}

// TestOwnFolder: where the kernel says that a process's group is.
func TestOwnFolder(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct{ cgroup, mounts, want string }{
		"alone":      {"0::/system.slice/gatehouse.service\n", "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", "/sys/fs/cgroup/system.slice/gatehouse.service"},
		"hybrid":     {"4:memory:/x\n0::/a\n", "1 1 0:1 / /sys/fs/cgroup/memory rw - cgroup cgroup rw\n30 23 0:26 / /sys/fs/cgroup/unified rw shared:4 - cgroup2 none rw\n", "/sys/fs/cgroup/unified/a"},
		"a part":     {"0::/pod/a\n", "30 23 0:26 /pod /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", "/sys/fs/cgroup/a"},
		"elsewhere":  {"0::/other\n", "30 23 0:26 /pod /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", ""},
		"only v1":    {"4:memory:/x\n", "1 1 0:1 / /sys/fs/cgroup/memory rw - cgroup cgroup rw\n", ""},
		"no mount":   {"0::/a\n", "", ""},
		"no process": {"", "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", ""},
	} {
		put(t, dir, map[string]string{"cgroup": c.cgroup, "mountinfo": c.mounts})
		got, err := ownFolder(filepath.Join(dir, "cgroup"), filepath.Join(dir, "mountinfo"))
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// TestRealGroup: where this machine has a cgroup v2 that can be written to, a command is in a group of its own, ends with it,
// and the group goes. Where it has none, there are no groups and the reason is said.
func TestRealGroup(t *testing.T) {
	own, err := ownFolder("/proc/self/cgroup", "/proc/self/mountinfo")
	var dir string
	if err == nil {
		dir, err = os.MkdirTemp(own, "gatehouse-test-")
	}
	if err != nil {
		if g, why := FindGroups(); g != nil || why == nil {
			t.Errorf("groups %v although there are none (%v)", g, err)
		}
		return
	}
	t.Cleanup(func() { must(t, os.Remove(dir)) })
	b := newBench(t)
	b.server.Divide(&Groups{dir: dir})
	p := b.start(nil, "sh", "-c", daemon+`; cat /proc/self/cgroup >&2; echo said >&2; read line`)
	pids := numbers(t, p.Stdout(), 1)
	said := until(t, p.Stderr(), "said\n")
	running := b.server.process(p.id)
	if !strings.Contains(string(said), "0::") || !strings.Contains(string(said), filepath.Base(running.group.dir)+"\n") {
		t.Errorf("the command is in %q, want %q", said, running.group.dir)
	}
	if clean, err := p.End(t.Context()); err != nil || !clean {
		t.Errorf("clean %t, %v", clean, err)
	}
	gone(t, pids...)
	if entries, err := filepath.Glob(filepath.Join(dir, "ses_*")); err != nil || len(entries) != 0 {
		t.Errorf("groups are left: %v, %v", entries, err)
	}
}
