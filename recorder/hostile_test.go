package recorder

import (
	"bytes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// file is a recording in memory.
type file struct{ *bytes.Reader }

func (file) Close() error { return nil }

func memory(b []byte) file { return file{bytes.NewReader(b)} }

// goldenEncrypted is testdata/golden2.ghr with its key.
func goldenEncrypted(t testing.TB) ([]byte, cipher.AEAD) {
	t.Helper()
	path := filepath.Join("testdata", "golden2.ghr")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	ids, err := LoadIdentities(filepath.Join("testdata", "golden2.identity"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := readKeyFile(path)
	aead, err := Encryption{Identities: ids}.open(Header{Session: testSession}, key, err)
	if err != nil {
		t.Fatal(err)
	}
	return b, aead
}

// readBytes reads a file of these bytes to its end; events is how many it had.
func readBytes(t testing.TB, dec *zstd.Decoder, b []byte) (events int, err error) {
	t.Helper()
	rd, err := newReader(file{bytes.NewReader(b)}, dec, math.MaxInt64)
	if err != nil {
		return 0, err
	}
	defer rd.Close()
	for e, err := range rd.Events() {
		if err != nil {
			return events, err
		}
		if len(e.Data) > MaxEvent {
			t.Fatalf("an event of %d bytes", len(e.Data))
		}
		events++
	}
	return events, nil
}

func goldenFile(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "golden.ghr"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Files that promise more than the format allows are refused without being believed.
func TestHostileLengths(t *testing.T) {
	head, err := metaFrame(magicHeader, Version, Header{Version: 1})
	if err != nil {
		t.Fatal(err)
	}
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer enc.Close()
	dec, err := newDecoder()
	if err != nil {
		t.Fatal(err)
	}
	bomb := enc.EncodeAll(make([]byte, 64<<20), nil)
	prelude := func(stored, raw uint32, frame []byte) []byte {
		b := binary.LittleEndian.AppendUint32(nil, magicData)
		b = binary.LittleEndian.AppendUint32(b, 8)
		b = binary.LittleEndian.AppendUint32(b, stored)
		b = binary.LittleEndian.AppendUint32(b, raw)
		return append(append(bytes.Clone(head), b...), frame...)
	}
	small := enc.EncodeAll([]byte{0, 'o', 5, 'a'}, nil)
	late := enc.EncodeAll(binary.AppendUvarint(nil, 1<<62), nil)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for name, file := range map[string][]byte{
		"zip bomb":              prelude(uint32(len(bomb)), MaxChunk, bomb),
		"huge stored length":    prelude(1<<31, 10, nil),
		"huge raw length":       prelude(10, 1<<31, small),
		"raw length zero":       prelude(uint32(len(small)), 0, small),
		"wrong raw length":      prelude(uint32(len(small)), 3, small),
		"event beyond frame":    prelude(uint32(len(small)), 4, small),
		"time beyond the range": prelude(uint32(len(late)), 9, late),
		"huge metadata":         append(bytes.Clone(head), "\x5f\x2a\x4d\x18\xff\xff\xff\xff"...),
		"second header":         append(bytes.Clone(head), head...),
		"other magic":           append(bytes.Clone(head), "GARBAGEGARBAGE"...),
	} {
		if n, err := readBytes(t, dec, file); !errors.Is(err, ErrCorrupt) || n != 0 {
			t.Errorf("%s: %d events, %v", name, n, err)
		}
	}
	runtime.ReadMemStats(&after)
	if grown := (after.TotalAlloc - before.TotalAlloc) >> 20; grown > 64 {
		t.Errorf("reading them allocated %d MiB", grown)
	}
	for _, file := range [][]byte{nil, head[:5], []byte("not a recording at all")} {
		if _, err := readBytes(t, dec, file); !errors.Is(err, ErrCorrupt) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%q: %v", file, err)
		}
	}
}

func FuzzChunk(f *testing.F) {
	golden := goldenFile(f)
	dec, err := newDecoder()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(golden)
	f.Add(golden[:len(golden)-3])
	f.Add(append(bytes.Clone(golden), golden...))
	encrypted, aead := goldenEncrypted(f)
	f.Add(encrypted)
	f.Add(encrypted[:len(encrypted)-200])
	f.Fuzz(func(t *testing.T, file []byte) {
		n, err := readBytes(t, dec, file)
		if err != nil && !errors.Is(err, ErrCorrupt) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("%d events, then %v", n, err)
		}
		if rd, err := newReader(memory(file), dec, math.MaxInt64); err == nil {
			rd.codec.aead = aead
			for _, err := range rd.Events() {
				if err != nil && !errors.Is(err, ErrCorrupt) && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Fatalf("with the key of the golden file: %v", err)
				}
			}
		}
		for rest := file; len(rest) > 0; {
			e, tail, err := parseEvent(rest)
			if err != nil {
				break
			}
			if again := appendEvent(nil, e.At, e.Code, e.Data); len(again) > len(rest)-len(tail) {
				t.Fatalf("an event of %d bytes is written as %d", len(rest)-len(tail), len(again))
			}
			rest = tail
		}
	})
}
