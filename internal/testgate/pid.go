package testgate

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// childNamed finds a process by its parent and its argv[0]; 0 if there is none.
func childNamed(parent int, name string) int {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is well-formed
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // ended meanwhile
		}
		_, rest, _ := strings.Cut(string(text), ") ")
		fields := strings.Fields(rest)
		if len(fields) < 2 || fields[1] != strconv.Itoa(parent) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			continue
		}
		cmdline, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)) // empty where it ended
		if argv0, _, _ := strings.Cut(string(cmdline), "\x00"); argv0 == name {
			return pid
		}
	}
	return 0
}
