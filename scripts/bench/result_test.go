package main

import (
	"strings"
	"testing"
)

func TestGoals(t *testing.T) {
	jump, direct := 400.0, 200.0
	for _, c := range []struct {
		r     result
		ratio float64 // 0: none
		met   bool
		goal  string
	}{
		{compared("a", "ms", 280, &jump, &direct, atMost(0.7), &jump, "jump"), 0.7, true, "≤ 0.7 × jump"},
		{compared("a", "ms", 281, &jump, &direct, atMost(0.7), &jump, "jump"), 0.7025, false, "≤ 0.7 × jump"},
		{compared("a", "MB/s", 100, &jump, &direct, atLeast(0.55), &direct, "direct"), 0.5, false, "≥ 0.55 × direct"},
		{compared("a", "ms", 1, nil, nil, atMost(1), nil, "jump"), 0, false, "≤ 1 × jump"},
		{absolute("a", "KiB", 200, nil, nil, atMost(200)), 0, true, "≤ 200"},
		{absolute("a", "1/s", 4999, nil, nil, atLeast(5000)), 0, false, "≥ 5000"},
	} {
		got := 0.0
		if c.r.Ratio != nil {
			got = *c.r.Ratio
		}
		if got != c.ratio || c.r.Met != c.met || c.r.Goal != c.goal {
			t.Errorf("%+v: ratio %v, want %v %v %q", c.r, got, c.ratio, c.met, c.goal)
		}
	}
}

func TestQuantile(t *testing.T) {
	samples := []float64{5, 1, 4, 2, 3}
	if median(samples) != 3 || quantile(samples, 1) != 5 || quantile(samples, 0) != 1 || samples[0] != 5 {
		t.Errorf("of %v: %v %v %v", samples, median(samples), quantile(samples, 1), quantile(samples, 0))
	}
}

func TestTable(t *testing.T) {
	text := table([]result{absolute("kill", "ms", 12.345678, nil, nil, atMost(10))})
	if !strings.Contains(text, "12.35") || !strings.Contains(text, "NO") || !strings.Contains(text, "–") {
		t.Error(text)
	}
}

func TestParseBenchmarks(t *testing.T) {
	got := parseBenchmarks([]byte("goos: linux\nBenchmarkDecide/allow/rules=10-2 \t 1000\t 512.5 ns/op\t 8 B/op\nBenchmarkFsync \t 7\t 360000 ns/op\nPASS\n"))
	if len(got) != 2 || got["Decide/allow/rules=10"] != 512.5 || got["Fsync"] != 360000 {
		t.Error(got)
	}
}

// TestNoGoal: what is only looked at is neither met nor missed.
func TestNoGoal(t *testing.T) {
	r := priced("a look", "ms", 3, nil, nil)
	if text := table([]result{r}); !r.Met || strings.Contains(text, "yes") || strings.Contains(text, "NO") {
		t.Error(text)
	}
}
