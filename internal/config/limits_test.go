package config

import (
	"strings"
	"testing"
	"time"

	"gatehouse/internal/permit"
)

// TestLimits: a login's own limits, then the target's, then the defaults; and what cannot be a limit.
func TestLimits(t *testing.T) {
	const text = `version: 1
targets:
  here:
    local: true
    run_as: {ops: nobody, slow: games, plain: daemon}
    limits: {processes: 200, open_files: 64, file_size: 1GiB, memory: 2GiB, cpu_time: 10m, cpus: 1.5, core: 0}
    login_limits: {slow: {processes: 5, memory: 64MiB, cpu_time: 2s, core: 4KiB}}
  bare: {local: true, run_as: {ops: nobody}}
`
	inv, err := ParseInventory("targets.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	target := permit.Limits{Processes: 200, OpenFiles: 64, FileSize: 1 << 30, Memory: 2 << 30, CPUTime: 10 * time.Minute, CPUs: 1.5}
	slow := permit.Limits{Processes: 5, OpenFiles: 64, FileSize: 1 << 30, Memory: 64 << 20, CPUTime: 2 * time.Second, CPUs: 1.5, Core: 4 << 10}
	here := inv.Targets["here"]
	if got := here.LimitsOf("ops"); got != target {
		t.Errorf("the target's: %+v", got)
	}
	if got := here.LimitsOf("slow"); got != slow {
		t.Errorf("the login's own: %+v", got)
	}
	if got := inv.Targets["bare"].LimitsOf("ops"); got != (permit.Limits{Processes: 512, OpenFiles: 1024}) {
		t.Errorf("the defaults: %+v", got)
	}
	for bad, want := range map[string]string{
		"limits: {processes: 0}": "processes is 0, want 1 to", "limits: {open_files: 3}": "open_files is 3, want 16 to", "limits: {memory: 1MiB}": "memory is", "limits: {file_size: 1}": "file_size is",
		"limits: {cpus: 0}": "cpus is 0", "limits: {cpus: .nan}": "cpus", "limits: {cpu_time: 1500ms}": "whole seconds", "limits: {cpu_time: 0s}": "at least 1s", "limits: {cpu_time: -5s}": "at least 1s",
		"limits: {stack: 1}": "stack", "login_limits: {nobody: {processes: 9}}": `"nobody" is not a login`, "login_limits: {ops: {processes: 0}}": "login_limits: ops: processes",
	} {
		_, err := ParseInventory("targets.yaml", []byte("version: 1\ntargets:\n  here: {local: true, run_as: {ops: nobody}, "+bad+"}\n"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", bad, err, want)
		}
	}
	remote := "version: 1\ntargets:\n  web: {address: \"web:22\", logins: [deploy], host_ca: true, limits: {processes: 9}}\n"
	if _, err := ParseInventory("targets.yaml", []byte(remote)); err == nil || !strings.Contains(err.Error(), "limits are for local targets") {
		t.Errorf("of a remote target: %v", err)
	}
}
