package vt

import (
	"bytes"
	"testing"
	"time"
)

const (
	maxFuzzed    = 16 << 10
	fuzzedResize = 0xFE // no byte of UTF-8: the two bytes after it are a size
	tooLong      = 5 * time.Second
)

// FuzzTerminal writes any bytes to terminals of any small size: each is done in time, does not lose itself, stays within its bounds, is the
// same however the bytes were cut, and has a snapshot that makes an equal terminal. The first three bytes are the size and how the rest is cut.
func FuzzTerminal(f *testing.F) {
	for _, p := range pieces {
		f.Add([]byte("\x13\x05\x02before " + p + "0;1mx\xfe\x08\x03 after\r\n" + p + "m\n\n\n\n\n\n"))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 4 || len(data) > maxFuzzed {
			return
		}
		cols, rows, piece, data := int(data[0]%80)+1, int(data[1]%30)+1, int(data[2]%16)+1, data[3:]
		begun := time.Now()
		requireEqualSplit(t, cols, rows, bytes.ReplaceAll(data, []byte{fuzzedResize}, nil), piece)

		term, half := New(cols, rows), len(data)/2
		writeFuzzed(term, data[:half])
		requireEqualCopy(t, term, string(data[half:]))
		if took := time.Since(begun); took > tooLong {
			t.Fatalf("%d bytes took %v", len(data), took)
		}
	})
}

// writeFuzzed writes bytes and resizes where they say so.
func writeFuzzed(t *Terminal, data []byte) {
	for {
		at := bytes.IndexByte(data, fuzzedResize)
		if at < 0 || at+2 >= len(data) {
			_, _ = t.Write(data)
			return
		}
		_, _ = t.Write(data[:at])
		t.Resize(int(data[at+1]), int(data[at+2]%50))
		data = data[at+3:]
	}
}
