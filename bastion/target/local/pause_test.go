package local

import (
	"testing"
	"time"
)

// TestPauseStopsTheTree: a pause stops what has left its group and its session too, and lets it go on again.
func TestPauseStopsTheTree(t *testing.T) {
	b := newBench(t)
	p, pids := startTree(t, b)
	daemons := b.start(nil, "sh", "-c", daemon+"; read line")
	pids = append(pids, numbers(t, daemons.Stdout(), 1)...)
	for _, c := range []struct {
		signal  string
		stopped bool
	}{{"STOP", true}, {"CONT", false}} {
		must(t, p.Signal(c.signal))
		must(t, daemons.Signal(c.signal))
		for _, pid := range pids {
			for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
				if now, ok := readProc(pid); ok && (now.state == 'T') == c.stopped {
					break
				}
				if time.Now().After(deadline) {
					t.Errorf("%s: %d does not heed it", c.signal, pid)
					break
				}
			}
		}
	}
	must(t, p.Close())
	must(t, daemons.Close())
}
