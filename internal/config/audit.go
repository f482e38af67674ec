package config

import (
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"
)

// Audit says who is handed the audit log's checkpoints.
type Audit struct {
	Witnesses []Witness     `yaml:"witnesses"`
	Anchors   []Anchor      `yaml:"anchors"`
	Every     time.Duration `yaml:"every"` // how often; default 60s
}

// Anchor only keeps checkpoints: one of a file, a syslog, a webhook or a bucket.
type Anchor struct {
	File    string `yaml:"file"`    // appended to; best on a medium that can only be appended to
	Syslog  string `yaml:"syslog"`  // host:port, RFC 5424 over TCP
	Webhook string `yaml:"webhook"` // URL that is posted to
	S3      *S3    `yaml:"s3"`
	CA      string `yaml:"ca"` // file of PEM certificates for webhook and s3; empty: the system's
}

// S3 is a bucket.
type S3 struct {
	Endpoint       string `yaml:"endpoint"` // https://HOST[:PORT]
	Region         string `yaml:"region"`   // default us-east-1
	Bucket         string `yaml:"bucket"`
	AccessKeyFile  string `yaml:"access_key_file"`
	SecretKeyFile  string `yaml:"secret_key_file"`
	ObjectLockDays int    `yaml:"object_lock_days"` // compliance mode; 0: none
}

// Witness cosigns checkpoints (C2SP tlog-witness).
type Witness struct {
	URL string `yaml:"url"` // to which /add-checkpoint is added
	Key string `yaml:"key"` // its verifier key, as witness.pub has it
	CA  string `yaml:"ca"`  // file of PEM certificates that its own must come from; empty: the system's
}

// The bounds of Audit.
const (
	maxWitnesses = 8
	maxAnchors   = 8
	maxLockDays  = 36500
	minEvery     = time.Second
	maxEvery     = 24 * time.Hour
)

func (a *Audit) resolve(base string) {
	for i := range a.Witnesses {
		if p := &a.Witnesses[i].CA; *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(base, *p)
		}
	}
	for i := range a.Anchors {
		paths := []*string{&a.Anchors[i].File, &a.Anchors[i].CA}
		if s := a.Anchors[i].S3; s != nil {
			paths = append(paths, &s.AccessKeyFile, &s.SecretKeyFile)
		}
		for _, p := range paths {
			if *p != "" && !filepath.IsAbs(*p) {
				*p = filepath.Join(base, *p)
			}
		}
	}
}

// check says what is wrong with an anchor.
func (a Anchor) check() string {
	kinds := 0
	for _, has := range []bool{a.File != "", a.Syslog != "", a.Webhook != "", a.S3 != nil} {
		if has {
			kinds++
		}
	}
	switch {
	case kinds != 1:
		return "an anchor is one of file:, syslog:, webhook: and s3:"
	case a.Syslog != "" && !hostPort(a.Syslog):
		return fmt.Sprintf("%q is not host:port", a.Syslog)
	case a.Webhook != "" && !isHTTP(a.Webhook):
		return fmt.Sprintf("%q is no address of a webhook: https://…", a.Webhook)
	case a.S3 == nil:
		return ""
	case !isHTTP(a.S3.Endpoint) || a.S3.Bucket == "" || a.S3.AccessKeyFile == "" || a.S3.SecretKeyFile == "":
		return "s3 needs endpoint: https://HOST[:PORT], bucket:, access_key_file: and secret_key_file:"
	case a.S3.ObjectLockDays < 0 || a.S3.ObjectLockDays > maxLockDays:
		return fmt.Sprintf("object_lock_days is %d, at most %d", a.S3.ObjectLockDays, maxLockDays)
	}
	return ""
}

func isHTTP(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Hostname() != "" && u.User == nil && (u.Scheme == "https" || u.Scheme == "http")
}

func (a *Audit) validate(bad func(at, format string, args ...any)) {
	if a.Every != 0 && (a.Every < minEvery || a.Every > maxEvery) {
		bad("$.audit.every", "every is %s, from %s to %s", a.Every, minEvery, maxEvery)
	}
	if len(a.Witnesses) > maxWitnesses {
		bad("$.audit.witnesses", "%d witnesses, at most %d", len(a.Witnesses), maxWitnesses)
	}
	if len(a.Anchors) > maxAnchors {
		bad("$.audit.anchors", "%d anchors, at most %d", len(a.Anchors), maxAnchors)
	}
	for _, x := range a.Anchors {
		if why := x.check(); why != "" {
			bad("$.audit.anchors", "%s", why)
		}
	}
	names := map[string]bool{}
	for _, w := range a.Witnesses {
		if !isHTTP(w.URL) || strings.Contains(w.URL, "?") {
			bad("$.audit.witnesses", "%q is no address of a witness: https://HOST[:PORT] or http://…", w.URL)
		}
		name, _, ok := strings.Cut(w.Key, "+")
		if !ok || name == "" {
			bad("$.audit.witnesses", "a witness needs key: the line in its witness.pub")
		} else if names[name] {
			bad("$.audit.witnesses", "two witnesses are named %q", name)
		}
		names[name] = true
	}
}
