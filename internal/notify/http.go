package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// dialer connects to the one address that a channel may reach.
type dialer struct {
	dial func(ctx context.Context, host string, port uint16) (net.Conn, error)
	host string
	port uint16
	ca   string
}

// connect borrows a stream, with the context's deadline on it.
func (d dialer) connect(ctx context.Context) (net.Conn, error) {
	conn, err := d.dial(ctx, d.host, d.port)
	if err != nil {
		return nil, err
	}
	if end, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(end); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	return conn, nil
}

// trust reads anew by what the receiver is known: the file may have been replaced.
func (d dialer) trust() (*tls.Config, error) {
	cfg := &tls.Config{ServerName: d.host, MinVersion: tls.VersionTLS12}
	if d.ca == "" {
		return cfg, nil
	}
	pem, err := readFile(d.ca, maxCertFile)
	if err != nil {
		return nil, fmt.Errorf("read the receiver's CA: %w", err)
	}
	if cfg.RootCAs = x509.NewCertPool(); !cfg.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", d.ca)
	}
	return cfg, nil
}

// handshake connects by TLS, for a probe.
func (d dialer) handshake(ctx context.Context) error {
	trust, err := d.trust()
	if err != nil {
		return err
	}
	conn, err := d.connect(ctx)
	if err != nil {
		return err
	}
	secure := tls.Client(conn, trust)
	return errors.Join(secure.HandshakeContext(ctx), conn.Close())
}

// post sends one request over a connection of its own: no proxy, no redirect, nothing but HTTPS to the channel's own address. Any 2xx
// means that the receiver has it.
func (d dialer) post(ctx context.Context, url string, header http.Header, body []byte) error {
	trust, err := d.trust()
	if err != nil {
		return err
	}
	trust.NextProtos = []string{"http/1.1"}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return errors.New("the address is none") // the error would quote it, and it may be a secret
	}
	if req.URL.Scheme != "https" || req.URL.Hostname() != d.host {
		return fmt.Errorf("the address is not one of https://%s", d.host)
	}
	req.Header, req.GetBody = header, nil // never sent twice without our knowing
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return d.connect(ctx) }, TLSClientConfig: trust, DisableCompression: true, DisableKeepAlives: true,
		MaxResponseHeaderBytes: maxAnswer, TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}}
	defer transport.CloseIdleConnections()
	answer, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, maxAnswer) // what it says is of no interest
	if answer.StatusCode/100 == 2 {
		return nil
	}
	return &busyError{answer.Status, retryAfter(answer.Header)}
}

// busyError says that a receiver did not take an alert.
type busyError struct {
	status string
	after  time.Duration // 0: it does not say
}

func (e *busyError) Error() string { return "the receiver answers " + strconv.QuoteToASCII(e.status) }

func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.ParseUint(h.Get("Retry-After"), 10, 16)
	if err != nil {
		return 0 // a date, or nothing: our own pace does
	}
	return time.Duration(seconds) * time.Second
}

// readSecret reads a file that the world may not read.
func readSecret(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("read secret_file: %w", err)
	}
	if info.Mode().Perm()&0o007 != 0 {
		return "", fmt.Errorf("secret_file %s can be read by everybody: chmod o= it", path)
	}
	text, err := readFile(path, maxSecret)
	if err != nil {
		return "", fmt.Errorf("read secret_file: %w", err)
	}
	secret := strings.TrimSpace(string(text))
	if secret == "" || strings.ContainsAny(secret, "\r\n") {
		return "", fmt.Errorf("secret_file %s: one line is expected", path)
	}
	return secret, nil
}

func readFile(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("%s is larger than %d bytes", path, most)
	}
	return text, err
}
