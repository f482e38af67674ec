package config

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"gatehouse/internal/permit"
)

// Limits bound what a local command may use, with all that it starts. What is left out is the target's, then the default.
type Limits struct {
	Processes *uint64  `yaml:"processes" json:"processes,omitempty"`   // at once; default 512
	OpenFiles *uint64  `yaml:"open_files" json:"open_files,omitempty"` // of each process; default 1024
	FileSize  *Size    `yaml:"file_size" json:"file_size,omitempty"`   // of each file that is written
	Memory    *Size    `yaml:"memory" json:"memory,omitempty"`         // of all processes with a cgroup, else the address space of each
	CPUTime   *CPUTime `yaml:"cpu_time" json:"cpu_time,omitempty"`     // of each process, "10m"
	CPUs      *float64 `yaml:"cpus" json:"cpus,omitempty"`             // processors' worth of time, 0.5; with a cgroup alone
	Core      *Size    `yaml:"core" json:"core,omitempty"`             // of a core file; default 0, which is none
}

// CPUTime is a duration in whole seconds, written "10m".
type CPUTime time.Duration

// UnmarshalYAML reads "90s" or "10m".
func (c *CPUTime) UnmarshalYAML(b []byte) error {
	text := strings.Trim(strings.TrimSpace(string(b)), `"'`)
	d, err := time.ParseDuration(text)
	if err != nil || d%time.Second != 0 {
		return fmt.Errorf("%q is not a time in whole seconds such as 10m", text)
	}
	*c = CPUTime(d)
	return nil
}

// What a local command may use where nothing is said: enough for builds, and too little for a fork bomb.
const (
	defaultProcesses = 512
	defaultOpenFiles = 1024
)

// The least that a program can be started with, and the most that the kernel's own counters hold.
const (
	leastProcesses = 1
	leastOpenFiles = 16
	leastFileSize  = Size(4 << 10)
	leastMemory    = Size(16 << 20)
	leastCPUs      = 0.01
	mostCPUs       = 4096
	mostCount      = 1 << 22
)

// LimitsOf is what a login of a local target may use: its own limits, then the target's, then the defaults.
func (t Target) LimitsOf(login string) permit.Limits {
	own := t.LoginLimits[login]
	processes, files := uint64(defaultProcesses), uint64(defaultOpenFiles)
	var none Size
	var time0 CPUTime
	var cpus float64
	return permit.Limits{
		Processes: *cmp.Or(own.Processes, t.Limits.Processes, &processes), OpenFiles: *cmp.Or(own.OpenFiles, t.Limits.OpenFiles, &files),
		FileSize: uint64(*cmp.Or(own.FileSize, t.Limits.FileSize, &none)), Memory: uint64(*cmp.Or(own.Memory, t.Limits.Memory, &none)),
		CPUTime: time.Duration(*cmp.Or(own.CPUTime, t.Limits.CPUTime, &time0)), CPUs: *cmp.Or(own.CPUs, t.Limits.CPUs, &cpus),
		Core: uint64(*cmp.Or(own.Core, t.Limits.Core, &none)),
	}
}

func (t Target) limited() bool { return t.Limits != (Limits{}) || t.LoginLimits != nil }

func (t Target) validateLimits() error {
	if err := t.Limits.validate(); err != nil {
		return fmt.Errorf("limits: %w", err)
	}
	for login, l := range t.LoginLimits {
		if !t.HasLogin(login) {
			return fmt.Errorf("login_limits: %q is not a login of run_as", login)
		}
		if err := l.validate(); err != nil {
			return fmt.Errorf("login_limits: %s: %w", login, err)
		}
	}
	return nil
}

func (l Limits) validate() error {
	if err := within("processes", l.Processes, leastProcesses, mostCount); err != nil {
		return err
	}
	if err := within("open_files", l.OpenFiles, leastOpenFiles, mostCount); err != nil {
		return err
	}
	if err := within("file_size", l.FileSize, leastFileSize, 1<<62); err != nil {
		return err
	}
	if err := within("memory", l.Memory, leastMemory, 1<<62); err != nil {
		return err
	}
	if err := within("cpus", l.CPUs, leastCPUs, mostCPUs); err != nil {
		return err
	}
	if l.CPUTime != nil && *l.CPUTime < CPUTime(time.Second) {
		return fmt.Errorf("cpu_time is %s, want at least 1s", time.Duration(*l.CPUTime))
	}
	return nil
}

// within is about a limit that is given.
func within[T cmp.Ordered](name string, given *T, least, most T) error {
	if given != nil && !(*given >= least && *given <= most) { // so that NaN is refused too
		return fmt.Errorf("%s is %v, want %v to %v", name, *given, least, most)
	}
	return nil
}
