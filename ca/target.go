package ca

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"gatehouse/policy"

	"golang.org/x/crypto/ssh"
)

// The longest lives of certificates that open a target.
const (
	MaxTargetTTL = time.Minute
	MaxPinnedTTL = 30 * time.Second // with a ForceCommand
)

// maxForceCommand bounds a pinned command; what is longer does not fit into one SSH authentication packet everywhere.
const maxForceCommand = 16 << 10

// TargetCA signs what opens a target. Targets trust it and nothing else of ours. Safe for concurrent use.
type TargetCA struct{ authority }

// NewTargetCA returns the CA that targets trust.
func NewTargetCA(cfg Config) (*TargetCA, error) {
	a, err := newAuthority(cfg, MaxTargetTTL)
	if err != nil {
		return nil, fmt.Errorf("target CA: %w", err)
	}
	return &TargetCA{a}, nil
}

// TargetRequest asks for a certificate that opens one target as one login.
type TargetRequest struct {
	PublicKey    ssh.PublicKey // of a key that lives for one connection
	Target       string
	Login        policy.Login
	Identity     policy.Identity // for whom: goes into the key ID
	Request      string          // id of what was decided, may be empty
	Connection   string          // id of the client's connection
	TTL          time.Duration   // at most MaxTargetTTL, with ForceCommand MaxPinnedTTL
	Source       netip.Addr      // where Gatehouse dials from; the zero Addr means that the target does not check
	PTY          bool            // whether sshd may allocate a terminal
	ForceCommand string          // pinned: the one command line that sshd runs, whatever is asked for
	Forward      bool            // whether sshd may forward ports and sockets to where it reaches; only with a ForceCommand
}

// TargetPrincipal is the only principal that opens login on target. A target lists it in its AuthorizedPrincipalsFile.
// Stock sshd knows no audience: with a bare login as principal, one target's certificate would open them all.
func TargetPrincipal(target string, login policy.Login) string {
	return "gh:" + target + ":" + string(login)
}

// Issue signs a user certificate for one target and one login. Of the permit-* extensions it has at most permit-pty, or for a
// forward permit-port-forwarding.
func (ca *TargetCA) Issue(r TargetRequest) (*ssh.Certificate, error) {
	if err := r.validate(); err != nil {
		return nil, fmt.Errorf("issue for target %q: %w", r.Target, err)
	}
	options := map[string]string{}
	max := MaxTargetTTL
	if r.ForceCommand != "" {
		options["force-command"] = r.ForceCommand
		max = MaxPinnedTTL
	}
	if r.Source.IsValid() {
		source := r.Source.Unmap().WithZone("")
		options[sourceAddress] = netip.PrefixFrom(source, source.BitLen()).String()
	}
	extensions := map[string]string{}
	if r.PTY {
		extensions["permit-pty"] = ""
	}
	if r.Forward {
		extensions["permit-port-forwarding"] = ""
	}
	cert, err := ca.issue(&ssh.Certificate{
		Key:             r.PublicKey,
		CertType:        ssh.UserCert,
		KeyId:           keyID(r.Identity, r.Request, r.Connection),
		ValidPrincipals: []string{TargetPrincipal(r.Target, r.Login)},
		Permissions:     ssh.Permissions{CriticalOptions: options, Extensions: extensions},
	}, r.TTL, max)
	if err != nil {
		return nil, fmt.Errorf("issue for %s: %w", TargetPrincipal(r.Target, r.Login), err)
	}
	return cert, nil
}

func (r TargetRequest) validate() error {
	if r.Request != "" {
		if err := checkID("request", r.Request); err != nil {
			return err
		}
	}
	if len(r.ForceCommand) > maxForceCommand {
		return fmt.Errorf("pinned command of %d bytes: want at most %d", len(r.ForceCommand), maxForceCommand)
	}
	if r.Forward && (r.ForceCommand == "" || r.PTY) {
		return errors.New("a certificate that forwards runs one fixed command and has no terminal")
	}
	if strings.ContainsRune(r.ForceCommand, 0) {
		return errors.New("pinned command with a NUL byte: no execve can carry it")
	}
	return cmp.Or(checkName("target", r.Target), checkLogin(r.Login), checkIdentity(r.Identity),
		checkID("connection", r.Connection))
}
