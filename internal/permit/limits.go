package permit

import "time"

// Limits bound what a command may use, with all that it starts. In each field 0 means no limit, but for Core, where 0 means that
// no core file is written. Sizes are bytes.
type Limits struct {
	Processes uint64        `json:"processes,omitempty"`  // at once
	OpenFiles uint64        `json:"open_files,omitempty"` // of each process
	FileSize  uint64        `json:"file_size,omitempty"`  // of each file that is written
	Memory    uint64        `json:"memory,omitempty"`     // of all processes with a cgroup, else the address space of each
	CPUTime   time.Duration `json:"cpu_time,omitempty"`   // of each process
	CPUs      float64       `json:"cpus,omitempty"`       // processors' worth of time for all of it; with a cgroup alone
	Core      uint64        `json:"core,omitempty"`
}
