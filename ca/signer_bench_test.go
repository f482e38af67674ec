package ca_test

import (
	"testing"
	"time"
)

// BenchmarkSigner is certificates that open the door, by each kind of signer, many callers at once.
func BenchmarkSigner(b *testing.B) {
	for _, kind := range signerRigs {
		b.Run(kind.name, func(b *testing.B) {
			rig := kind.make(b)
			rig.cfg.Timeout = 30 * time.Second
			rig.create(b, "agent_ca")
			authority := agentCAWith(b, openSigner(b, rig.cfg, "agent_ca"))
			client, _ := newKey(b)
			b.SetParallelism(16)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := authority.Issue(agentRequest(client)); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "certs/s")
		})
	}
}
