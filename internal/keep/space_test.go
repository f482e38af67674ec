package keep

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"gatehouse/internal/console"
)

// lines is a log that can be read while it is written.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.buf.String(), text)
}

// resize makes a file take so much space, without giving it up in between.
func resize(path string, size int) error {
	if size == 0 {
		return os.Truncate(path, 0)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err == nil {
		_, err = f.WriteAt(make([]byte, size), 0)
	}
	return errors.Join(err, f.Close())
}

// On a disk that fills up the state goes from ok to low to full and back; each change is logged once, and nothing is removed.
func TestSpace(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
		t.Fatalf("mount a tmpfs (this test needs root): %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	var log lines
	s := NewSpace(SpaceConfig{Dir: dir, Warn: 3 << 20, Least: 1 << 20, Every: time.Millisecond, Log: hclog.New(&hclog.LoggerOptions{Output: &log})})
	done, ctx := make(chan struct{}), t.Context()
	go func() { defer close(done); s.Run(ctx) }()
	t.Cleanup(func() { <-done })
	ballast := filepath.Join(dir, "ballast")
	for _, c := range []struct {
		size  int
		state string
		says  string
	}{{2 << 20, console.StorageLow, "is low"}, {7 << 19, console.StorageFull, "no space for recordings"}, {0, console.StorageOK, "again"}} {
		if err := resize(ballast, c.size); err != nil {
			t.Fatal(err)
		}
		got, err := s.Look()
		if err != nil || got.State != c.state || (got.Text() == "") != (c.state == console.StorageOK) {
			t.Errorf("%d bytes: %+v, %v", c.size, got, err)
		}
		for deadline := time.Now().Add(10 * time.Second); log.count(c.says) == 0 && time.Now().Before(deadline); {
			time.Sleep(time.Millisecond)
		}
	}
	time.Sleep(20 * time.Millisecond)
	for _, says := range []string{"is low", "no space for recordings", "again"} {
		if n := log.count(says); n != 1 {
			t.Errorf("%q was logged %d times:\n%s", says, n, log.buf.String())
		}
	}
	if info, err := os.Stat(ballast); err != nil || info.Size() != 0 {
		t.Errorf("%v, %v", info, err)
	}
}
