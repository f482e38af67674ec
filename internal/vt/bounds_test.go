package vt

import (
	"bytes"
	"runtime"
	"strings"
	"testing"
	"time"
)

// attacks are short sequences that make a terminal of the largest size do as much as it can, each written over and over.
var attacks = []string{
	"\x1b[2J", "\x1b[41mx\x1b[2J", "\x1b#8", "\x1b#8\x1b[2J", "\x1b#8\x1b[J\x1b[H", "\x1b[1000Hx\x1b[H\x1b[J", "\x1b[9999b", "x\x1b[9999b", "界\x1b[9999b", "\x1b[9999S", "\x1b[9999T",
	"\x1b[9999L", "\x1b[9999M", "\x1b[H\x1b[9999@", "\x1b[H\x1b[9999P", "\x1b[H\x1b[9999X", "\x1b[41m\x1b[H\x1b[K\x1b[42m\x1b[999G\x1b[K", "\x1b[H\x1b[9999I", "\x1b[9999G\x1b[9999Z",
	"\x1b[3g\x1b[H\t", "\x1b[?1049hx\x1b[?1049l", "\x1bc", "x\x1bc", "\x1b[9999;9999H\n", "\x1b[H\x1bM", "\x1b[2;999r\x1b[999H\n", "\x1b[4h\x1b[Hx", "\x1b[2147483647I", "\x1b[-1@", "\x1b[-1P",
	"\x1b[" + strings.Repeat("1;", 500) + "m", "\x1b[" + strings.Repeat(":", 500) + "m", "\x1b]" + strings.Repeat("x", 500), "x\u0301\u0301\u0301\u0301\u0301", "\x1b[9999C\x1b[1K界",
}

// Whatever is written over and over, to the largest terminal, is done in time and in the memory of two screens.
func TestAttacksAreBounded(t *testing.T) {
	const bytesOfEach, longest, most = 32 << 10, 20 * time.Second, 64 << 20
	for _, attack := range attacks {
		term, lines := New(maxSize, maxSize), 0
		term.OnLine(func(Line) { lines++ })
		text := bytes.Repeat([]byte(attack), bytesOfEach/len(attack)+1)
		begun := time.Now()
		_, _ = term.Write(text)
		took := time.Since(begun)
		if err := check(term); err != nil {
			t.Errorf("%.20q: %v", attack, err)
		}
		runtime.GC()
		var memory runtime.MemStats
		runtime.ReadMemStats(&memory)
		if took > longest || memory.HeapAlloc > most {
			t.Errorf("%.20q: %d bytes took %v and %d MB", attack, len(text), took, memory.HeapAlloc>>20)
		}
		t.Logf("%-24.20q %8.1f ms, %d lines, %d MB", attack, float64(took.Microseconds())/1000, lines, memory.HeapAlloc>>20)
		runtime.KeepAlive(term)
	}
}
