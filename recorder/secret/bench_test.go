package secret

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"gatehouse/recorder"
)

// logText is about n bytes as services log them, with the words that rules begin at as often as logs have them.
func logText(n int) []byte {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		at := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC).Add(time.Duration(i) * 37 * time.Millisecond)
		fmt.Fprintf(&b, "%s INFO  [worker-%d] request_id=%08x method=GET path=/v1/items/%d status=200 took=%dms\n", at.Format(time.RFC3339Nano), i%8, i*2654435761, i, i%300)
		switch i % 10 {
		case 3:
			fmt.Fprintf(&b, "%s WARN  [auth] token of user %d expires in %d s, cache key user:%d:profile\n", at.Format(time.RFC3339Nano), i, i%3600, i)
		case 5:
			fmt.Fprintf(&b, "%s systemd[1]: Started app-api.service - disk /dev/sda%d at https://db-1.example:8443/health?id=%d\n", at.Format(time.Stamp), i%4, i)
		case 7:
			fmt.Fprintf(&b, "\x1b[32m%s DEBUG\x1b[0m password check for task %d passed, session secret rotated\n", at.Format(time.RFC3339), i)
		}
	}
	return []byte(b.String())
}

func benchmarkEvents(b *testing.B, h recorder.Header, text []byte) {
	d := detector(b)
	var list []recorder.Event
	for at := 0; at < len(text); at += 32 << 10 {
		list = append(list, recorder.Event{Code: recorder.Output, Data: text[at:min(len(text), at+32<<10)]})
	}
	b.SetBytes(int64(len(text)))
	b.ResetTimer()
	for b.Loop() {
		if _, err := d.Scan(h, sequenceOf(list, nil)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkScan is a whole recording, in MB of its output a second on one core.
func BenchmarkScan(b *testing.B) {
	text := logText(8 << 20)
	b.Run("log", func(b *testing.B) { benchmarkEvents(b, recorder.Header{}, text) })
	b.Run("pty", func(b *testing.B) {
		benchmarkEvents(b, recorder.Header{PTY: true, Cols: 120, Rows: 40}, []byte(strings.ReplaceAll(string(text), "\n", "\r\n")))
	})
	var secrets strings.Builder
	for _, s := range samples() {
		secrets.WriteString(s.before + s.secret + s.after + "\n")
	}
	b.Run("secrets", func(b *testing.B) {
		benchmarkEvents(b, recorder.Header{}, []byte(strings.Repeat(secrets.String(), 100)))
	})
	b.Run("hostile", func(b *testing.B) {
		benchmarkEvents(b, recorder.Header{}, []byte(strings.Repeat("token=token=eyJa.a", 16<<10)))
	})
}
