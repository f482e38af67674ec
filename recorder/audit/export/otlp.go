package export

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	logscol "go.opentelemetry.io/proto/slim/otlp/collector/logs/v1"
	tracecol "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"gatehouse/internal/config"
	"gatehouse/recorder/audit"
	"gatehouse/recorder/audit/export/otlp"
)

// maxAnswer bounds what is read of a receiver's answer.
const maxAnswer = 64 << 10

// maxHeaders bounds the lines of a headers file.
const maxHeaders = 32

// busyError says that a receiver wants to be asked again, later.
type busyError struct {
	status string
	after  time.Duration // 0: it does not say
}

func (e *busyError) Error() string { return "the receiver answers " + strconv.QuoteToASCII(e.status) }

// otlpSink sends logs and spans over HTTP (OTLP 1, binary protobuf). Both are acknowledged.
type otlpSink struct {
	cfg     Config
	url     string
	headers string // a file
	tls     *config.ClientTLS
	signals []string

	client *http.Client // made anew after each failure, so that replaced certificates count
	header http.Header
	tracer otlp.Tracer
}

var _ sink = (*otlpSink)(nil)

// newOTLP returns the sink and the receiver's host:port.
func newOTLP(cfg Config, c config.OTLPSink) (*otlpSink, string, error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil, "", err
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return &otlpSink{cfg: cfg, url: strings.TrimSuffix(c.URL, "/"), headers: c.Headers, tls: c.TLS, signals: c.Signals}, net.JoinHostPort(u.Hostname(), port), nil
}

func (s *otlpSink) send(ctx context.Context, records []audit.Record) (lost, error) {
	items, err := itemsOf(records)
	if err != nil {
		return lost{}, &refusedError{err.Error()}
	}
	if err := s.open(); err != nil {
		return lost{}, err
	}
	var all lost
	if slices.Contains(s.signals, "logs") {
		var answer logscol.ExportLogsServiceResponse
		if err := s.post(ctx, "/v1/logs", otlp.Logs(items), &answer); err != nil {
			return lost{}, err
		}
		if p := answer.GetPartialSuccess(); p.GetRejectedLogRecords() > 0 {
			all = lost{min(p.GetRejectedLogRecords(), int64(len(records))), "log records: " + p.GetErrorMessage()}
		}
	}
	spans := s.tracer.Spans(items)
	if spans == nil || !slices.Contains(s.signals, "traces") {
		return all, nil
	}
	var answer tracecol.ExportTraceServiceResponse
	if err := s.post(ctx, "/v1/traces", spans, &answer); err != nil {
		return lost{}, err
	}
	if p := answer.GetPartialSuccess(); p.GetRejectedSpans() > 0 {
		all = lost{max(all.entries, min(p.GetRejectedSpans(), int64(len(records)))), all.why + "spans: " + p.GetErrorMessage()}
	}
	return all, nil
}

func itemsOf(records []audit.Record) ([]otlp.Item, error) {
	items := make([]otlp.Item, len(records))
	for i, r := range records {
		e, err := audit.Parse(r.Line)
		if err != nil {
			return nil, fmt.Errorf("entry %d: %w", r.Seq, err)
		}
		items[i] = otlp.Item{Entry: e, Leaf: r.Leaf().String()}
	}
	return items, nil
}

// post sends a request and says what its answer means (OTLP specification, "OTLP/HTTP Response").
func (s *otlpSink) post(ctx context.Context, path string, in, out proto.Message) error {
	body, err := proto.Marshal(in)
	if err != nil {
		return &refusedError{err.Error()}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header = s.header.Clone()
	req.Header.Set("Content-Type", "application/x-protobuf")
	answer, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read the receiver's answer: %w", err)
	}
	switch answer.StatusCode {
	case http.StatusOK:
		_ = proto.Unmarshal(text, out) // the receiver has taken it, whatever else it says
		return nil
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return &refusedError{strconv.QuoteToASCII(answer.Status)}
	}
	// The others are about the receiver, the way there, or who we are, and not about what was sent.
	return &busyError{answer.Status, retryAfter(answer.Header)}
}

func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.ParseUint(h.Get("Retry-After"), 10, 16)
	if err != nil {
		return 0 // a date, or nothing: our own pace does
	}
	return time.Duration(seconds) * time.Second
}

// open prepares the client: one connection, no proxy, no redirect.
func (s *otlpSink) open() error {
	if s.client != nil {
		return nil
	}
	header, err := readHeaders(s.headers)
	if err != nil {
		return err
	}
	u, err := url.Parse(s.url)
	if err != nil {
		return err
	}
	trust, err := clientTLS(s.tls, u.Hostname())
	if err != nil {
		return err
	}
	trust.NextProtos = []string{"http/1.1"}
	dial := func(ctx context.Context, _, address string) (net.Conn, error) {
		host, text, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		port, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			return nil, err
		}
		return s.cfg.Dial(ctx, host, uint16(port))
	}
	s.header = header
	s.client = &http.Client{
		Transport: &http.Transport{DialContext: dial, TLSClientConfig: trust, MaxConnsPerHost: 1, DisableCompression: true, IdleConnTimeout: 90 * time.Second,
			TLSHandshakeTimeout: 10 * time.Second, MaxResponseHeaderBytes: maxAnswer, TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return nil
}

// readHeaders reads lines of "Name: value" from a file that the world cannot read: they are mostly secrets.
func readHeaders(path string) (http.Header, error) {
	header := http.Header{}
	if path == "" {
		return header, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read headers: %w", err)
	}
	if info.Mode().Perm()&0o007 != 0 {
		return nil, fmt.Errorf("headers file %s can be read by everybody: chmod o= it", path)
	}
	text, err := readBounded(path)
	if err != nil {
		return nil, fmt.Errorf("read headers: %w", err)
	}
	lines, err := textproto.NewReader(bufio.NewReader(io.MultiReader(bytes.NewReader(bytes.TrimSpace(text)), strings.NewReader("\n\n")))).ReadMIMEHeader()
	if err != nil || len(lines) > maxHeaders {
		return nil, fmt.Errorf("headers file %s: at most %d lines of Name: value are expected", path, maxHeaders) // the error would quote a secret
	}
	return http.Header(lines), nil
}

func (s *otlpSink) sync() error  { return nil }
func (s *otlpSink) check() error { return nil }

func (s *otlpSink) close() {
	if s.client != nil {
		s.client.CloseIdleConnections()
		s.client = nil
	}
}

// later is how long a receiver asks to be left alone.
func later(err error) time.Duration {
	var busy *busyError
	if errors.As(err, &busy) {
		return busy.after
	}
	return 0
}
