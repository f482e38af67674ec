package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Tickets says whom to believe that a ticket was closed, so that the grants made for it end.
type Tickets struct {
	SecretFile string `yaml:"secret_file"` // shared with the ticket system, which signs with it; the decider must be able to read it
}

// The bounds of that secret, in bytes.
const (
	minTicketSecret = 16
	maxTicketSecret = 4 << 10
)

func (t *Tickets) resolve(base string) {
	if t.SecretFile != "" && !filepath.IsAbs(t.SecretFile) {
		t.SecretFile = filepath.Join(base, t.SecretFile)
	}
}

// Secret reads it, without white space around; nil where there is none.
func (t Tickets) Secret() ([]byte, error) {
	if t.SecretFile == "" {
		return nil, nil
	}
	f, err := os.Open(t.SecretFile)
	if err != nil {
		return nil, fmt.Errorf("tickets.secret_file: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxTicketSecret+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("tickets.secret_file: %w", err)
	}
	secret := bytes.TrimSpace(text)
	if len(secret) < minTicketSecret || len(text) > maxTicketSecret {
		return nil, fmt.Errorf("tickets.secret_file: %s holds %d bytes, want %d to %d: make one with openssl rand -hex 32", t.SecretFile, len(secret), minTicketSecret, maxTicketSecret)
	}
	return secret, nil
}
