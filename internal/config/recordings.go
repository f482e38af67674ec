package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"gatehouse/recorder"
	"gatehouse/recorder/retain"
)

// Recordings says how recordings are kept: for whom they are encrypted, and for how long they stay.
type Recordings struct {
	Encrypt   *Encrypt    `yaml:"encrypt"`   // none: recordings are not encrypted
	Retention []Retention `yaml:"retention"` // the first that matches holds; none: recordings stay for ever
}

// Encrypt names who can read recordings once they are closed.
type Encrypt struct {
	Recipients     []string `yaml:"recipients"`      // age1… or SSH public keys
	RecipientsFile string   `yaml:"recipients_file"` // one a line
	Identity       string   `yaml:"identity"`        // what the door may read recordings with; none: only reviewers can
}

// Retention keeps what matches for a time, up to a size. Empty patterns match everything.
type Retention struct {
	Target  string `yaml:"target"` // a pattern such as db-*
	Role    string `yaml:"role"`   // a pattern; the role whose rule decided
	Keep    Period `yaml:"keep"`
	MaxSize Size   `yaml:"max_size"` // of all recordings that this rule keeps; the oldest go first
}

// Period is a duration that may be written in days: "90d", "12h", "forever".
type Period time.Duration

// maxRules bounds Recordings.Retention.
const maxRules = 64

// UnmarshalYAML reads "90d", "12h" or "forever".
func (p *Period) UnmarshalYAML(b []byte) error {
	text := strings.Trim(strings.TrimSpace(string(b)), `"'`)
	if text == "forever" {
		*p = 0
		return nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil || n == 0 || n > 36500 {
			return fmt.Errorf("%q is not a time such as 90d", string(b))
		}
		*p = Period(time.Duration(n) * 24 * time.Hour)
		return nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Minute {
		return fmt.Errorf("%q is not a time of at least a minute such as 90d, 12h or forever", string(b))
	}
	*p = Period(d)
	return nil
}

// resolve makes paths relative to the file absolute.
func (r *Recordings) resolve(base string) {
	if r.Encrypt == nil {
		return
	}
	for _, p := range []*string{&r.Encrypt.RecipientsFile, &r.Encrypt.Identity} {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(base, *p)
		}
	}
}

func (r *Recordings) validate(bad func(at, format string, args ...any)) {
	if e := r.Encrypt; e != nil {
		if len(e.Recipients) == 0 && e.RecipientsFile == "" {
			bad("$.recordings.encrypt", "encrypt needs recipients: or recipients_file:")
		}
		for i, text := range e.Recipients {
			if _, err := recorder.ParseRecipient(text); err != nil {
				bad(fmt.Sprintf("$.recordings.encrypt.recipients[%d]", i), "%q is %v", text, err)
			}
		}
	}
	if len(r.Retention) > maxRules {
		bad("$.recordings.retention", "%d rules, at most %d", len(r.Retention), maxRules)
	}
	if _, err := retain.New(r.Rules()); err != nil {
		at := "$.recordings.retention"
		var rule *retain.RuleError
		if errors.As(err, &rule) {
			at = fmt.Sprintf("$.recordings.retention[%d]", rule.Index)
		}
		bad(at, "%v", err)
	}
}

// Rules are the retention rules, each named by its place.
func (r Recordings) Rules() []retain.Rule {
	var out []retain.Rule
	for _, c := range r.Retention {
		out = append(out, retain.Rule{Target: c.Target, Role: c.Role, Keep: time.Duration(c.Keep), MaxSize: int64(c.MaxSize)})
	}
	return out
}

// Encryption reads the recipients and the identity. Every error names its file and line.
func (e *Encrypt) Encryption() (recorder.Encryption, error) {
	var out recorder.Encryption
	if e == nil {
		return out, nil
	}
	for _, text := range e.Recipients {
		r, err := recorder.ParseRecipient(text)
		if err != nil {
			return out, fmt.Errorf("recordings.encrypt.recipients: %q is %w", text, err)
		}
		out.Recipients = append(out.Recipients, r)
	}
	if e.RecipientsFile != "" {
		more, err := recorder.LoadRecipients(e.RecipientsFile)
		if err != nil {
			return out, err
		}
		out.Recipients = append(out.Recipients, more...)
	}
	if e.Identity != "" {
		ids, err := recorder.LoadIdentities(e.Identity)
		if err != nil {
			return out, err
		}
		out.Identities = ids
	}
	return out, nil
}

// IdentityWarning says what is wrong with the identity file's mode, in one line, or nothing.
func (e *Encrypt) IdentityWarning() string {
	if e == nil || e.Identity == "" {
		return ""
	}
	info, err := os.Stat(e.Identity)
	if err != nil || info.Mode().Perm()&0o077 == 0 {
		return ""
	}
	return fmt.Sprintf("the identity file %s has mode %04o: others than its owner may use it (chmod 0400, owned by the door's user)", e.Identity, info.Mode().Perm())
}
