package config

import (
	"fmt"
	"net"
	"net/mail"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
)

// The bounds of alerts.
const (
	maxAlertChannels = 8
	maxRecipients    = 20
	maxPerHour       = 1000
	defaultPerHour   = 60
)

// The kinds of channels, and how an e-mail's server is spoken to.
const (
	AlertWebhook  = "webhook"
	AlertSlack    = "slack"
	AlertEmail    = "email"
	EmailSTARTTLS = "starttls"
	EmailTLS      = "tls"
)

// AlertSeverities are the severities of alerts, the lowest first.
var AlertSeverities = []string{"info", "notice", "warning", "critical"}

// AlertChannel is where alerts go.
type AlertChannel struct {
	Name        string   `yaml:"name"`
	Kind        string   `yaml:"kind"`         // webhook, slack or email
	URL         string   `yaml:"url"`          // webhook: where to, https; slack: the host alone, such as https://hooks.slack.com
	SecretFile  string   `yaml:"secret_file"`  // webhook: the key that signs, whsec_…; slack: the whole address, which is a secret; email: the password
	Server      string   `yaml:"server"`       // email: host:port
	Security    string   `yaml:"security"`     // email: starttls (default) or tls
	User        string   `yaml:"user"`         // email: who signs in; empty: nobody does
	From        string   `yaml:"from"`         // email: the sender's address
	To          []string `yaml:"to"`           // email: the recipients' addresses
	CA          string   `yaml:"ca"`           // PEM, by which the receiver is trusted; empty: the system's roots
	Kinds       []string `yaml:"kinds"`        // of alerts; "access.*" for all that begin so; none: all. Break-glass comes always
	MinSeverity string   `yaml:"min_severity"` // info, notice (default), warning or critical
	PerHour     int      `yaml:"per_hour"`     // alerts that are not critical; the rest comes as one summary; default 60
	Runbooks    string   `yaml:"runbooks"`     // what a runbook's #name is added to; default: docs/alerts.md
}

// completeAlerts fills in what the file leaves out and makes paths absolute.
func (c *Config) completeAlerts(base string) {
	for i := range c.Alerts {
		a := &c.Alerts[i]
		if a.MinSeverity == "" {
			a.MinSeverity = "notice"
		}
		if a.PerHour == 0 {
			a.PerHour = defaultPerHour
		}
		if a.Runbooks == "" {
			a.Runbooks = "docs/alerts.md"
		}
		if a.Kind == AlertEmail && a.Security == "" {
			a.Security = EmailSTARTTLS
		}
		for _, p := range []*string{&a.SecretFile, &a.CA} {
			if *p != "" && !filepath.IsAbs(*p) {
				*p = filepath.Join(base, *p)
			}
		}
	}
}

// ReadOnly are the files that the channel reads.
func (a *AlertChannel) ReadOnly() (files []string) {
	for _, p := range []string{a.SecretFile, a.CA} {
		if p != "" {
			files = append(files, p)
		}
	}
	return files
}

// Address is the receiver's host and port: the only place that the channel ever connects to.
func (a *AlertChannel) Address() (host, port string, err error) {
	if a.Kind == AlertEmail {
		return net.SplitHostPort(a.Server)
	}
	u, err := url.Parse(a.URL)
	if err != nil {
		return "", "", err
	}
	if port = u.Port(); port == "" {
		port = "443"
	}
	return u.Hostname(), port, nil
}

// validateAlerts returns the faults of the section.
func (c Config) validateAlerts(bad func(at, format string, args ...any)) {
	if len(c.Alerts) > maxAlertChannels {
		bad("$.alerts", "%d channels, at most %d are possible", len(c.Alerts), maxAlertChannels)
		return
	}
	names := map[string]bool{}
	for i := range c.Alerts {
		a, at := &c.Alerts[i], fmt.Sprintf("$.alerts[%d]", i)
		if !nameForm.MatchString(a.Name) || names[a.Name] {
			bad(at+".name", "%q is not a name of its own (lower-case letters, digits, . _ -)", a.Name)
		}
		names[a.Name] = true
		if !slices.Contains(AlertSeverities, a.MinSeverity) {
			bad(at+".min_severity", "%q is none of %s", a.MinSeverity, strings.Join(AlertSeverities, ", "))
		}
		if a.PerHour < 1 || a.PerHour > maxPerHour {
			bad(at+".per_hour", "per_hour is %d, from 1 to %d are possible", a.PerHour, maxPerHour)
		}
		a.validateKind(at, bad)
	}
}

// validateKind checks what belongs to the kind of channel, and that nothing of another kind is there.
func (a *AlertChannel) validateKind(at string, bad func(at, format string, args ...any)) {
	isEmail := a.Server != "" || a.Security != "" || a.User != "" || a.From != "" || len(a.To) > 0
	switch a.Kind {
	case AlertWebhook, AlertSlack:
		a.validateURL(at, bad)
		if a.SecretFile == "" {
			bad(at, "secret_file is missing")
		}
		if isEmail {
			bad(at, "server, security, user, from and to are for kind: email")
		}
	case AlertEmail:
		if a.URL != "" {
			bad(at+".url", "an e-mail has server: and no url:")
		}
		a.validateEmail(at, bad)
	default:
		bad(at+".kind", "%q is none of webhook, slack, email", a.Kind)
	}
}

func (a *AlertChannel) validateURL(at string, bad func(at, format string, args ...any)) {
	u, err := url.Parse(a.URL)
	switch {
	case err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Fragment != "":
		bad(at+".url", "%q is not an address such as https://alerts.example.com/gatehouse", a.URL)
	case a.Kind == AlertSlack && (strings.Trim(u.Path, "/") != "" || u.RawQuery != ""):
		bad(at+".url", "the address of a slack channel is a secret: write only its host here, such as https://hooks.slack.com, and the whole address into secret_file")
	case u.Port() != "" && !hostPort(u.Host):
		bad(at+".url", "%q has no port from 1 to 65535", a.URL)
	}
}

func (a *AlertChannel) validateEmail(at string, bad func(at, format string, args ...any)) {
	if !hostPort(a.Server) || strings.HasPrefix(a.Server, ":") {
		bad(at+".server", "%q is not host:port", a.Server)
	}
	if a.Security != EmailSTARTTLS && a.Security != EmailTLS {
		bad(at+".security", "%q is none of starttls, tls", a.Security)
	}
	if (a.User == "") != (a.SecretFile == "") {
		bad(at, "user: and secret_file: belong together: give both, or neither")
	}
	if len(a.To) == 0 || len(a.To) > maxRecipients {
		bad(at+".to", "%d recipients, from 1 to %d are possible", len(a.To), maxRecipients)
	}
	if !bareAddress(a.From) {
		bad(at+".from", "%q is not an address such as gatehouse@example.com", a.From)
	}
	for i, to := range a.To {
		if !bareAddress(to) {
			bad(fmt.Sprintf("%s.to[%d]", at, i), "%q is not an address such as ops@example.com", to)
		}
	}
}

// bareAddress reports whether a text is an e-mail address alone, of printable ASCII.
func bareAddress(text string) bool {
	parsed, err := mail.ParseAddress(text)
	return err == nil && parsed.Address == text && !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}
