package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/recorder"
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

// BenchmarkSHA256 is what BenchmarkVerify and BenchmarkVerifyRecording are measured against: the hash alone, of as many bytes.
func BenchmarkSHA256(b *testing.B) {
	block := make([]byte, 1<<20)
	h := sha256.New()
	for b.Loop() {
		h.Write(block)
	}
	b.SetBytes(int64(len(block)))
}

// BenchmarkVerifyRecording compares the chunks of a recording of 64 MiB, and the whole, twice over the same bytes.
func BenchmarkVerifyRecording(b *testing.B) {
	dir := b.TempDir()
	path, err := recorder.Path(dir, recSession)
	if err != nil {
		b.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		b.Fatal(err)
	}
	block := make([]byte, 512<<10)
	if err := os.WriteFile(path, bytes.Repeat(block, 128), 0o600); err != nil {
		b.Fatal(err)
	}
	sum := sha256.Sum256(block)
	for b.Loop() {
		r := newRecordings(dir, false)
		for n := range 128 {
			c := recorder.Chunk{Session: recSession, N: n, Offset: int64(n) * int64(len(block)), Length: int64(len(block)), SHA256: hex.EncodeToString(sum[:])}
			data, err := json.Marshal(c)
			if err != nil {
				b.Fatal(err)
			}
			if what, _, err := r.chunk(int64(n), Entry{Session: recSession, Data: data}); what != "" || err != nil {
				b.Fatal(what, err)
			}
		}
	}
	b.SetBytes(128 * int64(len(block)))
}
