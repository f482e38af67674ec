package doctor

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// clientTime bounds what the stock client may take; maxClientLines what is read of it.
const (
	clientTime     = 20 * time.Second
	maxClientLines = 2000
)

// Client is a client's side: what its own ssh makes of an address.
type Client struct {
	Address string // login@target@bastion, or the bastion alone
	Config  string // an ssh_config (-F); empty: the user's
	Now     func() time.Time
}

// clientChecks are the ids of what Examine may find, with what is right.
var clientChecks = []Check{
	{ID: "client.address", Title: "the address names a login, a target and the bastion"},
	{ID: "client.certificate-file", Title: "ssh has a certificate to show"},
	{ID: "client.certificate-valid", Title: "the certificate is valid now"},
	{ID: "client.certificate-principals", Title: "the certificate is an agent's or a person's"},
	{ID: "client.unreachable", Title: "the bastion can be reached"},
	{ID: "client.known-hosts", Title: "ssh knows the bastion by the face CA"},
	{ID: "client.refused", Title: "the bastion lets the client in"},
}

// ClientIDs are the ids of a client's checks.
func ClientIDs() []string {
	var out []string
	for _, c := range clientChecks {
		out = append(out, c.ID)
	}
	return out
}

// Examine looks at what ssh would use, and then has it connect, without running anything.
func (c Client) Examine(ctx context.Context) ([]Result, error) {
	found := map[string][]Finding{}
	c.checkAddress(found)
	options, err := c.options(ctx)
	if err != nil {
		return nil, err
	}
	c.checkCertificates(found, options)
	if err := c.connect(ctx, found); err != nil {
		return nil, err
	}
	var out []Result
	for _, check := range clientChecks {
		r := Result{ID: check.ID, Title: check.Title, OK: len(found[check.ID]) == 0}
		for _, f := range found[check.ID] {
			f.ID, f.Says = check.ID, shown(f.Says)
			r.Findings = append(r.Findings, f)
		}
		out = append(out, r)
	}
	return out, nil
}

func (c Client) checkAddress(found map[string][]Finding) {
	if strings.Count(c.Address, "@") == 1 {
		found["client.address"] = one(Warn, "ssh LOGIN@TARGET@BASTION, as in ssh deploy@web-1@bastion; or ssh -J BASTION LOGIN@TARGET",
			"%s names no target: before the last @ there must be LOGIN@TARGET. This reaches the console", c.Address)
	}
}

// command is the stock client with the arguments that every call has.
func (c Client) command(ctx context.Context, args ...string) *exec.Cmd {
	if c.Config != "" {
		args = append([]string{"-F", c.Config}, args...)
	}
	cmd := exec.CommandContext(ctx, "ssh", append(args, "--", c.Address)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.WaitDelay = time.Second
	return cmd
}

// options are what ssh makes of its configuration: every keyword with its values.
func (c Client) options(ctx context.Context) (map[string][]string, error) {
	ctx, cancel := context.WithTimeout(ctx, clientTime)
	defer cancel()
	text, err := c.command(ctx, "-G").Output()
	if err != nil {
		return nil, fmt.Errorf("ssh -G %q: %w", c.Address, err)
	}
	out := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		out[name] = append(out[name], value)
	}
	return out, nil
}

// checkCertificates looks at the files that ssh would offer.
func (c Client) checkCertificates(found map[string][]Finding, options map[string][]string) {
	paths := options["certificatefile"]
	for _, key := range options["identityfile"] {
		paths = append(paths, key+"-cert.pub")
	}
	seen, good := map[string]bool{}, 0
	for _, path := range paths {
		path = home(path)
		text, err := os.ReadFile(path)
		if err != nil || seen[path] {
			continue
		}
		seen[path] = true
		before := len(found["client.certificate-valid"]) + len(found["client.certificate-principals"])
		c.checkCertificate(found, path, text)
		if len(found["client.certificate-valid"])+len(found["client.certificate-principals"]) == before {
			good++
		}
	}
	switch {
	case len(seen) == 0:
		found["client.certificate-file"] = one(Warn, "gatehouse ssh-config writes the lines: IdentityFile KEY and CertificateFile KEY-cert.pub; gatehouse login or renew gets the certificate",
			"ssh has no certificate in a file (an ssh-agent may hold one): Gatehouse takes no plain key")
	case good > 0: // ssh will come to that one
		delete(found, "client.certificate-valid")
		delete(found, "client.certificate-principals")
	}
}

func (c Client) checkCertificate(found map[string][]Finding, path string, text []byte) {
	key, _, _, _, err := ssh.ParseAuthorizedKey(text)
	cert, ok := key.(*ssh.Certificate)
	if err != nil || !ok {
		found["client.certificate-valid"] = append(found["client.certificate-valid"], finding(Fail, "get a new one", "%s is no certificate", path))
		return
	}
	note := func(id, do, format string, args ...any) {
		found[id] = append(found[id], finding(Fail, do, format, args...))
	}
	now := uint64(max(c.Now().Unix(), 0))
	const renew = "gatehouse login, or ssh BASTION renew while it is still good"
	switch {
	case cert.CertType != ssh.UserCert:
		note("client.certificate-valid", "CertificateFile must name the user's", "%s is a host's certificate", path)
	case now >= cert.ValidBefore:
		note("client.certificate-valid", renew, "%s expired at %s", path, when(cert.ValidBefore))
	case now < cert.ValidAfter:
		note("client.certificate-valid", "set this machine's clock right, or wait", "%s is valid only from %s", path, when(cert.ValidAfter))
	}
	if len(cert.ValidPrincipals) != 1 || !strings.HasPrefix(cert.ValidPrincipals[0], "agent:") && !strings.HasPrefix(cert.ValidPrincipals[0], "person:") {
		note("client.certificate-principals", "get one from Gatehouse: a certificate for targets, or by another CA, does not open the door",
			"%s is for %q, and must be for one of agent:NAME or person:NAME", path, strings.Join(cert.ValidPrincipals, ","))
	}
}

func when(unix uint64) string {
	return time.Unix(int64(min(unix, 1<<40)), 0).UTC().Format(time.RFC3339)
}

func home(path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		if dir, err := os.UserHomeDir(); err == nil {
			return filepath.Join(dir, rest)
		}
	}
	return path
}

// What the stock client says, in the C locale, of what goes wrong. The banner comes from the door.
var (
	saysIn          = regexp.MustCompile(`^Authenticated to |^debug1: Authentication succeeded`)
	saysUnknownHost = regexp.MustCompile(`Host key verification failed|host key is known for|REMOTE HOST IDENTIFICATION HAS CHANGED|Certificate invalid: `)
	saysUnreachable = regexp.MustCompile(`^ssh: (connect to host|Could not resolve)|Connection (timed out|refused|closed by|reset by)|kex_exchange_identification`)
	saysDenied      = regexp.MustCompile(`Permission denied|Too many authentication failures`)
	saysBanner      = regexp.MustCompile(`^gatehouse: `)
)

// connect has ssh sign in and nothing else, and reads what it says until it is in or has ended.
func (c Client) connect(ctx context.Context, found map[string][]Finding) error {
	ctx, cancel := context.WithTimeout(ctx, clientTime)
	defer cancel()
	cmd := c.command(ctx, "-v", "-N", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "ControlPath=none")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("run ssh: %w", err)
	}
	c.read(bufio.NewScanner(stderr), found)
	cancel()
	_ = cmd.Wait() // it was told to end
	return nil
}

func (c Client) read(lines *bufio.Scanner, found map[string][]Finding) {
	var banner []string
	add := func(id, do, says string) {
		if len(found[id]) == 0 {
			found[id] = one(Fail, do, "%s", says)
		}
	}
	for n := 0; lines.Scan() && n < maxClientLines; n++ {
		line := strings.TrimSpace(lines.Text())
		switch {
		case saysIn.MatchString(line):
			return
		case saysBanner.MatchString(line):
			banner = append(banner, strings.TrimPrefix(line, "gatehouse: "))
		case saysUnknownHost.MatchString(line):
			add("client.known-hosts", "put the line of gatehouse ssh-config into known_hosts: @cert-authority NAMES KEY; HostKeyAlias must be one of the NAMES", line)
			return
		case saysDenied.MatchString(line):
			says := line
			if len(banner) > 0 {
				says = strings.Join(banner, "; ")
			}
			add("client.refused", "the reason is the bastion's own; without one, no certificate was shown, or its key is not at hand", says)
			return
		case saysUnreachable.MatchString(line):
			add("client.unreachable", "check HostName and Port in ssh_config, the way there, and that the service runs", line)
			return
		}
	}
	add("client.unreachable", "try again with ssh -vvv", "ssh ended, or took too long, without a word that is known")
}
