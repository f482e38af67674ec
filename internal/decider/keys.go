package decider

import (
	"crypto/ed25519"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/crypto/ssh"

	"gatehouse/ca"
	"gatehouse/recorder/audit"
)

// Where things are in the decider's folder.
const (
	caDir      = "ca"
	logDir     = "log"
	permitFile = "permit_key"
)

// CADir and LogDir are the folders of the CA keys and of the audit log below a decider's folder.
func CADir(dir string) string { return filepath.Join(dir, caDir) }

// LogDir is the audit log's folder.
func LogDir(dir string) string { return filepath.Join(dir, logDir) }

func (d *Decider) openKeys() error {
	var err error
	if d.cas, err = ca.OpenWith(CADir(d.cfg.Dir), d.cfg.Signers, d.cfg.Now); err != nil {
		return err
	}
	if d.permits, err = loadPermitKey(filepath.Join(d.cfg.Dir, permitFile)); err != nil {
		return err
	}
	d.input, err = loadInputKey(filepath.Join(d.cfg.Dir, inputFile))
	return err
}

// loadPermitKey reads the key that signs permits, or makes it. It is no CA key: nothing outside this installation knows it.
func loadPermitKey(path string) (ed25519.PrivateKey, error) {
	if _, err := ca.LoadOrCreateKey(path); err != nil {
		return nil, fmt.Errorf("permit key: %w", err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("permit key: %w", err)
	}
	if block, _ := pem.Decode(text); block == nil {
		return nil, fmt.Errorf("permit key %s is not PEM", path)
	}
	raw, err := ssh.ParseRawPrivateKey(text)
	if err != nil {
		return nil, fmt.Errorf("permit key: %w", err)
	}
	key, ok := raw.(*ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("permit key %s is not Ed25519", path)
	}
	return *key, nil
}

func (d *Decider) openLog() error {
	dir := LogDir(d.cfg.Dir)
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make log folder: %w", err)
	}
	signer, verifier, err := audit.LoadOrCreateKey(dir, d.cfg.Node)
	if err != nil {
		return err
	}
	d.log, err = audit.Open(audit.Config{Dir: dir, Signer: signer, VerifierKey: verifier, Origin: d.cfg.Node, Node: d.cfg.Node, Now: d.cfg.Now, Log: d.cfg.Log.Named("audit")})
	return err
}
