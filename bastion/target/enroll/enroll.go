// Package enroll writes the script that makes a host with a stock sshd a target, and the one that undoes it. Pure: no files,
// no network, no clock.
//
// The script is for a person to read before root runs it on the host: a head of quoted assignments made here, and a body that
// is the same for every target (enroll.sh, undo.sh). It trusts the target CA for the managed logins only, asks sshd itself
// whether the result is valid and in force before it reloads, and puts everything back otherwise. It never believes a host
// key: the administrator brings the key, and the host CA's certificate for it is in the script.
//
// Nothing that the inventory holds is read as shell: names are checked here again, and quoted all the same.
package enroll

import (
	_ "embed" // the bodies
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
)

var (
	//go:embed enroll.sh
	enrollBody string
	//go:embed undo.sh
	undoBody string
)

// maxLogins bounds a target's managed logins; sshd's own bound on a line is beyond it.
const maxLogins = 64

// Params is what a target is to be.
type Params struct {
	Target          string          // name in the inventory
	Logins          []string        // the accounts that only Gatehouse opens from now on
	Root            bool            // root may be among Logins: its own keys stop working then
	TargetCAs       []ssh.PublicKey // all that are published: during a rotation, two
	Bastions        []netip.Addr    // where Gatehouse dials from; sshd 9.8 and later does not penalise them; may be empty
	HostCertificate *ssh.Certificate
}

// ErrRoot says that root is among the logins and was not asked for.
var ErrRoot = errors.New("root is one of its logins, and root's own keys would stop working: make sure that there is another way in, and add --root")

// names are those of config's inventory, and a host's own account names: no shell and no sshd_config pattern is in them.
var names = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// Validate says what is missing or would not do.
func (p Params) Validate() error {
	switch {
	case !names.MatchString(p.Target):
		return fmt.Errorf("target %q is not a name", p.Target)
	case len(p.Logins) == 0:
		return fmt.Errorf("target %q has no logins", p.Target)
	case len(p.Logins) > maxLogins:
		return fmt.Errorf("target %q has %d logins, at most %d", p.Target, len(p.Logins), maxLogins)
	case len(p.TargetCAs) == 0:
		return errors.New("no target CA: nobody could log in")
	case slices.Contains(p.Logins, "root") && !p.Root:
		return ErrRoot
	}
	for _, l := range p.Logins {
		if !names.MatchString(l) {
			return fmt.Errorf("login %q is not a name", l)
		}
	}
	for _, k := range p.TargetCAs {
		if _, isCert := k.(*ssh.Certificate); k == nil || isCert {
			return errors.New("a target CA is not a plain public key")
		}
	}
	for _, a := range p.Bastions {
		if !a.IsValid() || a.Zone() != "" {
			return fmt.Errorf("address %q is not one that an sshd_config can name", a)
		}
	}
	return p.validateHost()
}

func (p Params) validateHost() error {
	c := p.HostCertificate
	if c == nil {
		return nil
	}
	if c.CertType != ssh.HostCert || !slices.Equal(c.ValidPrincipals, []string{p.Target}) {
		return fmt.Errorf("the host certificate is not one for target %q alone", p.Target)
	}
	return nil
}

// Script is the POSIX shell script that makes a host the target.
func Script(p Params) (string, error) {
	if err := p.Validate(); err != nil {
		return "", fmt.Errorf("enroll: %w", err)
	}
	var cas, from []string
	for _, k := range p.TargetCAs {
		cas = append(cas, line(k)+" gatehouse-target-ca")
	}
	for _, a := range p.Bastions {
		from = append(from, a.Unmap().String())
	}
	hostKey, hostCert := "", ""
	if c := p.HostCertificate; c != nil {
		hostKey, hostCert = line(c.Key), line(c)
	}
	return "#!/bin/sh\n# Gatehouse: makes this host the target " + p.Target + ". Read it, then run it as root; it can run again, and after a rotation must.\n" +
		"# It writes /etc/ssh/gatehouse, one file in /etc/ssh/sshd_config.d or one line of /etc/ssh/sshd_config, and reloads sshd.\n" +
		"# To undo it: gatehouse targets enroll " + p.Target + " --undo\nset -eu\n" +
		assign("target", p.Target) + assign("logins", strings.Join(p.Logins, " ")) + assign("from", strings.Join(from, ",")) +
		assign("target_cas", strings.Join(cas, "\n")) + assign("host_key", hostKey) + assign("host_certificate", hostCert) + enrollBody, nil
}

// Undo is the script that puts everything back to what it was before Script ran.
func Undo(target string) (string, error) {
	if !names.MatchString(target) {
		return "", fmt.Errorf("undo: target %q is not a name", target)
	}
	return "#!/bin/sh\n# Gatehouse: this host is no longer the target " + target + ". Run it as root.\nset -eu\n" + assign("target", target) + undoBody, nil
}

// line is a key as authorized_keys writes it, without a comment.
func line(k ssh.PublicKey) string { return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(k))) }

func assign(name, value string) string { return name + "=" + quote(value) + "\n" }

// quote makes a text one word of POSIX shell, whatever is in it.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
