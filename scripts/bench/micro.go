package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// nsPerOp is what `go test -bench` says of one benchmark.
type nsPerOp map[string]float64

// benchmarks runs a package's own benchmarks.
func (w *world) benchmarks(ctx context.Context, pkg, pattern string) (nsPerOp, error) {
	length := "1s"
	if w.quick {
		length = "100ms"
	}
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", pattern, "-benchtime", length, pkg)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("benchmarks of %s: %w: %s", pkg, err, out)
	}
	return parseBenchmarks(out), nil
}

// parseBenchmarks reads lines such as "BenchmarkDecide/allow/rules=10-2  123  456 ns/op". The name loses "Benchmark" and
// the number of processors. Where a benchmark says MB/s, that is found under its name and " MB/s".
func parseBenchmarks(out []byte) nsPerOp {
	found := nsPerOp{}
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 || fields[3] != "ns/op" {
			continue
		}
		name := strings.TrimPrefix(fields[0], "Benchmark")
		if i := strings.LastIndexByte(name, '-'); i > 0 {
			name = name[:i]
		}
		if ns, err := strconv.ParseFloat(fields[2], 64); err == nil {
			found[name] = ns
		}
		if len(fields) > 5 && fields[5] == "MB/s" {
			if rate, err := strconv.ParseFloat(fields[4], 64); err == nil {
				found[name+" MB/s"] = rate
			}
		}
	}
	return found
}

// measureMicro is what one machine's core and disk do, without any SSH: audit entries, certificates.
func measureMicro(ctx context.Context, w *world) ([]result, error) {
	log, err := w.benchmarks(ctx, "gatehouse/recorder/audit", "BenchmarkAppend|BenchmarkFsync|BenchmarkVerify|BenchmarkSHA256")
	if err != nil {
		return nil, err
	}
	if log["AppendConcurrent"] == 0 || log["Fsync"] == 0 || log["Verify MB/s"] == 0 || log["SHA256 MB/s"] == 0 {
		return nil, fmt.Errorf("no benchmark of the audit log: %v", log)
	}
	fsync := log["Fsync"] / 1000
	raw := log["SHA256 MB/s"]
	out := []result{
		absolute("durable audit entries, 64 writers", "1/s", 1e9/log["AppendConcurrent"], nil, nil, atLeast(20_000)),
		compared("one durable audit entry", "µs", log["AppendAlone"]/1000, nil, &fsync, atMost(2), &fsync, "fsync"),
		absolute("audit verify, MB of log a second", "MB/s", log["Verify MB/s"], nil, nil, atLeast(400)),
		compared("audit verify, recordings", "MB/s", log["VerifyRecording MB/s"], nil, &raw, atLeast(0.9), &raw, "SHA-256 alone"),
	}
	recordings, err := w.benchmarks(ctx, "gatehouse/recorder", "BenchmarkWrite|BenchmarkOpen")
	if err != nil {
		return nil, err
	}
	for _, c := range []struct{ name, bench, plain string }{
		{"recording log text, encrypted, 32 KiB", "Write/text/encrypted", "Write/text"},
		{"recording random bytes, encrypted, 32 KiB", "Write/random/encrypted", "Write/random"},
		{"opening a recording, encrypted", "Open/encrypted", "Open/plain"},
	} {
		if recordings[c.bench] == 0 || recordings[c.plain] == 0 {
			return nil, fmt.Errorf("no benchmark of recordings: %v", recordings)
		}
		plain := recordings[c.plain] / 1000
		out = append(out, compared(c.name, "µs", recordings[c.bench]/1000, nil, &plain, atMost(2), &plain, "unencrypted"))
	}
	certificates, err := w.benchmarks(ctx, "gatehouse/ca", "BenchmarkIssue")
	if err != nil {
		return nil, err
	}
	if certificates["Issue"] == 0 {
		return nil, fmt.Errorf("no benchmark of certificates: %v", certificates)
	}
	out = append(out, absolute("certificates, one core", "1/s", 1e9/certificates["Issue"], nil, nil, atLeast(5000)))
	terminal, err := w.terminal(ctx)
	if err != nil {
		return nil, err
	}
	return w.measureMasking(ctx, append(out, terminal...))
}

// measureMasking is how fast secrets are looked for in 8 MiB of a service's log.
func (w *world) measureMasking(ctx context.Context, out []result) ([]result, error) {
	found, err := w.benchmarks(ctx, "gatehouse/recorder/secret", "BenchmarkScan/(log|pty)$")
	if err != nil {
		return nil, err
	}
	for _, kind := range []string{"log", "pty"} {
		ns := found["Scan/"+kind]
		if ns == 0 {
			return nil, fmt.Errorf("no benchmark of masking: %v", found)
		}
		out = append(out, absolute("secrets looked for, "+kind+", one core", "MB/s", 8<<20/ns*1000, nil, nil, atLeast(20)))
	}
	return out, nil
}
