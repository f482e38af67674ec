// Package testrec writes recordings whose times are chosen, for tests and benchmarks: eight hours need not take eight hours. It is
// written from docs/spec/recording-chunk.md and not with package recorder, whose clock cannot be turned.
package testrec

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/klauspost/compress/zstd"

	"gatehouse/recorder"
)

// frameSize is how many bytes of events a frame gets.
const frameSize = 256 << 10

// Writer writes one recording. Its first error stays and is returned by Close.
type Writer struct {
	file *os.File
	out  *bufio.Writer
	hash hash.Hash
	enc  *zstd.Encoder
	raw  []byte
	last time.Duration
	err  error
}

// Create begins the recording of h.Session below dir.
func Create(dir string, h recorder.Header) (*Writer, error) {
	path, err := recorder.Path(dir, h.Session)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(frameSize))
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	w := &Writer{file: f, hash: sha256.New(), enc: enc}
	w.out = bufio.NewWriter(io.MultiWriter(f, w.hash))
	h.Version = recorder.Version
	w.meta(0x184D2A5E, h)
	return w, nil
}

// Event appends an event. Times must not decrease.
func (w *Writer) Event(at time.Duration, code recorder.Code, data []byte) {
	if at < w.last || len(data) > recorder.MaxEvent {
		w.fail(fmt.Errorf("event of %d bytes at %v after %v", len(data), at, w.last))
		return
	}
	w.last = at
	w.raw = binary.AppendUvarint(w.raw, uint64(at.Microseconds()))
	w.raw = append(w.raw, byte(code))
	w.raw = append(binary.AppendUvarint(w.raw, uint64(len(data))), data...)
	if len(w.raw) >= frameSize {
		w.frame()
	}
}

// JSON appends an event whose data is v as JSON.
func (w *Writer) JSON(at time.Duration, code recorder.Code, v any) {
	data, err := json.Marshal(v)
	w.fail(err)
	w.Event(at, code, data)
}

// Close writes the end and returns the hash of the file.
func (w *Writer) Close() (sha256 string, err error) {
	w.frame()
	w.meta(0x184D2A5F, recorder.End{State: "ended", Duration: w.last.Microseconds()})
	w.fail(w.out.Flush())
	w.fail(w.file.Close())
	return hex.EncodeToString(w.hash.Sum(nil)), w.err
}

func (w *Writer) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

func (w *Writer) frame() {
	if len(w.raw) == 0 {
		return
	}
	stored := w.enc.EncodeAll(w.raw, nil)
	w.numbers(0x184D2A5D, 8, uint32(len(stored)), uint32(len(w.raw)))
	w.write(stored)
	w.raw = w.raw[:0]
}

func (w *Writer) meta(magic uint32, v any) {
	text, err := json.Marshal(v)
	w.fail(err)
	text = append([]byte("gatehouse recording 1\n"), text...)
	w.numbers(magic, uint32(len(text)))
	w.write(text)
}

func (w *Writer) numbers(list ...uint32) {
	for _, n := range list {
		w.write(binary.LittleEndian.AppendUint32(nil, n))
	}
}

func (w *Writer) write(b []byte) {
	_, err := w.out.Write(b)
	w.fail(err)
}
