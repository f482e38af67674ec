package pool

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestTry: a process can be had here, and can be looked for without a pool.
func TestTry(t *testing.T) {
	must(t, Try(ownUsers()))
	must(t, Try(0))
}

// BenchmarkTake is from the session's wish to the process's first byte, where one is kept ready; idle-KiB is what that one costs of its own.
func BenchmarkTake(b *testing.B) {
	s, c := newPool(b, Config{UID: ownUsers()})
	var took []float64
	for b.Loop() {
		b.StopTimer()
		awaitReady(b, s)
		b.StartTimer()
		begun := time.Now()
		sh, err := c.Take(b.Context(), "ses_1")
		must(b, err)
		_, err = sh.Read(make([]byte, 1))
		must(b, err)
		took = append(took, float64(time.Since(begun).Microseconds()))
		b.StopTimer()
		sh.Kill()
		ends(b, sh)
		b.StartTimer()
	}
	awaitReady(b, s)
	slices.Sort(took)
	b.ReportMetric(took[len(took)/2], "p50-µs")
	b.ReportMetric(took[len(took)*99/100], "p99-µs")
	b.ReportMetric(private(b, s), "idle-KiB")
}

// awaitReady waits until all that are kept ready have spoken, which they do once they are confined.
func awaitReady(tb testing.TB, s *Server) {
	for ready := 0; ready < DefaultIdle; time.Sleep(time.Millisecond) {
		var fds []unix.PollFd
		s.mu.Lock()
		for _, c := range s.idle {
			fds = append(fds, unix.PollFd{Fd: int32(c.socket.Fd()), Events: unix.POLLIN})
		}
		var err error
		ready, err = unix.Poll(fds, 0)
		s.mu.Unlock()
		must(tb, err)
	}
}

// BenchmarkCold is the same where none is ready.
func BenchmarkCold(b *testing.B) {
	for b.Loop() {
		must(b, Try(ownUsers()))
	}
}

// private is the memory that the first idle process shares with nobody.
func private(tb testing.TB, s *Server) (kib float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.idle) == 0 {
		return 0
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", s.idle[0].cmd.Process.Pid))
	must(tb, err)
	for line := range strings.Lines(string(text)) {
		var n float64
		if _, err := fmt.Sscanf(line, "Private_Clean: %f kB", &n); err == nil {
			kib += n
		}
		if _, err := fmt.Sscanf(line, "Private_Dirty: %f kB", &n); err == nil {
			kib += n
		}
	}
	return kib
}
