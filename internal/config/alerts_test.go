package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAlerts: good channels get their defaults; each mistake is named where it is.
func TestAlerts(t *testing.T) {
	const head = "version: 1\ndata: /var/lib/gatehouse\nssh: {listen: \":2222\", names: [b]}\npolicy: p.yaml\ntargets: t.yaml\nalerts:\n"
	load := func(text string) (Config, error) {
		path := filepath.Join(t.TempDir(), "gatehouse.yaml")
		if err := os.WriteFile(path, []byte(head+text), 0o600); err != nil {
			t.Fatal(err)
		}
		return Load(path)
	}
	c, err := load("  - {name: a, kind: webhook, url: https://x.test/in, secret_file: key}\n  - {name: b, kind: email, server: \"mail.test:587\", from: g@x.test, to: [o@x.test]}\n")
	if err != nil {
		t.Fatal(err)
	}
	a, m := c.Alerts[0], c.Alerts[1]
	if host, port, err := a.Address(); host != "x.test" || port != "443" || err != nil || a.MinSeverity != "notice" || a.PerHour != 60 || !filepath.IsAbs(a.SecretFile) || m.Security != "starttls" {
		t.Errorf("%+v", c.Alerts)
	}
	for text, want := range map[string]string{
		"  - {name: A!, kind: webhook, url: https://x.test, secret_file: k}":                                      "name",
		"  - {name: a, kind: pigeon}":                                                                             "none of webhook, slack, email",
		"  - {name: a, kind: webhook, url: \"http://x.test\", secret_file: k}":                                    "not an address such as",
		"  - {name: a, kind: webhook, url: https://u:p@x.test, secret_file: k}":                                   "not an address such as",
		"  - {name: a, kind: webhook, url: https://x.test}":                                                       "secret_file is missing",
		"  - {name: a, kind: slack, url: https://hooks.slack.com/services/T/B/x, secret_file: k}":                 "is a secret",
		"  - {name: a, kind: webhook, url: https://x.test, secret_file: k, to: [o@x.test]}":                       "kind: email",
		"  - {name: a, kind: email, server: mail.test, from: g@x.test, to: [o@x.test]}":                           "host:port",
		"  - {name: a, kind: email, server: \"m:25\", from: \"g@x.test\\r\\nBcc: y@x.test\", to: [o@x.test]}":     "such as gatehouse@",
		"  - {name: a, kind: email, server: \"m:25\", from: g@x.test, to: [\"Ops <o@x.test>\"]}":                  "such as ops@",
		"  - {name: a, kind: email, server: \"m:25\", from: g@x.test, to: []}":                                    "0 recipients",
		"  - {name: a, kind: email, server: \"m:25\", from: g@x.test, to: [o@x.test], user: u}":                   "belong together",
		"  - {name: a, kind: email, server: \"m:25\", security: none, from: g@x.test, to: [o@x.test]}":            "none of starttls, tls",
		"  - {name: a, kind: webhook, url: https://x.test, secret_file: k, min_severity: loud}":                   "none of info",
		"  - {name: a, kind: webhook, url: https://x.test, secret_file: k, per_hour: 5000}":                       "per_hour",
		"  - {name: a, kind: webhook, url: https://x.test, secret_file: k, colour: red}":                          "colour",
		strings.Repeat("  - {name: a, kind: webhook, url: https://x.test, secret_file: k}\n", maxAlertChannels+1): "channels",
	} {
		if _, err := load(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.100s: %v, want %q", text, err, want)
		}
	}
}
