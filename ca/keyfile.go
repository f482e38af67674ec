package ca

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"
)

// maxKeyFile bounds a key file; an Ed25519 key takes about 400 bytes, an RSA key of 8192 bits about 6 KiB.
const maxKeyFile = 32 << 10

// LoadOrCreateKey returns the private key in the file at path, in OpenSSH's format. Where there is none it makes an Ed25519
// key, mode 0600, whole or not at all, and never over an existing file: of two processes that race, both get the same key.
// The public key is kept beside it in path.pub. A file that others could read, or that belongs to someone else, is refused.
func LoadOrCreateKey(path string) (ssh.Signer, error) {
	signer, err := loadKey(path, SecretConfig{})
	if errors.Is(err, fs.ErrNotExist) {
		if err := createKey(path, SecretConfig{}); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("create key %s: %w", path, err)
		}
		signer, err = loadKey(path, SecretConfig{})
	}
	if err != nil {
		return nil, fmt.Errorf("load key %s: %w", path, err)
	}
	if err := writePublicKey(path, signer.PublicKey()); err != nil {
		return nil, fmt.Errorf("write %s.pub: %w", path, err)
	}
	return signer, nil
}

// loadKey reads a private key. Whether it is encrypted must be what the configuration says: a key that was meant to be
// protected and is not is found, not used.
func loadKey(path string, passphrase SecretConfig) (ssh.Signer, error) {
	f, err := openPlain(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := statPrivate(f)
	if err != nil {
		return nil, err
	}
	if err := checkKeyOwner(path, st.Uid); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile))
	if err != nil {
		return nil, err
	}
	signer, err := parseKey(path, text, passphrase)
	if err != nil {
		return nil, err
	}
	return signer, checkPublicKey(signer.PublicKey())
}

func parseKey(path string, text []byte, passphrase SecretConfig) (ssh.Signer, error) {
	signer, err := ssh.ParsePrivateKey(text)
	var encrypted *ssh.PassphraseMissingError
	switch {
	case errors.As(err, &encrypted) && !passphrase.Given():
		return nil, errors.New("it is protected by a passphrase: configure where that comes from, or remove it with ssh-keygen -p")
	case errors.As(err, &encrypted):
		word, err := passphrase.Reveal()
		if err != nil {
			return nil, err
		}
		signer, err = ssh.ParsePrivateKeyWithPassphrase(text, word)
		if errors.Is(err, x509.IncorrectPasswordError) {
			return nil, fmt.Errorf("the passphrase from the %s is not this key's", passphrase)
		}
		return signer, err
	case err == nil && passphrase.Given():
		return nil, fmt.Errorf("it is not encrypted, but a passphrase is configured: encrypt it with ssh-keygen -p -f %s", path)
	}
	return signer, err
}

// openPlain opens a file that is itself there: no link, and no pipe that would be waited for.
func openPlain(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, unix.ELOOP) {
		return nil, errors.New("it is a symbolic link: put the file itself there")
	}
	return f, err
}

// statPrivate looks at the opened file, so that what was checked is what is read.
func statPrivate(f *os.File) (unix.Stat_t, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return st, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return st, errors.New("it is not a regular file")
	}
	if perm := st.Mode & 0o777; perm&0o077 != 0 {
		return st, fmt.Errorf("others may use it (mode %04o): run chmod 600 %s, and replace what is in it if it was exposed", perm, f.Name())
	}
	return st, nil
}

// checkKeyOwner accepts the user that this process runs as; for root also the owner of the folder.
func checkKeyOwner(path string, owner uint32) error {
	self := uint32(os.Geteuid())
	if owner == self {
		return nil
	}
	var dir unix.Stat_t
	if err := unix.Stat(filepath.Dir(path), &dir); err != nil {
		return err
	}
	if self == 0 && owner == dir.Uid {
		return nil
	}
	return fmt.Errorf("it belongs to user %d, and this process is user %d: run chown %d %s", owner, self, self, path)
}

// createKey makes an Ed25519 key, encrypted where a passphrase is configured: aes256-ctr under bcrypt, as ssh-keygen does.
func createKey(path string, passphrase SecretConfig) error {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	block, err := marshalKey(private, "gatehouse "+filepath.Base(path), passphrase)
	if err != nil {
		return err
	}
	return createFile(path, 0o600, pem.EncodeToMemory(block))
}

func marshalKey(private ed25519.PrivateKey, comment string, passphrase SecretConfig) (*pem.Block, error) {
	if !passphrase.Given() {
		return ssh.MarshalPrivateKey(private, comment)
	}
	word, err := passphrase.Reveal()
	if err != nil {
		return nil, err
	}
	return ssh.MarshalPrivateKeyWithPassphrase(private, comment, word)
}

// writePublicKey keeps path.pub equal to the key; it is derived, so it is replaced where it differs.
func writePublicKey(path string, key ssh.PublicKey) error {
	line := append(bytes.TrimSuffix(ssh.MarshalAuthorizedKey(key), []byte("\n")), " gatehouse "+filepath.Base(path)+"\n"...)
	if old, err := os.ReadFile(path + ".pub"); err == nil && bytes.Equal(old, line) {
		return nil
	}
	return replaceFile(path+".pub", 0o644, line)
}
