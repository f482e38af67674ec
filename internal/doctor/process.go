package doctor

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Process is what the kernel says of a process.
type Process struct {
	PID        int    `json:"pid"`
	UID        uint32 `json:"uid"`
	NoNewPrivs bool   `json:"no_new_privs"`
	Seccomp    bool   `json:"seccomp"`      // a filter is loaded
	Caps       bool   `json:"capabilities"` // it has some
	Dumpable   bool   `json:"dumpable"`     // its user can look into it
}

// LookAt reads /proc of a process. Its confinement of files cannot be seen from outside: the kernel shows it nowhere.
func LookAt(pid int) (Process, error) {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	text, err := os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		return Process{}, err
	}
	p := Process{PID: pid}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		fields := strings.Fields(value)
		if len(fields) == 0 {
			continue
		}
		switch name {
		case "Uid":
			n, err := strconv.ParseUint(fields[1%len(fields)], 10, 32) // the effective one
			if err != nil {
				return Process{}, fmt.Errorf("user of process %d: %w", pid, err)
			}
			p.UID = uint32(n)
		case "NoNewPrivs":
			p.NoNewPrivs = fields[0] == "1"
		case "Seccomp":
			p.Seccomp = fields[0] == "2"
		case "CapEff":
			p.Caps = strings.Trim(fields[0], "0") != ""
		}
	}
	if info, err := os.Stat(filepath.Join(dir, "mem")); err == nil && p.UID != 0 {
		p.Dumpable = ownerOf(info) == p.UID
	}
	return p, nil
}

// Loose says what keeps a process from being confined as it should be; empty: nothing that can be seen.
func (p Process) Loose(uid uint32) string {
	switch {
	case p.UID != uid:
		return fmt.Sprintf("runs as user %d and not as %d", p.UID, uid)
	case p.Caps:
		return "has capabilities"
	case !p.NoNewPrivs:
		return "could gain privileges"
	case !p.Seccomp:
		return "has no filter of system calls"
	case p.Dumpable:
		return "can be looked into by its user"
	}
	return ""
}

// Children are the service's two processes, by their names.
func Children(supervisor int) map[string]int {
	out := map[string]int{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is well-formed
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // gone
		}
		// "PID (NAME) STATE PPID …"; the name may hold anything.
		_, rest, _ := strings.Cut(string(text[max(strings.LastIndexByte(string(text), ')'), 0):]), ") ")
		fields := strings.Fields(rest)
		if len(fields) < 2 || fields[1] != strconv.Itoa(supervisor) {
			continue
		}
		line, err := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
		if err != nil {
			continue
		}
		first, _, _ := strings.Cut(string(line), "\x00")
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if name, ok := strings.CutPrefix(first, "gatehouse-"); ok && err == nil && (name == "decider" || name == "door") { // not governed shells, which come and go
			out[name] = pid
		}
	}
	return out
}
