package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// checkCertificate: the certificate opens the door, with nothing else at hand.
func checkCertificate(ctx context.Context, s *seat) error {
	_, err := s.want(ctx, call{}, 0, "in\n", "certificate", "say in out")
	return err
}

// checkReason: a key without its certificate does not get in, and the client shows the door's reason.
func checkReason(ctx context.Context, s *seat) error {
	r, err := s.do(ctx, call{env: []string{"GH_CERT="}}, "certificate", "say in out")
	switch {
	case err != nil:
		return err
	case r.na != "":
		return &naError{r.na}
	case r.status == 0:
		return errors.New("a key without a certificate got in")
	}
	return r.says("gatehouse: ")
}

// checkHostCA: the face CA alone makes the door known, and another CA does not.
func checkHostCA(ctx context.Context, s *seat) error {
	if _, err := s.want(ctx, call{}, 0, "in\n", "host-ca", "say in out"); err != nil {
		return err
	}
	other, err := wrongKey()
	if err != nil {
		return err
	}
	path := filepath.Join(s.dir, "known_hosts.other")
	if err := os.WriteFile(path, []byte("@cert-authority * "+other+"\n"), 0o600); err != nil {
		return err
	}
	return s.turnsAway(ctx, "GH_KNOWN_HOSTS="+path, "host-ca")
}

// checkHostKey: the door's plain key makes it known, and another key does not.
func checkHostKey(ctx context.Context, s *seat) error {
	if _, err := s.want(ctx, call{}, 0, "in\n", "host-key", "say in out"); err != nil {
		return err
	}
	other, err := wrongKey()
	if err != nil {
		return err
	}
	return s.turnsAway(ctx, "GH_HOSTKEY="+other+"\nGH_FINGERPRINT=SHA256:8x2oe/1Tx6GzYjZtqmnjyyTbwxpKLBWEyGhaVUzvHrk", "host-key")
}

// turnsAway wants a client that knows another key for the door to go away without a word to the target.
func (s *seat) turnsAway(ctx context.Context, env, word string) error {
	before, err := s.newest(ctx)
	if err != nil {
		return err
	}
	r, err := s.do(ctx, call{env: splitLines(env)}, word, "say in out")
	if err != nil {
		return err
	}
	after, err := s.newest(ctx)
	if err != nil {
		return err
	}
	if r.status == 0 || after != before {
		return fmt.Errorf("a door with another key was believed: status %d: %s", r.status, tail(r.stdout+r.stderr))
	}
	return nil
}

// checkCompression: a client that asks for compression works without it.
func checkCompression(ctx context.Context, s *seat) error {
	_, err := s.want(ctx, call{}, 0, "in\n", "compress", "say in out")
	return err
}

// checkKeepalive: a client that sends keepalives all the time hears answers and stays.
func checkKeepalive(ctx context.Context, s *seat) error {
	_, err := s.want(ctx, call{}, 0, "begun\ndone\n", "keepalive", "slow 4")
	return err
}
