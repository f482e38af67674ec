package index

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/klauspost/compress/zstd"

	"gatehouse/recorder"
)

// An index file is the magic line, a byte of flags, the length of the head, the head (zstd of JSON), and then the snapshots, one
// after the other, each zstd. The format is nobody's but this package's: a file of another version is made again.
const (
	magic     = "gatehouse index 2\n"
	flagRows  = 1 // the search has the recording's rows
	maxHead   = 8 << 20
	maxJSON   = 64 << 20
	maxFile   = int64(len(magic)) + 5 + maxHead + maxSnapshots + maxSnapshot
	suffix    = ".ghx"
	recording = ".ghr"

	unfinished = ".index-" // begins the name of a file that is being written
)

// ErrIndex is returned for a file that is not an index of this version.
var ErrIndex = errors.New("not an index file")

// Path returns where the index of a session's recording is kept: beside it.
func Path(dir, session string) (string, error) {
	path, err := recorder.Path(dir, session)
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(path, recording) + suffix, nil
}

// Remove deletes the index of a session's recording. Whoever deletes a recording calls it too.
func Remove(dir, session string) error {
	path, err := Path(dir, session)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove index: %w", err)
	}
	return nil
}

// Open reads an index file.
func Open(path string) (*Index, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open index: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read index: %w", err)
	}
	return Decode(b)
}

// Write stores the index at path: whole and durable, or not at all.
func (x *Index) Write(path string) error {
	b, err := x.Encode()
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), unfinished+"*")
	if err != nil {
		return fmt.Errorf("write index: %w", err)
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write index: %w", err), os.Remove(f.Name()))
	}
	return nil
}

// Encode returns the index as it is stored.
func (x *Index) Encode() ([]byte, error) {
	text, err := json.Marshal(x.head)
	if err != nil {
		return nil, fmt.Errorf("encode index: %w", err)
	}
	stored := compress(text)
	if len(stored) > maxHead || len(text) > maxJSON {
		return nil, fmt.Errorf("encode index: %d bytes, at most %d", len(stored), maxHead)
	}
	b := append([]byte(magic), 0)
	if x.Rows {
		b[len(magic)] = flagRows
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(stored)))
	b = append(b, stored...)
	for _, s := range x.snapshots {
		b = append(b, s...)
	}
	return b, nil
}

// Decode reads what Encode returned, and checks all of it but the snapshots.
func Decode(b []byte) (*Index, error) {
	rest, ok := bytes.CutPrefix(b, []byte(magic))
	if !ok || len(rest) < 5 || int64(len(b)) > maxFile {
		return nil, ErrIndex
	}
	n := binary.BigEndian.Uint32(rest[1:])
	rest = rest[5:]
	if n > maxHead || int(n) > len(rest) {
		return nil, fmt.Errorf("%w: its head is cut off", ErrIndex)
	}
	text, err := expand(rest[:n], maxJSON)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrIndex, err)
	}
	x := &Index{}
	if err := json.Unmarshal(text, &x.head); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrIndex, err)
	}
	if err := x.takeSnapshots(rest[n:]); err != nil {
		return nil, err
	}
	if err := x.validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrIndex, err)
	}
	return x, nil
}

func (x *Index) takeSnapshots(rest []byte) error {
	for _, k := range x.Keyframes {
		if k.Stored < 0 || k.Stored > len(rest) {
			return fmt.Errorf("%w: its snapshots are cut off", ErrIndex)
		}
		x.snapshots = append(x.snapshots, rest[:k.Stored:k.Stored])
		rest = rest[k.Stored:]
	}
	if len(rest) > 0 {
		return fmt.Errorf("%w: %d bytes after its end", ErrIndex, len(rest))
	}
	return nil
}

// hasRows says whether the index file at path is one of this version whose rows the search has; false and fs.ErrNotExist if
// there is none.
func hasRows(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	b := make([]byte, len(magic)+1)
	if _, err := io.ReadFull(f, b); err != nil || string(b[:len(magic)]) != magic {
		return false, fs.ErrNotExist // it is made again
	}
	return b[len(magic)]&flagRows != 0, nil
}

// The coders are shared: EncodeAll and DecodeAll may be called concurrently.
var (
	encoder = sync.OnceValue(func() *zstd.Encoder {
		e, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(1<<20))
		if err != nil {
			panic(err) // the options are constants
		}
		return e
	})
	decoder = sync.OnceValue(func() *zstd.Decoder {
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxJSON), zstd.WithDecoderMaxWindow(8<<20), zstd.WithDecoderLowmem(true))
		if err != nil {
			panic(err) // the options are constants
		}
		return d
	})
)

func compress(b []byte) []byte { return encoder().EncodeAll(b, nil) }

func expand(b []byte, limit int) ([]byte, error) {
	out, err := decoder().DecodeAll(b, nil)
	if err == nil && len(out) > limit {
		err = fmt.Errorf("%d bytes, at most %d", len(out), limit)
	}
	return out, err
}
