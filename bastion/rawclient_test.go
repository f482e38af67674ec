package bastion

import (
	"bytes"
	"encoding/binary"
	"io"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/bastion/target/sftp"
)

// rawClient speaks SFTP by hand, through the door, and remembers what it was sent.
type rawClient struct {
	t    *testing.T
	c    *sftp.Client
	mu   sync.Mutex
	seen bytes.Buffer
}

// rawStream is an SSH channel's two directions.
type rawStream struct {
	io.Reader
	io.WriteCloser
	close func() error
}

func (s rawStream) Close() error { return s.close() }

func (r *rawClient) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen.Write(b)
}

// rawOn opens the subsystem on a connection.
func (w *whole) rawOn(c *ssh.Client) (*rawClient, rawStream) {
	w.t.Helper()
	s, err := c.NewSession()
	w.must(err)
	in, err := s.StdinPipe()
	w.must(err)
	out, err := s.StdoutPipe()
	w.must(err)
	w.must(s.RequestSubsystem("sftp"))
	r := &rawClient{t: w.t}
	return r, rawStream{io.TeeReader(out, r), in, s.Close}
}

// raw is a raw client of the agent's.
func (w *whole) raw(agent, to string) *rawClient {
	w.t.Helper()
	r, stream := w.rawOn(w.client(to, w.certify("agent", agent, 10*time.Minute)))
	var err error
	r.c, err = sftp.Dial(w.t.Context(), stream)
	w.must(err)
	w.t.Cleanup(r.c.Close)
	return r
}

// ask sends one request and returns its answer.
func (r *rawClient) ask(kind byte, fields ...any) sftp.Packet {
	r.t.Helper()
	p, err := r.c.Ask(r.t.Context(), kind, func(b []byte) []byte { return appendFields(b, fields) })
	if err != nil {
		r.t.Fatalf("packet %d %v: %v", kind, fields, err)
	}
	return p
}

func appendFields(b []byte, fields []any) []byte {
	for _, f := range fields {
		switch f := f.(type) {
		case string:
			b = sftp.AppendText(b, f)
		case int:
			b = binary.BigEndian.AppendUint32(b, uint32(f))
		case int64:
			b = binary.BigEndian.AppendUint64(b, uint64(f))
		case sftp.Attrs:
			b = f.Append(b)
		}
	}
	return b
}

// status is the status of an answer; -1 where it is none.
func (r *rawClient) status(kind byte, fields ...any) int {
	r.t.Helper()
	p := r.ask(kind, fields...)
	if p.Kind != sftp.PacketStatus {
		return -1
	}
	return int(binary.BigEndian.Uint32(p.Body()))
}

// open is a handle.
func (r *rawClient) open(name string, flags int) string {
	r.t.Helper()
	h, err := r.ask(sftp.PacketOpen, name, flags, 0).Handle()
	if err != nil {
		r.t.Fatalf("open %q: %v", name, err)
	}
	return h
}

// read is a file's first bytes, or nothing.
func (r *rawClient) read(handle string) string {
	d, err := r.ask(sftp.PacketRead, handle, int64(0), 4096).Data()
	if err != nil {
		return ""
	}
	return string(d)
}

// sawCanary reports whether anything from outside came.
func (r *rawClient) sawCanary() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return bytes.Contains(r.seen.Bytes(), []byte(canary))
}
