package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"gatehouse/web"
)

// What a GitHub Actions job has in its environment if it may ask for tokens.
const (
	githubURL    = "ACTIONS_ID_TOKEN_REQUEST_URL"
	githubBearer = "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
	tokenEnv     = "GATEHOUSE_TOKEN"
)

// maxProof bounds a token in bytes; the server takes less.
const maxProof = 64 << 10

// prove puts the one proof that there is into the request: a flag's first, then what the environment has.
func (c *LoginCmd) prove(ctx context.Context, in *web.CertificateRequest) (err error) {
	switch {
	case c.TokenFile != "" && c.JoinTokenFile != "":
		return &exitError{exitUsage, errors.New("--token-file and --join-token-file are two proofs; give one")}
	case c.TokenFile != "":
		in.Token, err = readSecret(c.TokenFile)
	case c.JoinTokenFile != "":
		in.JoinToken, err = readSecret(c.JoinTokenFile)
	case os.Getenv(tokenEnv) != "":
		in.Token = strings.TrimSpace(os.Getenv(tokenEnv))
	case os.Getenv(githubURL) != "":
		in.Token, err = c.githubToken(ctx)
	default:
		return &exitError{exitUsage, errNoProof}
	}
	return err
}

// readSecret reads a file, or standard input for -; white space around what is in it does not count.
func readSecret(path string) (string, error) {
	var r io.Reader = os.Stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return "", fmt.Errorf("read the token: %w", err)
		}
		defer f.Close()
		r = f
	}
	text, err := io.ReadAll(io.LimitReader(r, maxProof+1))
	secret := strings.TrimSpace(string(text))
	switch {
	case err != nil:
		return "", fmt.Errorf("read the token: %w", err)
	case secret == "":
		return "", fmt.Errorf("read the token: %s is empty", path)
	case len(text) > maxProof:
		return "", fmt.Errorf("read the token: %s is over %d bytes", path, maxProof)
	}
	return secret, nil
}

// githubToken asks GitHub for the job's token, for our audience alone.
func (c *LoginCmd) githubToken(ctx context.Context) (string, error) {
	u, err := url.Parse(os.Getenv(githubURL))
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return "", fmt.Errorf("%s is not an https address", githubURL)
	}
	audience := c.Audience
	if audience == "" {
		audience = strings.TrimSuffix(c.Server, "/")
	}
	query := u.Query()
	query.Set("audience", audience)
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+os.Getenv(githubBearer))
	client := &http.Client{Timeout: apiTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	answer, err := client.Do(req)
	if err != nil {
		return "", &exitError{exitUnavailable, fmt.Errorf("ask GitHub for the job's token: %w", withoutURL(err))}
	}
	defer answer.Body.Close()
	var out struct {
		Value string `json:"value"`
	}
	err = json.NewDecoder(io.LimitReader(answer.Body, maxProof)).Decode(&out)
	if answer.StatusCode != http.StatusOK || err != nil || out.Value == "" {
		return "", &exitError{exitUnavailable, fmt.Errorf("GitHub gave no token (%s); the job needs `permissions: {id-token: write}`", answer.Status)}
	}
	return out.Value, nil
}
