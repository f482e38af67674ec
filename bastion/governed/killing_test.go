package governed_test

import (
	"sync"
	"testing"

	"gatehouse/bastion/shell/wire"
)

// TestAKillOfWhatIsBeingCounted: a process that kills a group while its commands are being counted in has each of them called off or run, and
// the door goes on. Once a command could be seen by a kill before it could be called off, which took the door with it.
func TestAKillOfWhatIsBeingCounted(t *testing.T) {
	l := takeOver(t)
	l.begin()
	stop := make(chan struct{})
	var killing sync.WaitGroup
	killing.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				if wire.WriteJSON(l.control, wire.FrameReport, wire.Report{Kill: &wire.Kill{Group: 7, Signal: "KILL"}}) != nil {
					return
				}
			}
		}
	})
	for line := range int64(60) {
		var asked sync.WaitGroup
		for range 24 {
			asked.Go(func() {
				s := l.command(func(e *wire.Exec) { e.Group, e.Line, e.Wrote = 7, line+1, [2]int64{1 << 60, 0} }, "true")
				defer s.Close()
				if f, _, err := wire.Read(s, nil); err != nil || f != wire.FrameFail {
					t.Errorf("got %q, %v, want that it was called off", byte(f), err)
				}
			})
		}
		asked.Wait()
	}
	close(stop)
	killing.Wait()
	l.alive()
}
