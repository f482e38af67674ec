package audit

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// tailDir is a folder with n stored entries, a second apart, each with pad bytes of reason. Every third is of type issue.
func tailDir(t *testing.T, n, pad int, torn string) (dir string, begin time.Time) {
	t.Helper()
	dir, begin = t.TempDir(), time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	var text []byte
	for i := range n {
		e := Entry{Type: Heartbeat, Reason: strings.Repeat("x", pad)}
		if i%3 == 0 {
			e.Type = Issue
		}
		body, err := e.body()
		if err != nil {
			t.Fatal(err)
		}
		text = appendLine(text, int64(i), begin.Add(time.Duration(i)*time.Second), `"n"`, body)
	}
	if err := os.WriteFile(filepath.Join(dir, entriesFile), append(text, torn...), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, begin
}

// TestTail: exactly the entries that are new enough and have the marker, newest first, over the borders of blocks.
func TestTail(t *testing.T) {
	for _, c := range []struct {
		n, pad int
		torn   string
	}{{0, 0, ""}, {1, 0, ""}, {100, 0, ""}, {3000, 1000, ""}, {3000, 1000, `{"v":1,"se`}, {40, 100_000, ""}, {5, 0, strings.Repeat("x", tailBlock/2)}} {
		dir, begin := tailDir(t, c.n, c.pad, c.torn)
		for _, from := range []int{-1, 0, c.n / 2, c.n - 1, c.n} {
			var got, want []int64
			err := Tail(dir, begin.Add(time.Duration(from)*time.Second), []byte(`"type":"issue"`), 1<<30, func(e Entry) error {
				got = append(got, e.Seq)
				return nil
			})
			for i := c.n - 1; i >= max(from, 0); i-- {
				if i%3 == 0 {
					want = append(want, int64(i))
				}
			}
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%d entries of %d, from %d: %v, %v, want %v", c.n, c.pad, from, got, err, want)
			}
		}
	}
}

// TestTailRefuses: what cannot be told is not passed over.
func TestTailRefuses(t *testing.T) {
	dir, begin := tailDir(t, 3000, 1000, "")
	all := func(Entry) error { return nil }
	if err := Tail(dir, begin, nil, tailBlock, all); !errors.Is(err, ErrTailLimit) {
		t.Errorf("over the limit: %v", err)
	}
	if err := Tail(dir, begin.Add(2999*time.Second), nil, tailBlock, all); err != nil {
		t.Errorf("within the limit: %v", err)
	}
	if err := Tail(t.TempDir(), begin, nil, tailBlock, all); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a log: %v", err)
	}
	stop := errors.New("stop")
	if err := Tail(dir, begin, nil, 1<<30, func(Entry) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("the caller's error: %v", err)
	}
	path := filepath.Join(dir, entriesFile)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]string{"no entry": "hello\n", "no time": `{"v":1,"seq":1}` + "\n", "not JSON": fmt.Sprintf(`{"v":1,"seq":1,"time":"%s",x}`, begin.AddDate(1, 0, 0).Format(timeFormat)) + "\n"} {
		if err := os.WriteFile(path, append(slices.Clone(text), bad...), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := Tail(dir, begin, nil, 1<<30, all); err == nil {
			t.Errorf("%s: passed over", name)
		}
	}
}
