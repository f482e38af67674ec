package export

import (
	"context"
	"fmt"
	"testing"

	"gatehouse/internal/config"
	"gatehouse/internal/testsink"
	"gatehouse/recorder/audit"
)

// passLength is how many entries one operation of BenchmarkPass carries.
const passLength = 20_000

// BenchmarkPass carries passLength entries that are in the log already.
func BenchmarkPass(b *testing.B) {
	for name, sink := range map[string]func(x *bench) config.Sink{
		"file":      func(x *bench) config.Sink { return x.fileSink(1<<30, 1) },
		"file-ocsf": func(x *bench) config.Sink { s := x.fileSink(1<<30, 1); s.Format = "ocsf"; return s },
		"otlp":      func(x *bench) config.Sink { return otlpConfig(testsink.NewOTLP(b, nil).URL()) },
	} {
		b.Run(name, func(b *testing.B) {
			x := newBench(b)
			x.add(passLength - 1) // and log.start
			s := sink(x)
			for b.Loop() {
				x.start(s)
				x.must(x.e.Move(s.Name, 0))
				x.until("all is handed over", func() bool { st := x.e.Stats()[0]; return st.Sent >= passLength && st.Behind == 0 })
				x.halt()
			}
			b.ReportMetric(passLength*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}

// BenchmarkAppend is what an append costs without exports and with them: the same log, the same disk.
func BenchmarkAppend(b *testing.B) {
	for _, writers := range []int{1, 64} {
		for _, sinks := range []int{0, 1, 4} {
			b.Run(fmt.Sprintf("writers=%d/sinks=%d", writers, sinks), func(b *testing.B) {
				x := newBench(b)
				var list []config.Sink
				for i := range sinks {
					s := x.fileSink(64<<20, 2)
					s.Name, s.File.Path = fmt.Sprintf("f%d", i), fmt.Sprintf("%s.%d", s.File.Path, i)
					list = append(list, s)
				}
				x.start(list...)
				entry := audit.Entry{Type: audit.Decision, Actor: "agent:bot", Session: "ses_01JDABCDEFGHJKMNPQRSTVWXYZ", Outcome: "allow", Reason: "because", Data: []byte(`{"plan":{"op":"run","argv":["id"]}}`)}
				one := func() {
					if _, err := x.log.Append(context.Background(), entry); err != nil {
						b.Error(err)
					}
					x.e.Wake()
				}
				if writers == 1 {
					for b.Loop() {
						one()
					}
					return
				}
				b.SetParallelism(writers)
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						one()
					}
				})
			})
		}
	}
}
