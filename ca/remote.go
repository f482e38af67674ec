package ca

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/crypto/ssh"
)

// checkRemote accepts a signature that came from outside this process only if it is one by key over data, in the form that
// sshd takes. A signer that lies, or signed with another key, is found before anybody sees a certificate.
func checkRemote(key ssh.PublicKey, data []byte, sig *ssh.Signature) error {
	want := key.Type()
	if want == ssh.KeyAlgoRSA {
		want = ssh.KeyAlgoRSASHA512
	}
	if sig.Format != want {
		return fmt.Errorf("%w: it signed with %.40q, want %s", ErrSigner, sig.Format, want)
	}
	if err := key.Verify(data, sig); err != nil {
		return fmt.Errorf("%w: it returned a signature that is not by its key %s", ErrSigner, ssh.FingerprintSHA256(key))
	}
	return nil
}

// keepPublicKey holds on to which key a name is, in name.pub. A token or an agent that shows another key under that name is
// refused: what trusts the old one would not trust it, and whoever swapped it may not mean well.
func keepPublicKey(cfg SignerConfig, name string, key ssh.PublicKey) error {
	if cfg.Dir == "" || strings.HasPrefix(name, "SHA256:") { // a fingerprint names its key by itself
		return nil
	}
	path, err := cfg.keyPath(name)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(path + ".pub")
	if errors.Is(err, fs.ErrNotExist) {
		return writePublicKey(path, key)
	}
	if err != nil {
		return err
	}
	known, _, _, _, err := ssh.ParseAuthorizedKey(text)
	if err != nil {
		return fmt.Errorf("read %s.pub: %w", path, err)
	}
	if !sameKey(known, key) {
		return fmt.Errorf("it shows key %s, but %s.pub says %s: give back the right key, or rotate to a new one; remove %s.pub only if nothing trusts the old one",
			ssh.FingerprintSHA256(key), path, ssh.FingerprintSHA256(known), path)
	}
	return nil
}

// checkNotLost refuses to make a key where there was one: a key that is missing is to be found, not silently replaced by one
// that nobody trusts.
func checkNotLost(cfg SignerConfig, name string) error {
	path, err := cfg.keyPath(name)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(path + ".pub"); errors.Is(err, fs.ErrNotExist) || cfg.Dir == "" {
		return nil
	} else if err != nil {
		return err
	}
	return fmt.Errorf("the key that %s.pub is the public half of is missing: restore it; remove %s.pub only if nothing trusts the old one", path, path)
}
