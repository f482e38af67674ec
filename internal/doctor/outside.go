package doctor

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"gatehouse/bastion/target/check"
	"gatehouse/internal/config"
)

// How long before its end a certificate is worth a word, and how long a signer may take to answer.
const (
	certificateSoon = 14 * 24 * time.Hour
	signerTime      = 3 * time.Second
)

func outsideChecks() []Check {
	return []Check{
		{"target.reachable", "every target answers, with the host key that is expected", targetCheck("target.reachable")},
		{"target.sign-in", "every target lets Gatehouse in as its logins, and nobody else", targetCheck("target.sign-in")},
		{"target.forwarding", "sshd on targets forwards nothing", targetCheck("target.forwarding")},
		{"target.environment", "sshd on targets reads no environment of the login's", targetCheck("target.environment")},
		{"target.shell", "what runs before a command on a target is root's", targetCheck("target.shell")},
		{"target.penalties", "targets bear many connections of Gatehouse", targetCheck("target.penalties")},
		{"web.url", "web.url is where the pages are", webURL},
		{"web.certificate", "the pages' certificate is for web.url, and valid", webCertificate},
		{"metrics.public", "the numbers are not for everybody", metricsPublic},
		{"signer.away", "what holds the CA keys answers", signerAway},
		{"alerts.answer", "every channel of alerts answers", alertsAnswer},
		{"backup.old", "there is a backup", backupOld},
		{"log.unwitnessed", "somebody else has the audit log's checkpoints", logUnwitnessed},
	}
}

// aboutTargets says under which id what targets check looks at is told; the rest is about signing in.
var aboutTargets = map[string]string{"reachable": "target.reachable", "host key": "target.reachable", "forwarding": "target.forwarding", "agent forwarding": "target.forwarding",
	"environment": "target.environment", "login shell": "target.shell", "rc files": "target.shell", "system files": "target.shell", "look": "target.shell", "sshd": "target.shell",
	"facts": "target.shell", "penalties": "target.penalties", "MaxStartups": "target.penalties"}

// targetCheck are the findings of targets check that are told under an id.
func targetCheck(id string) func(context.Context, *Patient) []Finding {
	return func(_ context.Context, p *Patient) []Finding {
		var out []Finding
		for _, r := range p.Targets {
			for _, f := range r.Findings {
				if f.Level == check.OK || cmp.Or(aboutTargets[f.What], "target.sign-in") != id {
					continue
				}
				level := map[check.Level]Level{check.Broken: Fail, check.Weak: Warn}[f.Level]
				out = append(out, finding(cmp.Or(level, Unknown), f.Do, "%s: %s: %s", r.Target, strings.TrimPrefix(f.Login+": "+f.What, ": "), f.Says))
			}
		}
		return out
	}
}

func webURL(_ context.Context, p *Patient) []Finding {
	web := p.Settings.Web
	u, err := url.Parse(web.URL)
	host, port, lerr := net.SplitHostPort(web.Listen)
	if web.Listen == "" || err != nil || lerr != nil {
		return nil // what is not valid is said elsewhere
	}
	urlPort := u.Port()
	if urlPort == "" {
		urlPort = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	ip := net.ParseIP(host)
	loopback := host == "localhost" || ip != nil && ip.IsLoopback()
	switch {
	case (u.Scheme == "http" || web.TLS != nil) && urlPort != port:
		return one(Fail, "make the port of web.url that of web.listen: nothing stands between browsers and the pages", "web.url is at port %s, and the pages listen at %s", urlPort, port)
	case u.Scheme == "http" && !loopback:
		return one(Fail, "listen at 127.0.0.1, or use TLS", "web.url is http://localhost, and the pages listen at %s, in the clear for whoever gets there", web.Listen)
	case u.Scheme == "https" && web.TLS == nil && !loopback:
		return one(Warn, "listen where only the proxy gets, or name a certificate in web.tls", "web.url is https by a proxy, and the pages listen at %s without TLS", web.Listen)
	}
	return nil
}

func webCertificate(_ context.Context, p *Patient) []Finding {
	files := p.Settings.Web.TLS
	if files == nil || p.Settings.Web.Listen == "" {
		return nil
	}
	const do = "replace the files; they are read again when they change"
	pair, err := tls.LoadX509KeyPair(files.Cert, files.Key)
	if err != nil {
		return one(Fail, do, "web.tls: %v", err)
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return one(Fail, do, "web.tls: %v", err)
	}
	u, err := url.Parse(p.Settings.Web.URL)
	if err != nil {
		return nil
	}
	now := p.Now()
	switch {
	case now.After(leaf.NotAfter):
		return one(Fail, do, "the certificate of the pages expired at %s", leaf.NotAfter.UTC().Format(time.RFC3339))
	case now.Before(leaf.NotBefore):
		return one(Fail, do, "the certificate of the pages is valid only from %s", leaf.NotBefore.UTC().Format(time.RFC3339))
	case leaf.VerifyHostname(u.Hostname()) != nil:
		return one(Fail, do, "the certificate of the pages is not for %s", u.Hostname())
	case leaf.NotAfter.Sub(now) < certificateSoon:
		return one(Warn, do, "the certificate of the pages expires at %s", leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	return nil
}

func metricsPublic(_ context.Context, p *Patient) []Finding {
	host, _, err := net.SplitHostPort(p.Settings.Metrics.Listen)
	if err != nil {
		return nil
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && (ip.IsUnspecified() || ip.IsGlobalUnicast() && !ip.IsPrivate()) {
		return one(Warn, "listen at 127.0.0.1 or an address that only your Prometheus reaches", "metrics.listen is %s: the numbers have no sign-in", p.Settings.Metrics.Listen)
	}
	return nil
}

func signerAway(_ context.Context, p *Patient) []Finding {
	var out []Finding
	for place, s := range p.Settings.CA.Places() {
		switch {
		case s.Socket != "":
			conn, err := net.DialTimeout("unix", s.Socket, signerTime)
			if err != nil {
				out = append(out, finding(Fail, "start the ssh-agent and add the key to it; the next request signs, no restart is needed", "%s: %v", place, err))
				continue
			}
			_ = conn.Close()
		case s.Module != "":
			if _, err := os.Stat(s.Module); err != nil {
				out = append(out, finding(Fail, "install the module, or correct its path", "%s: %v", place, err))
			}
		}
	}
	if p.Status == nil {
		return out
	}
	for _, name := range p.Status.Signers {
		out = append(out, finding(Fail, "bring the key's token or agent back; gatehouse ca status says where it is expected", "the %s CA's key could not sign", name))
	}
	for _, c := range p.Status.CAs {
		if strings.HasPrefix(c.Signer, "NOT AVAILABLE") {
			out = append(out, finding(Fail, "docs/runbook.md: a CA key is lost or stolen", "the %s CA: %s", c.Name, c.Signer))
		}
	}
	return out
}

func backupOld(_ context.Context, p *Patient) []Finding {
	const do = "gatehouse backup, from a timer (packaging/systemd has none: where it goes is yours to say)"
	switch {
	case p.Backup.IsZero():
		return one(Warn, do, "no backup has been taken of this data folder")
	case p.Now().Sub(p.Backup) > p.BackupAge:
		return one(Warn, do, "the last backup was taken at %s", p.Backup.UTC().Format(time.RFC3339))
	}
	return nil
}

func logUnwitnessed(_ context.Context, p *Patient) []Finding {
	if a := p.Settings.Audit; len(a.Witnesses) == 0 && len(a.Anchors) == 0 {
		return one(Warn, "audit.witnesses in gatehouse.yaml (docs/operations.md): a witness on a machine that others own", "nobody else has the audit log's checkpoints: whoever owns this machine can rewrite the log unnoticed")
	}
	var out []Finding
	if p.Status == nil {
		return nil
	}
	for _, a := range p.Status.Anchors {
		switch {
		case a.Alarm != "":
			out = append(out, finding(Fail, "docs/operations.md: a witness for the audit log", "%s %s: %s", a.Kind, a.Name, a.Alarm))
		case a.Problem != "":
			out = append(out, finding(Warn, "see that it can be reached", "%s %s: %s", a.Kind, a.Name, a.Problem))
		}
	}
	return out
}

// WebCertificateEnd is when the pages' certificate ends; zero where there is none that can be read.
func WebCertificateEnd(settings config.Config) time.Time {
	if settings.Web.TLS == nil {
		return time.Time{}
	}
	pair, err := tls.LoadX509KeyPair(settings.Web.TLS.Cert, settings.Web.TLS.Key)
	if err != nil {
		return time.Time{}
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return time.Time{}
	}
	return leaf.NotAfter
}

// alertsAnswer says which channels do not answer. Without a running service nobody can ask them.
func alertsAnswer(_ context.Context, p *Patient) []Finding {
	if len(p.Settings.Alerts) == 0 {
		return one(Warn, "alerts: in gatehouse.yaml (docs/alerts.md)", "nobody is told of requests, break-glass, or trouble with the evidence")
	}
	var out []Finding
	for _, a := range p.Alerts {
		if a.Problem != "" {
			out = append(out, finding(Fail, "docs/alerts.md; afterwards: ssh bastion alerts test "+a.Channel, "the channel %s does not answer: %s", a.Channel, a.Problem))
		}
	}
	return out
}
