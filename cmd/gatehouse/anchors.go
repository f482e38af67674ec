package main

import (
	"crypto/x509"
	"fmt"
	"os"

	"gatehouse/internal/config"
	"gatehouse/internal/decider"
	"gatehouse/internal/decider/anchor"
)

// anchorsOf reads what the decider needs to know of witnesses, before it can read no other files.
func anchorsOf(c config.Config) (decider.Anchors, error) {
	out := decider.Anchors{Every: c.Audit.Every}
	for _, w := range c.Audit.Witnesses {
		roots, err := rootsOf(w.CA)
		if err != nil {
			return out, fmt.Errorf("witness %s: %w", w.URL, err)
		}
		out.Witnesses = append(out.Witnesses, anchor.Witness{URL: w.URL, Key: w.Key, Roots: roots})
	}
	return out, nil
}

// rootsOf reads certificates; without a file, nil stands for the system's.
func rootsOf(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read ca: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("read ca: there is no certificate in %s", path)
	}
	return pool, nil
}
