package ca

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
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
	signer, err := loadKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := createKey(path); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("create key %s: %w", path, err)
		}
		signer, err = loadKey(path)
	}
	if err != nil {
		return nil, fmt.Errorf("load key %s: %w", path, err)
	}
	if err := writePublicKey(path, signer.PublicKey()); err != nil {
		return nil, fmt.Errorf("write %s.pub: %w", path, err)
	}
	return signer, nil
}

func loadKey(path string) (ssh.Signer, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, unix.ELOOP) {
		return nil, errors.New("it is a symbolic link: put the key itself there")
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := checkKeyFile(f); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile))
	if err != nil {
		return nil, err
	}
	signer, err := ssh.ParsePrivateKey(text)
	var encrypted *ssh.PassphraseMissingError
	if errors.As(err, &encrypted) {
		return nil, errors.New("it is protected by a passphrase: remove it with ssh-keygen -p")
	}
	if err != nil {
		return nil, err
	}
	return signer, checkPublicKey(signer.PublicKey())
}

// checkKeyFile looks at the opened file, so that what was checked is what is read.
func checkKeyFile(f *os.File) error {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return errors.New("it is not a regular file")
	}
	if perm := st.Mode & 0o777; perm&0o077 != 0 {
		return fmt.Errorf("others may use it (mode %04o): run chmod 600 %s, and replace the key if it was exposed", perm, f.Name())
	}
	return checkKeyOwner(f.Name(), st.Uid)
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

func createKey(path string) error {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	block, err := ssh.MarshalPrivateKey(private, "gatehouse "+filepath.Base(path))
	if err != nil {
		return err
	}
	return createFile(path, 0o600, pem.EncodeToMemory(block))
}

// writePublicKey keeps path.pub equal to the key; it is derived, so it is replaced where it differs.
func writePublicKey(path string, key ssh.PublicKey) error {
	line := append(bytes.TrimSuffix(ssh.MarshalAuthorizedKey(key), []byte("\n")), " gatehouse "+filepath.Base(path)+"\n"...)
	if old, err := os.ReadFile(path + ".pub"); err == nil && bytes.Equal(old, line) {
		return nil
	}
	return replaceFile(path+".pub", 0o644, line)
}
