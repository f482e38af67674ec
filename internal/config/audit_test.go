package config

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Witnesses and anchors are read with their files beside the configuration, and what cannot be meant is told.
func TestAudit(t *testing.T) {
	c, err := load(t, good+`audit:
  every: 5m
  witnesses: [{url: "https://w.example.org/x", key: "w.example.org/x+12345678+AAAA", ca: ca.pem}]
  anchors:
    - {file: kept/checkpoints}
    - {syslog: "log.example.org:601"}
    - {webhook: "https://h.example.org/h"}
    - s3: {endpoint: "https://s3.example.org", bucket: b, access_key_file: a, secret_key_file: s, object_lock_days: 400}
`)
	if err != nil {
		t.Fatal(err)
	}
	if a := c.Audit; a.Every != 5*time.Minute || !filepath.IsAbs(a.Witnesses[0].CA) || !filepath.IsAbs(a.Anchors[0].File) || !filepath.IsAbs(a.Anchors[3].S3.SecretKeyFile) {
		t.Errorf("%+v", c.Audit)
	}
	for text, want := range map[string]string{
		"every: 1ms": "from 1s",
		`witnesses: [{url: "ftp://w", key: "w+1+A"}]`:                                     "no address of a witness",
		`witnesses: [{url: "https://w"}]`:                                                 "needs key",
		`witnesses: [{url: "https://w", key: "w+1+A"}, {url: "https://v", key: "w+2+B"}]`: "two witnesses",
		`anchors: [{}]`:                              "is one of",
		`anchors: [{file: f, syslog: "l:1"}]`:        "is one of",
		`anchors: [{syslog: log}]`:                   "not host:port",
		`anchors: [{webhook: "file:///etc/passwd"}]`: "no address of a webhook",
		`anchors: [{s3: {endpoint: "https://s3"}}]`:  "bucket",
		`anchors: [{s3: {endpoint: "https://s3", bucket: b, access_key_file: a, secret_key_file: s, object_lock_days: -1}}]`: "object_lock_days",
	} {
		if _, err := load(t, good+"audit: {"+text+"}\n"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
