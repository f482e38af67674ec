package audit

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var benchEntry = Entry{
	Type: Decision, Actor: "agent:release-bot", Owner: "group:web", Task: "roll out 1.4", Conn: "con_01KB0000000000000000000000",
	Session: "ses_01KB0000000000000000000000", Target: "web-1", Login: "deploy", Outcome: "allow", Rule: "web-operator/allow[2]",
	Policy: "sha256:0123456789abcdef0123456789abcdef", Reason: strings.Repeat("r", 60),
}

func BenchmarkAppendConcurrent(b *testing.B) {
	l := openTest(b, b.TempDir())
	b.SetParallelism(64)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := l.Append(context.Background(), benchEntry); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
}

func BenchmarkAppendAlone(b *testing.B) {
	l := openTest(b, b.TempDir())
	for b.Loop() {
		mustAppend(b, l, benchEntry)
	}
}

// BenchmarkFsync is what BenchmarkAppendAlone is measured against: one append of the same size and one fsync.
func BenchmarkFsync(b *testing.B) {
	f, err := os.Create(filepath.Join(b.TempDir(), "f"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	line := make([]byte, 400)
	for b.Loop() {
		if _, err := f.Write(line); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	dir := b.TempDir()
	l, err := tryOpen(dir, time.Now)
	if err != nil {
		b.Fatal(err)
	}
	group := make([]Entry, MaxEntries)
	for i := range group {
		group[i] = benchEntry
	}
	for range 100 {
		mustAppend(b, l, group...)
	}
	l.Close()
	var size int64
	for b.Loop() {
		rep := verifyDir(b, dir, nil)
		if rep.Bad != nil {
			b.Fatal(rep.Bad)
		}
		size = rep.Bytes
	}
	b.SetBytes(size)
}
