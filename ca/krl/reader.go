package krl

import (
	"fmt"
	"strings"
)

// reader walks over bytes that it does not copy. A part of them has its own reader, which counts from the same beginning.
type reader struct {
	data []byte // from the beginning of the list to the end of this part
	at   int    // the next byte
}

func (r *reader) done() bool { return r.at == len(r.data) }

func (r *reader) fail(at int, format string, args ...any) error {
	return &ParseError{Offset: at, Reason: fmt.Sprintf(format, args...)}
}

// take is the next n bytes.
func (r *reader) take(n uint64) ([]byte, error) {
	if left := uint64(len(r.data) - r.at); n > left {
		return nil, r.fail(r.at, "%d bytes are due and %d are left", n, left)
	}
	r.at += int(n)
	return r.data[r.at-int(n) : r.at], nil
}

// uint reads a number of that many bytes.
func (r *reader) uint(size int) (n uint64, err error) {
	b, err := r.take(uint64(size))
	for _, x := range b {
		n = n<<8 | uint64(x)
	}
	return n, err
}

// sub reads the length of a string (RFC 4251, 5) and stands at its bytes.
func (r *reader) sub() (*reader, error) {
	n, err := r.uint(4)
	if err != nil {
		return nil, err
	}
	begin := r.at
	if _, err := r.take(n); err != nil {
		return nil, err
	}
	return &reader{data: r.data[:r.at], at: begin}, nil
}

// rest is what is left, all of it.
func (r *reader) rest() []byte {
	b := r.data[r.at:]
	r.at = len(r.data)
	return b
}

// text reads a string without NUL: OpenSSH ends texts there, so it would read another than we.
func (r *reader) text() (string, error) {
	at := r.at
	s, err := r.sub()
	if err != nil {
		return "", err
	}
	text := string(s.rest())
	if strings.Contains(text, "\x00") {
		return "", r.fail(at, "NUL in %.64q", text)
	}
	return text, nil
}

// reserved reads a field in which nothing is defined.
func (r *reader) reserved() error {
	at := r.at
	s, err := r.sub()
	if err == nil && !s.done() {
		return r.fail(at, "a reserved field holds something")
	}
	return err
}
