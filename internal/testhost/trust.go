package testhost

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"
)

// SetTargetCA replaces the CAs that the target trusts, as an administrator would; it counts from the next login on.
func (h *Host) SetTargetCA(lines string) error {
	return h.replace("etc/target_ca.pub", strings.TrimSpace(lines)+"\n")
}

// SetHostCertificate replaces the host certificate of a target that was started with one; it counts from the next connection on.
func (h *Host) SetHostCertificate(cert *ssh.Certificate) error {
	return h.replace("etc/host_key-cert.pub", string(ssh.MarshalAuthorizedKey(cert)))
}

func (h *Host) replace(name, text string) error {
	path := filepath.Join(h.cfg.Dir, fsDir, name)
	if err := writeFile(path+".new", text, 0o644); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("replace %s: %w", name, err)
	}
	return nil
}
