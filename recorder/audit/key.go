package audit

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// The key's files in a log's folder.
const (
	KeyFile      = "log.key" // note signer key, mode 0600
	VerifierFile = "log.pub" // note verifier key: hand this to whoever should verify
)

// LoadOrCreateKey returns the signer of the log in dir and its verifier key. If dir has no key it makes one for origin, which
// must not contain spaces or "+"; the key file appears whole or not at all.
func LoadOrCreateKey(dir, origin string) (note.Signer, string, error) {
	path := filepath.Join(dir, KeyFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = createKey(dir, origin); err == nil || errors.Is(err, fs.ErrExist) {
			text, err = os.ReadFile(path)
		}
	}
	if err != nil {
		return nil, "", fmt.Errorf("log key: %w", err)
	}
	st, err := os.Stat(path)
	if err != nil {
		return nil, "", fmt.Errorf("log key: %w", err)
	}
	if st.Mode().Perm()&0o077 != 0 {
		return nil, "", fmt.Errorf("log key %s is open to others (mode %04o); chmod it to 0600", path, st.Mode().Perm())
	}
	signer, err := note.NewSigner(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, "", fmt.Errorf("log key %s: %w", path, err)
	}
	if signer.Name() != origin {
		return nil, "", fmt.Errorf("log key %s is of %q, not of %q", path, signer.Name(), origin)
	}
	pub, err := os.ReadFile(filepath.Join(dir, VerifierFile))
	if err != nil {
		return nil, "", fmt.Errorf("log verifier key: %w", err)
	}
	return signer, strings.TrimSpace(string(pub)), nil
}

// createKey makes the verifier key's file first, so that a folder with a key always has both.
func createKey(dir, origin string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	secret, public, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		return err
	}
	if _, err := note.NewSigner(secret); err != nil {
		return fmt.Errorf("origin %q: %w", origin, err)
	}
	if err := ReplaceFile(filepath.Join(dir, VerifierFile), []byte(public+"\n"), 0o644); err != nil {
		return err
	}
	return ReplaceFile(filepath.Join(dir, KeyFile), []byte(secret+"\n"), 0o600)
}

// ReplaceFile replaces a file atomically and durably: after a power cut it holds the old bytes or the new ones, whole.
func ReplaceFile(path string, b []byte, mode fs.FileMode) error {
	tmp := path + ".tmp"
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		os.Remove(tmp)
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
