package audit

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// errTorn is returned for a last line without a line feed.
var errTorn = errors.New("the last entry is torn")

// lines reads stored entries one by one, within bounded memory.
type lines struct {
	r   *bufio.Reader
	buf []byte
}

func newLines(r io.Reader) *lines {
	return &lines{r: bufio.NewReaderSize(r, 256<<10), buf: make([]byte, 0, 4096)}
}

// next returns the next entry with a zero byte before it, which is what a leaf's hash is over; it is valid until the next
// call. It has as many bytes as the line with its line feed. At the end it returns io.EOF or errTorn.
func (l *lines) next() ([]byte, error) {
	l.buf = append(l.buf[:0], 0)
	for {
		part, err := l.r.ReadSlice('\n')
		l.buf = append(l.buf, part...)
		switch {
		case len(l.buf) > MaxEntry+2:
			return nil, fmt.Errorf("%w: a line of more than %d bytes", ErrTooLarge, MaxEntry)
		case err == nil:
			return bytes.TrimSuffix(l.buf, []byte{'\n'}), nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(l.buf) > 1:
			return nil, errTorn
		default:
			return nil, err
		}
	}
}
