package bastion

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/bastion/shell/wire"
	"gatehouse/policy"
)

// most samples what the process holds until stop, and returns the most of it.
func most(stop <-chan struct{}) int64 {
	var top int64
	for {
		select {
		case <-stop:
			return top
		case <-time.After(20 * time.Millisecond):
			top = max(top, heapNow())
		}
	}
}

// flat is how much the door may hold for one shell's process at most, this test's own part with it.
const flat = 224 << 20

// TestTheDoorStaysFlat: whatever a process does that ends its shell by nothing, the door holds a bounded amount of memory, and lets go of it.
func TestTheDoorStaysFlat(t *testing.T) {
	much := 1
	if *shellAttacks {
		much = 20
	}
	client, processes := liarShells(t)
	w := newWholeWith(t, func(c *Config) { c.Shells = client })
	w.write("policy.yaml", strings.ReplaceAll(governedPolicy, "/tmp", "/srv"))
	_, err := w.decider.Reload(t.Context())
	w.must(err)
	folder, err := w.host.Path("/srv/many")
	w.must(err)
	w.must(os.MkdirAll(folder, 0o755))
	for i := range 450 * much {
		w.must(os.WriteFile(fmt.Sprintf("%s/%s-%d", folder, strings.Repeat("n", 100), i), nil, 0o644))
	}
	c := w.client("deploy@web-1", w.certify(policy.Agent, "bot", 15*time.Minute))
	start := heapNow()
	for _, test := range []struct {
		name string
		do   func(l *takenOver)
	}{
		{"input that nobody takes", func(l *takenOver) {
			atOnce(min(100, 40*much), func() {
				s := l.command(func(e *wire.Exec) { e.Stdin = wire.InPipe }, "cat")
				defer s.Close()
				_ = s.SetWriteDeadline(time.Now().Add(time.Duration(min(much, 5)) * time.Second))
				for wire.Write(s, wire.FrameIn, make([]byte, wire.MaxData)) == nil {
				}
			})
		}},
		{"lists", func(l *takenOver) {
			atOnce(4*much, func() { l.result(l.ask(wire.Ask{Op: wire.OpList, Path: &wire.Path{Path: "/srv/many"}})) })
		}},
		{"looks and help", func(l *takenOver) {
			atOnce(20, func() {
				for range much {
					l.result(l.ask(wire.Ask{Op: wire.OpStat, Path: &wire.Path{Path: "/etc/passwd"}}))
					l.result(l.ask(wire.Ask{Op: wire.OpHelp}))
					l.result(l.ask(wire.Ask{Op: wire.OpComplete, Word: "p"}))
				}
			})
		}},
		{"lines", func(l *takenOver) {
			for i := range 50 * much {
				w.must(wire.WriteJSON(l.control, wire.FrameReport, wire.Report{Line: int64(i), Text: strings.Repeat("x", 60<<10)}))
			}
		}},
	} {
		l := w.takeOver(c, processes, "x=1; sleep $x")
		begun, stop, top := time.Now(), make(chan struct{}), make(chan int64, 1)
		go func() { top <- most(stop) }()
		test.do(l)
		close(stop)
		held := <-top - start
		t.Logf("%s: %d KiB at most, in %s", test.name, held>>10, time.Since(begun).Round(time.Millisecond))
		if held > flat {
			t.Errorf("%s: the door holds %d MiB", test.name, held>>20)
		}
		_ = l.mux.Close()
		_ = l.session.Wait() // it was taken over; how it ends is another's test
	}
	if left := heapNow() - start; left > 32<<20 {
		t.Errorf("the door goes on holding %d MiB", left>>20)
	}
}

// atOnce does something so many times side by side.
func atOnce(n int, do func()) {
	var work sync.WaitGroup
	for range n {
		work.Go(do)
	}
	work.Wait()
}
