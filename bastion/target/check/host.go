package check

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// soon is how long before its end a host certificate is worth a word.
const soon = 21 * 24 * time.Hour

func contains(s, part string) bool { return strings.Contains(s, part) }

// tellCertificate is about a host key that is the expected one.
func (c *checker) tellCertificate(key ssh.PublicKey) {
	cert, ok := key.(*ssh.Certificate)
	if !ok {
		c.host.add(OK, "host key", "", "the pinned key %s", ssh.FingerprintSHA256(key))
		return
	}
	c.report.HostCA = ssh.FingerprintSHA256(cert.SignatureKey)
	end := time.Unix(int64(cert.ValidBefore), 0).UTC()
	left := end.Sub(c.cfg.Now()).Truncate(time.Minute)
	if left < soon {
		c.host.add(Weak, "host key", enrollHint(c.cfg.Target.Name), "its host certificate ends in %s, at %s: after that Gatehouse does not connect", left, end.Format(time.RFC3339))
		return
	}
	c.host.add(OK, "host key", "", "a certificate by the host CA until %s", end.Format(time.RFC3339))
}

var opensshVersion = regexp.MustCompile(`^SSH-2\.0-OpenSSH_([0-9]{1,3})\.([0-9]{1,3})`)

// version is OpenSSH's, as its version line has it.
func version(line string) (major, minor int, ok bool) {
	m := opensshVersion.FindStringSubmatch(line)
	if m == nil {
		return 0, 0, false
	}
	major, _ = strconv.Atoi(m[1]) // digits
	minor, _ = strconv.Atoi(m[2])
	return major, minor, true
}

// tellVersion is about the version line, which is the target's word.
func (c *checker) tellVersion(line string) {
	major, minor, ok := version(line)
	switch {
	case line == "":
		c.host.add(NotChecked, "sshd", "", "its version is known only after a sign-in")
	case !ok:
		c.host.add(NotChecked, "sshd", "", "it calls itself %q: only OpenSSH is known here", line)
	case major < 8 || major == 8 && minor < 2:
		c.host.add(Weak, "sshd", "bring it up to date: 8.2 is the first that gatehouse targets enroll can set up", "it calls itself OpenSSH %d.%d", major, minor)
	default:
		c.host.add(OK, "sshd", "", "it calls itself OpenSSH %d.%d", major, minor)
	}
}
