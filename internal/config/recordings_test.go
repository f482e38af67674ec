package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const recipient = "age1a8830w36lank4n8m86aphfkrpfksf5c6dlzfjkq7hkuq5yqpkpksccsxmc"

// TestRecordings: what is written is what holds, and paths are the file's.
func TestRecordings(t *testing.T) {
	c, err := load(t, good+`recordings:
  encrypt: {recipients: [`+recipient+`], recipients_file: keys, identity: id}
  retention:
    - {target: "db-*", role: deployer, keep: 90d}
    - {target: "web-*", keep: 36h, max_size: 50GiB}
    - {keep: forever}
`)
	if err != nil {
		t.Fatal(err)
	}
	rules := c.Recordings.Rules()
	if e := c.Recordings.Encrypt; !filepath.IsAbs(e.RecipientsFile) || !filepath.IsAbs(e.Identity) || len(e.Recipients) != 1 {
		t.Errorf("%+v", e)
	}
	if len(rules) != 3 || rules[0].Keep != 90*24*time.Hour || rules[0].Role != "deployer" || rules[1].Keep != 36*time.Hour || rules[1].MaxSize != 50<<30 || rules[2].Keep != 0 {
		t.Errorf("%+v", rules)
	}
	if c, err := load(t, good); err != nil || c.Recordings.Encrypt != nil || len(c.Recordings.Retention) != 0 {
		t.Errorf("by default: %+v, %v", c.Recordings, err)
	}
}

// TestRecordingsRefuses: every fault with its place.
func TestRecordingsRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"recordings: {encrypt: {recipients: [age1nonsense]}}":                  `:8:37: "age1nonsense" is neither an age recipient`,
		"recordings: {encrypt: {recipients: [" + recipient + ", ssh-rsa x]}}":  "not an SSH key that can decrypt",
		"recordings: {encrypt: {recipients: [AGE-SECRET-KEY-1X]}}":             "that is a secret key",
		"recordings: {encrypt: {identity: x}}":                                 "needs recipients",
		"recordings: {retention: [{keep: 90}]}":                                "not a time",
		"recordings: {retention: [{keep: 0d}]}":                                "not a time",
		"recordings: {retention: [{keep: 1s}]}":                                "not a time",
		"recordings: {retention: [{target: \"[\", keep: 1d}]}":                 "not a pattern",
		"recordings:\n  retention:\n  - {keep: 1d}\n  - {target: x, keep: 9d}": ":11:",
		"recordings: {retention: [{keep: 1d, max_size: -1}]}":                  "not a size",
		"recordings: {retention: [{days: 1}]}":                                 "unknown field",
	} {
		if _, err := load(t, good+text+"\n"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	if _, err := load(t, strings.Replace(good, "min_free: 64MiB", "min_free: 64MiB, warn_free: 1MiB", 1)); err == nil || !strings.Contains(err.Error(), "warn_free is below") {
		t.Errorf("%v", err)
	}
}

// TestIdentityWarning: a file that others can read is warned of.
func TestIdentityWarning(t *testing.T) {
	file := filepath.Join(t.TempDir(), "id")
	e := &Encrypt{Identity: file}
	for mode, warns := range map[os.FileMode]bool{0o400: false, 0o600: false, 0o440: true, 0o604: true} {
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
		if got := e.IdentityWarning(); (got != "") != warns {
			t.Errorf("mode %o: %q", mode, got)
		}
	}
	if (*Encrypt)(nil).IdentityWarning() != "" {
		t.Error("without encryption")
	}
}
