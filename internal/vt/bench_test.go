package vt

import (
	"fmt"
	"strings"
	"testing"
)

// logText is what a service writes: plain lines.
func logText() []byte {
	var b strings.Builder
	for i := range 4000 {
		fmt.Fprintf(&b, "2026-11-28T13:%02d:%02d.%03dZ app[%d]: GET /v1/items/%d 200 in %d ms\r\n", i/60%60, i%60, i%1000, 4000+i%7, i*7919%10007, i%93)
	}
	return []byte(b.String())
}

// editorText is what an editor writes: places, colours, erasing and short pieces of text.
func editorText() []byte {
	var b strings.Builder
	for i := range 8000 {
		fmt.Fprintf(&b, "\x1b[%d;%dH\x1b[38;5;%dm%s\x1b[m \x1b[1m%d\x1b[22m\x1b[K", i%40+1, i%30+1, i%256, "func main"[:i%9+1], i)
		if i%40 == 0 {
			b.WriteString("\x1b[?25l\x1b[5;38r\x1b[38H\r\n\x1b[r\x1b[?25h")
		}
	}
	return []byte(b.String())
}

func benchmarkWrite(b *testing.B, text []byte) {
	t := New(120, 40)
	t.OnLine(func(Line) {})
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		_, _ = t.Write(text)
	}
}

func BenchmarkLog(b *testing.B)    { benchmarkWrite(b, logText()) }
func BenchmarkEditor(b *testing.B) { benchmarkWrite(b, editorText()) }
func BenchmarkWide(b *testing.B) {
	benchmarkWrite(b, []byte(strings.Repeat("中文日志 naïve ─── 👍 ok\r\n", 4000)))
}

func BenchmarkSnapshot(b *testing.B) {
	t := New(120, 40)
	_, _ = t.Write(editorText())
	b.ReportAllocs()
	for b.Loop() {
		_ = t.Snapshot()
	}
}
