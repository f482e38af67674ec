package export

import (
	"context"
	"fmt"
	"testing"
	"time"

	"gatehouse/internal/config"
	"gatehouse/recorder/audit"
)

// TestTwoRefuse: two receivers that refuse something of every batch make entries about what was lost, and none about those for
// ever: each one's would be the other's next.
func TestTwoRefuse(t *testing.T) {
	b := newBench(t)
	var sinks []config.Sink
	for n := range 3 {
		sinks = append(sinks, config.Sink{Name: fmt.Sprint("s", n), Format: "entry", File: &config.FileSink{Path: b.path("unused.x"), MaxSize: 1 << 20, Keep: 1}})
	}
	e, err := New(Config{Dir: b.path("log"), State: b.path("state"), Sinks: sinks, Size: b.log.Size, Dial: dialTCP, FirstWait: time.Millisecond, MaxWait: 5 * time.Millisecond,
		Audit: func(ctx context.Context, e audit.Entry) error { _, err := b.log.Append(ctx, e); return err }})
	b.must(err)
	for _, w := range e.workers {
		w.sink, w.manner = &scripted{do: func([]audit.Record) (lost, error) { return lost{1, "no"}, nil }}, manner{}
	}
	b.add(10)
	b.run(e)
	for still, size := 0, int64(0); still < 8; time.Sleep(gather + 50*time.Millisecond) {
		now := b.log.Size()
		if now > 80 {
			t.Fatalf("the log has %d entries, and it goes on", now)
		}
		if still++; now != size || e.Stats()[0].Behind > 0 {
			still, size = 0, now
		}
	}
	var st int64
	for _, s := range e.Stats() {
		st += s.Lost
	}
	if st == 0 {
		t.Error("nothing was lost")
	}
}
