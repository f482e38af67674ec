package supervisor

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
)

// TestReloadWaitsForTheDoor: a signal to reload that comes before the door serves does not have the service manager believe that
// it does, and none that comes once the service ends.
func TestReloadWaitsForTheDoor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	systemd, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer systemd.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	hears := func(within time.Duration) string {
		t.Helper()
		b := make([]byte, 512)
		if err := systemd.SetReadDeadline(time.Now().Add(within)); err != nil {
			t.Fatal(err)
		}
		n, err := systemd.Read(b)
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal(err)
		}
		return string(b[:n])
	}
	hangups := make(chan os.Signal, 1)
	l := &life{cfg: Config{ConfigPath: path + ".none", Log: hclog.NewNullLogger(), Reload: hangups}, doorLine: deadLine(t), deciderLine: deadLine(t), manager: manager{hclog.NewNullLogger()}}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.reloads(ctx)
	}()
	hangups <- syscall.SIGHUP
	if got := hears(100 * time.Millisecond); got != "" {
		t.Errorf("before the door serves: %q", got)
	}
	close(l.doorLine.ready)
	for _, want := range []string{"RELOADING=1", "READY=1"} {
		if got := hears(10 * time.Second); !strings.HasPrefix(got, want) {
			t.Errorf("%q, want %s", got, want)
		}
	}
	cancel()
	<-ended
	hangups <- syscall.SIGHUP
	if got := hears(50 * time.Millisecond); got != "" {
		t.Errorf("once the service ends: %q", got)
	}
}

// deadLine is a line whose process is gone.
func deadLine(t *testing.T) *line {
	t.Helper()
	l, theirs, err := newLine()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.close)
	if err := theirs.Close(); err != nil {
		t.Fatal(err)
	}
	return l
}
