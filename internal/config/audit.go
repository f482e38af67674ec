package config

import (
	"net/url"
	"path/filepath"
	"strings"
	"time"
)

// Audit says who is handed the audit log's checkpoints.
type Audit struct {
	Witnesses []Witness     `yaml:"witnesses"`
	Every     time.Duration `yaml:"every"` // how often; default 60s
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
	minEvery     = time.Second
	maxEvery     = 24 * time.Hour
)

func (a *Audit) resolve(base string) {
	for i := range a.Witnesses {
		if p := &a.Witnesses[i].CA; *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(base, *p)
		}
	}
}

func (a *Audit) validate(bad func(at, format string, args ...any)) {
	if a.Every != 0 && (a.Every < minEvery || a.Every > maxEvery) {
		bad("$.audit.every", "every is %s, from %s to %s", a.Every, minEvery, maxEvery)
	}
	if len(a.Witnesses) > maxWitnesses {
		bad("$.audit.witnesses", "%d witnesses, at most %d", len(a.Witnesses), maxWitnesses)
	}
	names := map[string]bool{}
	for _, w := range a.Witnesses {
		u, err := url.Parse(w.URL)
		if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Scheme != "https" && u.Scheme != "http" {
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
