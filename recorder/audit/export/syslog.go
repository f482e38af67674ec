package export

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"time"

	"gatehouse/internal/config"
	"gatehouse/recorder/audit"
)

// Syslog acknowledges nothing. What a broken connection may have swallowed is sent again: the last resendLeast entries, and
// those of the last resendAge as far as they are not more than resendMost.
const (
	resendLeast = 1000
	resendMost  = 100_000
	resendAge   = 10 * time.Second
)

// renewAfter is when a connection is ended between two batches and made anew, before whoever lends it ends it.
const renewAfter = 45 * time.Minute

// syslogSink sends RFC 5424 messages with octet counting (RFC 6587, section 3.4.1; over TLS RFC 5425).
type syslogSink struct {
	cfg     Config
	host    string
	port    uint16
	tls     *config.ClientTLS
	message *message

	conn   net.Conn // what is written to
	raw    Conn     // what carries it
	opened time.Time
	reader sync.WaitGroup
	broken chan error // gets one value when the receiver has ended the connection
	buf    []byte
}

var _ sink = (*syslogSink)(nil)

func newSyslog(cfg Config, c config.SyslogSink, format string) (*syslogSink, error) {
	host, text, err := net.SplitHostPort(c.Address)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return nil, err
	}
	return &syslogSink{cfg: cfg, host: host, port: uint16(port), tls: c.TLS, message: &message{facility(c.Facility), format}}, nil
}

func (s *syslogSink) send(ctx context.Context, records []audit.Record) (lost, error) {
	s.buf = s.buf[:0]
	err := encodeAll(s.message.append, records, func(line []byte) {
		s.buf = append(strconv.AppendInt(s.buf, int64(len(line)), 10), ' ')
		s.buf = append(s.buf, line...)
	})
	if err != nil {
		return lost{}, err
	}
	if s.conn != nil && s.cfg.Now().Sub(s.opened) > renewAfter {
		s.close() // all of it has left, as each batch was flushed
	}
	if err := s.open(ctx); err != nil {
		return lost{}, err
	}
	if err := s.check(); err != nil {
		return lost{}, err
	}
	deadline, _ := ctx.Deadline()
	_ = s.conn.SetWriteDeadline(deadline) // a closed connection says so at the write
	stop := context.AfterFunc(ctx, func() { _ = s.raw.Close() })
	defer stop()
	if _, err := s.conn.Write(s.buf); err != nil {
		return lost{}, fmt.Errorf("write: %w", err)
	}
	if err := s.raw.Flush(ctx); err != nil {
		return lost{}, fmt.Errorf("write: %w", err)
	}
	return lost{}, nil
}

// open connects, and begins to listen for the receiver's end of the connection: it has nothing else to say.
func (s *syslogSink) open(ctx context.Context) error {
	if s.conn != nil {
		return nil
	}
	raw, err := s.cfg.Dial(ctx, s.host, s.port)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	var conn net.Conn = raw
	if s.tls != nil {
		cfg, err := clientTLS(s.tls, s.host)
		if err != nil {
			return errors.Join(err, raw.Close())
		}
		t := tls.Client(raw, cfg)
		if err := t.HandshakeContext(ctx); err != nil {
			return errors.Join(fmt.Errorf("TLS: %w", err), raw.Close())
		}
		conn = t
	}
	broken := make(chan error, 1)
	s.conn, s.raw, s.opened, s.broken = conn, raw, s.cfg.Now(), broken
	s.reader.Go(func() {
		_, err := io.Copy(io.Discard, conn)
		if err == nil {
			err = io.EOF
		}
		broken <- err
	})
	return nil
}

func (s *syslogSink) sync() error { return nil }

// check notices a receiver that has gone, so that what it may not have read is sent to the next at once.
func (s *syslogSink) check() error {
	if s.conn == nil {
		return nil
	}
	select {
	case err := <-s.broken:
		s.broken <- err
		return fmt.Errorf("the receiver has ended the connection: %w", err)
	default:
		return nil
	}
}

func (s *syslogSink) close() {
	if s.conn == nil {
		return
	}
	_ = s.conn.SetWriteDeadline(time.Now().Add(time.Second)) // for TLS's last word
	_ = s.conn.Close()
	s.reader.Wait()
	s.conn, s.raw = nil, nil
}
