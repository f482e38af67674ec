package check

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/ca"
	"gatehouse/internal/decider/protocol"
)

// maxOthers is how many other targets' principals are tried: with the bare login they fit into one connection, before sshd's
// MaxAuthTries ends it.
const maxOthers = 3

// Config is what a check needs to know. All fields but Others, Now and Limit are required.
type Config struct {
	ID        string              // "chk_…"
	Target    protocol.Target     // remote
	HostCAs   []ssh.PublicKey     // for targets without a pinned key
	TargetCAs []protocol.TargetCA // those that the target is to trust
	Others    []string            // other targets of the inventory, which have nothing to open here
	By        string              // who checks, for the log
	Now       func() time.Time    // nil means time.Now
	Limit     time.Duration       // for everything about one login; 0 means 30 s

	// Probe has a certificate made. It may be called by one goroutine at a time.
	Probe func(context.Context, protocol.Probe) (protocol.ProbeAnswer, error)
}

// Validate says what is missing.
func (c Config) Validate() error {
	switch {
	case c.ID == "" || c.Probe == nil:
		return errors.New("a check without an id, or without a way to certificates")
	case c.Target.Local || c.Target.Address == "":
		return fmt.Errorf("target %q is this machine: there is no sshd to check", c.Target.Name)
	case len(c.TargetCAs) == 0:
		return errors.New("a check without a target CA")
	}
	return nil
}

// checker is one check of one target.
type checker struct {
	cfg        Config
	recognise  ssh.HostKeyCallback
	algorithms []string
	host       findings // of the whole target
	told       bool     // about the host: the first connection says it
	stop       bool     // nobody answers, or it is another host
	report     Report
}

// Run checks a target, one login after the other, each within 30 s. It returns what it found; its error is a configuration that
// does not do.
func Run(ctx context.Context, cfg Config) (Report, error) {
	if err := cfg.Validate(); err != nil {
		return Report{}, err
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Limit == 0 {
		cfg.Limit = loginLimit
	}
	c := &checker{cfg: cfg, report: Report{Target: cfg.Target.Name}}
	if err := c.expectHost(); err != nil {
		return Report{}, err
	}
	var perLogin []Finding
	accepted := map[string]int{}
	for _, login := range cfg.Target.Logins {
		found := c.login(ctx, login, accepted)
		perLogin = append(perLogin, found...)
		if c.stop || ctx.Err() != nil {
			break
		}
	}
	c.report.Findings = append(c.host.list, perLogin...)
	for print, n := range accepted {
		if n == len(cfg.Target.Logins) {
			c.report.Accepted = append(c.report.Accepted, print)
		}
	}
	slices.Sort(c.report.Accepted)
	return c.report, nil
}

// expectHost says how the host is recognised: as the door does.
func (c *checker) expectHost() error {
	t := c.cfg.Target
	hostCAs, pinned := c.cfg.HostCAs, ssh.PublicKey(nil)
	c.algorithms = []string{ssh.CertAlgoED25519v01, ssh.CertAlgoECDSA256v01, ssh.CertAlgoECDSA384v01, ssh.CertAlgoECDSA521v01, ssh.CertAlgoRSASHA512v01, ssh.CertAlgoRSASHA256v01}
	if len(t.HostKey) > 0 {
		key, err := ssh.ParsePublicKey(t.HostKey)
		if err != nil {
			return fmt.Errorf("host key of %s: %w", t.Name, err)
		}
		hostCAs, pinned, c.algorithms = nil, key, []string{key.Type()}
		if key.Type() == ssh.KeyAlgoRSA {
			c.algorithms = []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
		}
	}
	var err error
	c.recognise, err = ca.HostKeyChecker(t.Name, hostCAs, pinned, c.cfg.Now)
	return err
}

// login checks one account: what opens it, what it sees, what does not open it, in this order, because a target may hold
// refused certificates against us.
func (c *checker) login(ctx context.Context, login string, accepted map[string]int) []Finding {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Limit)
	defer cancel()
	f := &findings{login: login}
	for _, key := range c.cfg.TargetCAs {
		public, err := ssh.ParsePublicKey(key.PublicKey)
		if err != nil || key.State == protocol.TargetCAOld {
			continue // what it signed has expired by the time it would matter
		}
		print := ssh.FingerprintSHA256(public)
		if c.opens(ctx, f, login, print, key.State == protocol.TargetCAActive) {
			accepted[print]++
		}
		if c.stop {
			return f.list
		}
	}
	c.refuses(ctx, f, login)
	return f.list
}

// opens shows the certificate that opens the login. With the key that signs now it goes in and looks around.
func (c *checker) opens(ctx context.Context, f *findings, login, print string, look bool) bool {
	what := "target CA " + print
	var line string
	probing := error(nil)
	v, err := c.dial(ctx, login, look, func() ([]ssh.Signer, error) {
		var signer ssh.Signer
		signer, line, probing = c.signer(ctx, protocol.Probe{Login: login, Principal: protocol.ProbeOwn, CA: print})
		return []ssh.Signer{signer}, probing
	})
	defer v.close()
	c.tellHost(v, err)
	switch {
	case c.stop:
		return false // the host's findings say why
	case !v.trusted:
		f.add(Broken, what, "look at it again: another host may have answered", "the host was not recognised this time: %v", err)
		return false
	case probing != nil:
		f.add(NotChecked, what, "", "no certificate: %v", probing)
		return false
	case v.accepted < 0:
		f.add(Broken, what, "gatehouse targets enroll "+c.cfg.Target.Name+" prints the script to run there", "its certificate does not open the login: %v", err)
		return false
	case look && v.client == nil:
		f.add(Broken, what, "look for the login in the target's own auth log", "the certificate is accepted, and the login does not open: %v", err)
		return false
	}
	f.add(OK, what, "", "its certificate opens the login")
	if look {
		c.inside(ctx, f, v, line)
		c.looks(ctx, f, login, print)
	}
	return true
}

// signer has a certificate made for a fresh key.
func (c *checker) signer(ctx context.Context, p protocol.Probe) (ssh.Signer, string, error) {
	key, err := c.newKey()
	if err != nil {
		return nil, "", err
	}
	p.Check, p.Target, p.By, p.PublicKey = c.cfg.ID, c.cfg.Target.Name, c.cfg.By, key.PublicKey().Marshal()
	a, err := c.cfg.Probe(ctx, p)
	if err != nil {
		return nil, "", err
	}
	cert, err := ca.ParseCertificate(a.Certificate)
	if err != nil {
		return nil, "", err
	}
	signer, err := ssh.NewCertSigner(cert, key)
	return signer, a.Line, err
}

// tellHost says once whether the target answers and is the one that it should be; if not, nothing more is asked of it.
func (c *checker) tellHost(v *visit, err error) {
	if c.told {
		return
	}
	c.told = true
	t := c.cfg.Target
	var none *ssh.AlgorithmNegotiationError
	noKey := errors.As(err, &none) && none.What == "host key"
	if v.hostKey == nil && !noKey {
		c.stop = true
		c.host.add(Broken, "reachable", "start its sshd, or mend address in targets.yaml", "%s does not answer as an SSH server: %v", t.Address, err)
		return
	}
	c.report.Reached = true
	c.host.add(OK, "reachable", "", "%s answers", t.Address)
	switch {
	case noKey:
		c.stop = true
		c.host.add(Broken, "host key", enrollHint(t.Name), "it shows none of the kind that is expected, such as a certificate: %v", err)
	case !v.trusted:
		c.stop = true
		c.host.add(Broken, "host key", "if the key was replaced on purpose: "+enrollHint(t.Name)+", or mend host_key in targets.yaml", "%v", err)
	default:
		c.tellCertificate(v.hostKey)
		c.tellVersion(v.server)
	}
}

func enrollHint(target string) string {
	return "gatehouse targets enroll " + target + " --host-key FILE prints a script with a certificate"
}

// refuses shows certificates that must not open the login.
func (c *checker) refuses(ctx context.Context, f *findings, login string) {
	probes := []protocol.Probe{{Login: login, Principal: protocol.ProbeBare}}
	names := []string{"a certificate with the bare login as principal"}
	others := append([]string{""}, c.cfg.Others[:min(len(c.cfg.Others), maxOthers-1)]...)
	for _, other := range others {
		probes = append(probes, protocol.Probe{Login: login, Principal: protocol.ProbeOther, Other: other})
		names = append(names, "a certificate for "+cmp.Or(other, "another target"))
	}
	var probing error
	v, err := c.dial(ctx, login, false, func() (signers []ssh.Signer, _ error) {
		for _, p := range probes {
			var s ssh.Signer
			if s, _, probing = c.signer(ctx, p); probing != nil {
				return nil, probing
			}
			signers = append(signers, s)
		}
		return signers, nil
	})
	defer v.close()
	const what = "other certificates"
	switch {
	case probing != nil:
		f.add(NotChecked, what, "", "no certificate: %v", probing)
	case v.accepted >= 0:
		f.add(Broken, what, "AuthorizedPrincipalsFile must hold "+ca.TargetPrincipal(c.cfg.Target.Name, "LOGIN")+" alone, in root's own file: gatehouse targets enroll prints a script that does it", "%s opens the login", names[v.accepted])
	case v.client != nil:
		f.add(Broken, "sign-in", "AuthenticationMethods publickey", "the login opens without any proof")
	case !v.trusted || !refusal(err):
		f.add(NotChecked, what, "", "the target did not say: %v", err)
	default:
		f.add(OK, what, "", "neither the bare login nor another target's principal opens it")
	}
	switch {
	case len(v.methods) > 0:
		f.add(Weak, "sign-in", "AuthenticationMethods publickey for the login", "it offers %s besides certificates", v.methods[0])
	case v.accepted < 0 && refusal(err):
		f.add(OK, "sign-in", "", "by certificate alone")
	default:
		f.add(NotChecked, "sign-in", "", "the target did not say what else it offers")
	}
}

// refusal reports whether a sign-in ended because the target took nothing that it was shown.
func refusal(err error) bool {
	var none *ssh.ServerAuthError
	return err != nil && (errors.As(err, &none) || errors.Is(err, errOnlyAsked) || contains(err.Error(), "unable to authenticate"))
}
