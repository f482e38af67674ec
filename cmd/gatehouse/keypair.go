package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// keyPair is a client's key while it gets a certificate: in a file, or in memory on its way to the running ssh-agent.
type keyPair struct {
	path    string // "" for the ssh-agent
	comment string
	public  ssh.PublicKey
	private ed25519.PrivateKey // for the ssh-agent
	agent   net.Conn
}

// openKeyPair reads FILE.pub, or makes the pair if there is neither file; without a path it makes one for the ssh-agent, which
// must be reachable now: what is found out only when the proof is used up is found out too late.
func openKeyPair(path, comment string) (*keyPair, error) {
	k := &keyPair{path: path, comment: comment}
	if path != "" {
		return k, k.openFile()
	}
	socket := os.Getenv("SSH_AUTH_SOCK")
	if socket == "" {
		return nil, &exitError{exitUsage, errors.New("no ssh-agent runs here (SSH_AUTH_SOCK is not set); give --key FILE, or start one")}
	}
	var err error
	if k.agent, err = net.Dial("unix", socket); err != nil {
		return nil, fmt.Errorf("reach the ssh-agent: %w", err)
	}
	return k, k.make()
}

func (k *keyPair) close() {
	if k.agent != nil {
		_ = k.agent.Close()
	}
}

func (k *keyPair) make() error {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return fmt.Errorf("make key: %w", err)
	}
	k.private = private
	k.public, err = ssh.NewPublicKey(private.Public())
	return err
}

// openFile reads the public half, or makes both. A private half without a public one is left alone.
func (k *keyPair) openFile() error {
	text, err := os.ReadFile(k.path + ".pub")
	if err == nil {
		if k.public, k.comment, _, _, err = ssh.ParseAuthorizedKey(text); err != nil {
			return fmt.Errorf("%s.pub is not a public key such as ssh-keygen writes: %w", k.path, err)
		}
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read public key: %w", err)
	}
	if _, err := os.Lstat(k.path); err == nil {
		return fmt.Errorf("%s is there and %s.pub is not; write it with: ssh-keygen -y -f %s > %s.pub", k.path, k.path, k.path, k.path)
	}
	if err := k.make(); err != nil {
		return err
	}
	block, err := ssh.MarshalPrivateKey(k.private, k.comment)
	if err != nil {
		return fmt.Errorf("encode key: %w", err)
	}
	f, err := os.OpenFile(k.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write key: %w", err)
	}
	if _, err := f.Write(pem.EncodeToMemory(block)); err != nil {
		return errors.Join(fmt.Errorf("write key: %w", err), f.Close())
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("write key: %w", err)
	}
	return writeLines(k.path+".pub", []string{k.publicLine() + " " + k.comment}, 0o644)
}

// publicLine is the public key as ssh-keygen writes it, without a comment.
func (k *keyPair) publicLine() string { return trimLine(ssh.MarshalAuthorizedKey(k.public)) }

// keep checks that the line is a certificate for this key and principal, good now, and puts it where ssh finds it.
func (k *keyPair) keep(line, principal string, now time.Time) (where string, err error) {
	cert, err := checkCertificate(line, k.public, principal, now)
	if err != nil {
		return "", err
	}
	if k.agent == nil {
		path := k.path + "-cert.pub"
		return path, writeLines(path, []string{trimLine(ssh.MarshalAuthorizedKey(cert)) + " " + k.comment}, 0o644)
	}
	left := time.Unix(int64(cert.ValidBefore), 0).Sub(now)
	added := agent.AddedKey{PrivateKey: k.private, Certificate: cert, Comment: k.comment, LifetimeSecs: uint32(max(left/time.Second, 1))}
	if err := agent.NewClient(k.agent).Add(added); err != nil {
		return "", fmt.Errorf("put the certificate into the ssh-agent: %w", err)
	}
	return "ssh-agent", nil
}

// checkCertificate refuses a certificate that is not what was asked for. principal may be empty: any.
func checkCertificate(line string, key ssh.PublicKey, principal string, now time.Time) (*ssh.Certificate, error) {
	parsed, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
	if err != nil {
		return nil, fmt.Errorf("the answer is not a certificate: %w", err)
	}
	cert, ok := parsed.(*ssh.Certificate)
	switch {
	case !ok:
		return nil, errors.New("the answer is a key and not a certificate")
	case cert.CertType != ssh.UserCert || len(cert.ValidPrincipals) != 1 || principal != "" && cert.ValidPrincipals[0] != principal:
		return nil, fmt.Errorf("the certificate is for %q, not for %q", cert.ValidPrincipals, principal)
	case !bytes.Equal(cert.Key.Marshal(), key.Marshal()):
		return nil, errors.New("the certificate is for another key")
	case uint64(now.Unix()) >= cert.ValidBefore:
		return nil, errors.New("the certificate has expired already; compare this machine's clock")
	}
	return cert, nil
}

// writeLines replaces a file whole, so that nobody reads half of it.
func writeLines(path string, lines []string, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = f.WriteString(strings.Join(lines, "\n") + "\n")
	err = errors.Join(err, f.Chmod(mode), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
