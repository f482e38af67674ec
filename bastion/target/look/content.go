package look

import (
	"crypto/sha256"
	"errors"
	"fmt"
)

// hash reads a file to its end.
func (v *visit) hash(name string) ([]byte, error) {
	p, err := v.ask(packetOpen, func(b []byte) []byte {
		const read = 1
		b = appendText(b, name)
		return append(b, 0, 0, 0, read, 0, 0, 0, 0) // no attributes
	})
	if err != nil {
		return nil, err
	}
	handle, err := p.handle()
	if err != nil {
		return nil, err
	}
	sum, err := v.digest(handle)
	return sum, errors.Join(err, v.shut(handle))
}

// chunk is what is read at once, window how many chunks are asked for ahead.
const (
	chunk  = 32 << 10
	window = 32
)

// digest hashes a file. Chunks are asked for ahead; what is missing of a short one is asked for before the next is looked at.
func (v *visit) digest(handle string) ([]byte, error) {
	sum := sha256.New()
	var ahead []call
	asked := uint64(0)
	for at := uint64(0); ; at += chunk {
		for len(ahead) < window {
			q, err := v.begin(packetRead, readAt(handle, asked, chunk))
			if err != nil {
				return nil, err
			}
			ahead, asked = append(ahead, q), asked+chunk
		}
		whole, err := v.chunk(ahead[0], handle, at)
		ahead = ahead[1:]
		if err != nil {
			return nil, err
		}
		sum.Write(whole)
		if len(whole) == chunk && at+chunk < maxHash {
			continue
		}
		for _, q := range ahead { // past the end
			if _, err := q.wait(v.ctx); err != nil {
				return nil, err
			}
		}
		if len(whole) == chunk {
			return nil, fmt.Errorf("%w: a program of over %d bytes", ErrTooMuch, maxHash)
		}
		return sum.Sum(nil), nil
	}
}

// chunk is the chunk at an offset, whose first part is asked for already; shorter only at the file's end.
func (v *visit) chunk(first call, handle string, at uint64) ([]byte, error) {
	var whole []byte
	for q := first; ; {
		p, err := q.wait(v.ctx)
		if err != nil {
			return nil, err
		}
		part, err := p.data()
		switch {
		case errors.Is(err, statusError(statusEOF)):
			return whole, nil
		case err != nil:
			return nil, err
		case len(whole)+len(part) > chunk:
			return nil, fmt.Errorf("%w: more data than was asked for", ErrProtocol)
		}
		if whole = append(whole, part...); len(whole) == chunk {
			return whole, nil
		}
		if q, err = v.begin(packetRead, readAt(handle, at+uint64(len(whole)), chunk-len(whole))); err != nil {
			return nil, err
		}
	}
}

func readAt(handle string, offset uint64, n int) func([]byte) []byte {
	return func(b []byte) []byte {
		b = appendText(b, handle)
		b = append(b, byte(offset>>56), byte(offset>>48), byte(offset>>40), byte(offset>>32), byte(offset>>24), byte(offset>>16), byte(offset>>8), byte(offset))
		return append(b, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
}

// shut closes a handle.
func (v *visit) shut(handle string) error {
	p, err := v.ask(packetClose, text(handle))
	if err != nil {
		return err
	}
	if err := p.status(); !errors.Is(err, statusError(0)) {
		return fmt.Errorf("close on the target: %w", err)
	}
	return nil
}
