package local

import (
	"bytes"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// proc is a process of this machine. Number and start together are its own for as long as the machine runs.
type proc struct {
	pid, parent int
	start       uint64 // clock ticks since boot
	state       byte
}

// readProc reads /proc/PID/stat.
func readProc(pid int) (proc, bool) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return proc{}, false
	}
	return parseProc(pid, text)
}

// parseProc takes what is behind the name, which is the process's own choice and may hold anything.
func parseProc(pid int, text []byte) (proc, bool) {
	end := bytes.LastIndexByte(text, ')')
	fields := bytes.Fields(text[end+1:])
	if end < 0 || len(fields) < 20 {
		return proc{}, false
	}
	parent, err := strconv.Atoi(string(fields[1]))
	if err != nil {
		return proc{}, false
	}
	start, err := strconv.ParseUint(string(fields[19]), 10, 64)
	return proc{pid: pid, parent: parent, start: start, state: fields[0][0]}, err == nil
}

// ended says that nothing of it runs any more.
func (p proc) ended() bool { return p.state == 'Z' || p.state == 'X' }

// descendants lists what root has started, directly or not. What is forked meanwhile may be missing, and nothing else is on
// the list: a child is never older than its parent, so a number that has passed to another process makes no false one.
func descendants(root int) []proc {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	children := map[int][]proc{}
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			if p, ok := readProc(pid); ok {
				children[p.parent] = append(children[p.parent], p)
			}
		}
	}
	var out []proc
	seen := map[int]bool{root: true}
	for queue := []proc{{pid: root}}; len(queue) > 0; queue = queue[1:] {
		for _, p := range children[queue[0].pid] {
			if !seen[p.pid] && p.start >= queue[0].start {
				seen[p.pid] = true
				out, queue = append(out, p), append(queue, p)
			}
		}
	}
	return out
}

// send signals exactly this process: the descriptor is taken before the last look, so that a number which passes to another
// process in between means none. It reports whether there was one.
func (p proc) send(sig unix.Signal) bool {
	fd, err := unix.PidfdOpen(p.pid, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	now, ok := readProc(p.pid)
	return ok && now.start == p.start && unix.PidfdSendSignal(fd, sig, nil, 0) == nil
}
