package search

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"gatehouse/recorder/index"
)

const (
	blockText = 2 << 10  // bytes of text from which on a block is full
	maxRow    = 16 << 10 // bytes of one row; the rest is left out
	maxBlock  = 1 << 20  // bytes of a block that is read
)

// A block's first byte says how the rest is kept.
const (
	plain  = 0
	packed = 1 // one zstd frame
)

var errBlock = errors.New("a block does not decode")

// block collects rows: µs since the recording's start, the command's number, the text.
type block struct {
	b    []byte
	text int
}

func (b *block) add(r index.Row) {
	text := cut(clean(r.Text), maxRow)
	b.b = binary.AppendUvarint(b.b, uint64(max(0, r.At.Microseconds())))
	b.b = binary.AppendUvarint(b.b, uint64(max(0, r.Command)))
	b.b = binary.AppendUvarint(b.b, uint64(len(text)))
	b.b = append(b.b, text...)
	b.text += len(text)
}

// take returns the block as it is stored and begins another.
func (b *block) take() []byte {
	out := append([]byte{plain}, b.b...)
	if small := encoder().EncodeAll(b.b, []byte{packed}); len(small) < len(out) {
		out = small
	}
	b.b, b.text = b.b[:0], 0
	return out
}

// row is one of a block's.
type row struct {
	at      time.Duration
	command int
	text    string
}

// rowsOf yields the rows of a stored block until yield returns false.
func rowsOf(stored []byte, yield func(row) bool) error {
	b, err := unpack(stored)
	if err != nil {
		return err
	}
	for len(b) > 0 {
		var n [3]uint64
		for i := range n {
			v, size := binary.Uvarint(b)
			if size <= 0 || v > 1<<52 {
				return errBlock
			}
			n[i], b = v, b[size:]
		}
		if n[2] > uint64(len(b)) {
			return errBlock
		}
		if !yield(row{time.Duration(n[0]) * time.Microsecond, int(n[1]), string(b[:n[2]])}) {
			return nil
		}
		b = b[n[2]:]
	}
	return nil
}

func unpack(stored []byte) ([]byte, error) {
	switch {
	case len(stored) == 0 || stored[0] > packed:
		return nil, errBlock
	case stored[0] == plain:
		return stored[1:], nil
	}
	b, err := decoder().DecodeAll(stored[1:], nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBlock, err)
	}
	return b, nil
}

// The coders are shared: EncodeAll and DecodeAll may be called concurrently.
var (
	encoder = sync.OnceValue(func() *zstd.Encoder {
		e, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(64<<10), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false))
		if err != nil {
			panic(err) // the options are constants
		}
		return e
	})
	decoder = sync.OnceValue(func() *zstd.Decoder {
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(4), zstd.WithDecoderMaxMemory(maxBlock), zstd.WithDecoderLowmem(true))
		if err != nil {
			panic(err) // the options are constants
		}
		return d
	})
)
