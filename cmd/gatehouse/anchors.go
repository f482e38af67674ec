package main

import (
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"gatehouse/ca"
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
	for _, a := range c.Audit.Anchors {
		place, err := placeOf(a)
		if err != nil {
			return out, fmt.Errorf("anchor: %w", err)
		}
		out.Places = append(out.Places, place)
	}
	return out, nil
}

// placeOf reads what an anchor needs.
func placeOf(a config.Anchor) (anchor.Place, error) {
	roots, err := rootsOf(a.CA)
	if err != nil {
		return anchor.Place{}, err
	}
	switch {
	case a.Webhook != "":
		return anchor.Place{Webhook: &anchor.Webhook{URL: a.Webhook, Roots: roots}}, nil
	case a.S3 == nil:
		return anchor.Place{File: a.File, Syslog: a.Syslog}, nil
	}
	s := &anchor.S3{Endpoint: a.S3.Endpoint, Region: a.S3.Region, Bucket: a.S3.Bucket, RetainDays: a.S3.ObjectLockDays, Roots: roots}
	if s.Region == "" {
		s.Region = "us-east-1" // what stores that have none expect
	}
	access, err := ca.ReadSecretFile(a.S3.AccessKeyFile)
	if err != nil {
		return anchor.Place{}, err
	}
	secret, err := ca.ReadSecretFile(a.S3.SecretKeyFile)
	if err != nil {
		return anchor.Place{}, err
	}
	s.AccessKey, s.SecretKey = strings.TrimSpace(string(access)), strings.TrimSpace(string(secret))
	return anchor.Place{S3: s}, nil
}

// anchorFolders are where the decider may write files of anchors.
func anchorFolders(c config.Config) (folders []string) {
	for _, a := range c.Audit.Anchors {
		if a.File != "" {
			folders = append(folders, filepath.Dir(a.File))
		}
	}
	return folders
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
