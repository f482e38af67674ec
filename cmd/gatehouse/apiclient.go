package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"

	"gatehouse/web"
)

// What the client side of the HTTPS interface takes and how long it waits.
const (
	maxAPIAnswer = 1 << 20
	apiTimeout   = 45 * time.Second // of one request; the decider may have to reach an issuer first
	apiTries     = 4                // of a request that the server was too busy for
	maxRetryWait = 10 * time.Second
)

// ServerFlag is how verbs on a client's machine find the Gatehouse.
type ServerFlag struct {
	Server string `required:"" env:"GATEHOUSE_SERVER" help:"Where Gatehouse's pages are, https://gatehouse.example.com."`
	CAFile string `name:"ca-file" type:"existingfile" env:"GATEHOUSE_CA_FILE" help:"PEM certificates that the server's must lead to; without it, those that this machine trusts."`
}

// apiClient asks a Gatehouse over HTTPS.
type apiClient struct {
	base *url.URL
	http *http.Client
}

// open checks the address and the trust. Plain HTTP is for this machine alone: proofs of who one is must not be read on the way.
func (f ServerFlag) open() (*apiClient, error) {
	u, err := url.Parse(f.Server)
	if err != nil || u.Host == "" || u.User != nil || (u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.Fragment != "" {
		return nil, &exitError{exitUsage, fmt.Errorf("--server %q is not an origin such as https://gatehouse.example.com", f.Server)}
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !thisMachine(u.Hostname())) {
		return nil, &exitError{exitUsage, fmt.Errorf("--server %q must be https (http is for localhost alone)", f.Server)}
	}
	settings := &tls.Config{MinVersion: tls.VersionTLS12}
	if f.CAFile != "" {
		text, err := os.ReadFile(f.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read --ca-file: %w", err)
		}
		settings.RootCAs = x509.NewCertPool()
		if !settings.RootCAs.AppendCertsFromPEM(text) {
			return nil, &exitError{exitUsage, fmt.Errorf("--ca-file %s holds no PEM certificate", f.CAFile)}
		}
	}
	return &apiClient{base: &url.URL{Scheme: u.Scheme, Host: u.Host}, http: &http.Client{Timeout: apiTimeout,
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: settings, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}, nil
}

func thisMachine(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (a *apiClient) close() { a.http.CloseIdleConnections() }

// post sends in as JSON and decodes the answer into out. What the server refuses is *web.APIError. A server that is too busy is
// asked again, as it says: it has not looked at the request.
func (a *apiClient) post(ctx context.Context, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encode the request: %w", err)
	}
	for try := 1; ; try++ {
		wait, err := a.postOnce(ctx, path, body, out)
		if wait == 0 || try == apiTries {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// postOnce returns how long to wait before the request is worth another try; 0: not at all.
func (a *apiClient) postOnce(ctx context.Context, path string, body []byte, out any) (time.Duration, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.base.JoinPath(path).String(), bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	answer, err := a.http.Do(req)
	if err != nil {
		return 0, &exitError{exitUnavailable, fmt.Errorf("ask %s: %w", a.base, withoutURL(err))}
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAPIAnswer+1))
	if err != nil {
		return 0, &exitError{exitUnavailable, fmt.Errorf("read the answer of %s: %w", a.base, err)}
	}
	if len(text) > maxAPIAnswer {
		return 0, fmt.Errorf("the answer of %s is over %d bytes", a.base, maxAPIAnswer)
	}
	if answer.StatusCode != http.StatusOK {
		return retryAfter(answer), refusalIn(a.base, answer.StatusCode, text)
	}
	if err := json.Unmarshal(text, out); err != nil {
		return 0, fmt.Errorf("the answer of %s is not what a Gatehouse says: %w", a.base, err)
	}
	return 0, nil
}

// withoutURL takes the address off an error of net/http: it has been said.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// retryAfter reads the header of that name; only answers that say that nothing was done have it.
func retryAfter(answer *http.Response) time.Duration {
	n, err := strconv.Atoi(answer.Header.Get("Retry-After"))
	if err != nil || n < 1 {
		return 0
	}
	return min(time.Duration(n)*time.Second, maxRetryWait)
}

// refusalIn reads an error answer. Servers before a Gatehouse, a proxy for one, answer in other ways.
func refusalIn(server *url.URL, status int, text []byte) error {
	var e web.APIError
	if json.Unmarshal(text, &e) == nil && e.Code != "" {
		return &exitError{apiExit(status), &e}
	}
	return &exitError{apiExit(status), fmt.Errorf("%s answered %d %s, and not as a Gatehouse does; check --server", server, status, http.StatusText(status))}
}

func apiExit(status int) int {
	if status == http.StatusTooManyRequests || status >= http.StatusInternalServerError {
		return exitUnavailable
	}
	return exitNo
}
