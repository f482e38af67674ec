package bastion

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"
)

// steps is a reader that gives so many bytes a read, 0 being as many as fit.
type steps struct {
	from  io.Reader
	sizes []int
}

func (s *steps) Read(p []byte) (int, error) {
	if len(s.sizes) > 0 {
		if n := s.sizes[0]; n > 0 && n < len(p) {
			p = p[:n]
		}
		s.sizes = s.sizes[1:]
	}
	return s.from.Read(p)
}

// TestEbb: whatever comes in whatever pieces is read whole and in order, and a stream that is quiet again holds no big buffer.
func TestEbb(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		want := make([]byte, rnd.IntN(1<<20))
		for i := range want {
			want[i] = byte(rnd.Uint32())
		}
		sizes := make([]int, 100)
		for i := range sizes {
			sizes[i] = []int{0, 1, 100, smallBuffer - 1, smallBuffer, smallBuffer + 1, bufferSize}[rnd.IntN(7)]
		}
		e := newEbb()
		var got []byte
		from := &steps{from: bytes.NewReader(want), sizes: sizes}
		for {
			b, err := e.read(from)
			got = append(got, b...)
			if len(b) < smallBuffer && e.big != nil {
				t.Fatalf("after %d bytes there is still a big buffer", len(b))
			}
			if err != nil {
				break
			}
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("%d bytes of %d are not the same", len(got), len(want))
		}
	}
}
