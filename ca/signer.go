package ca

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"golang.org/x/crypto/ssh"
)

// The kinds of signer.
const (
	FileSigner   = "file"      // an OpenSSH key file in the CA folder
	AgentSigner  = "ssh-agent" // a key behind an ssh-agent's socket
	PKCS11Signer = "pkcs11"    // a key in a token that never leaves it
)

// defaultSignerTimeout bounds one signature by a remote signer.
const defaultSignerTimeout = 2 * time.Second

// ErrSigner says that a CA's key cannot sign now: the token or the agent that holds it does not answer, or answers wrongly.
// Nothing was signed; the same request may succeed later.
var ErrSigner = errors.New("the key cannot sign now")

// ErrNoKey says that a signer was asked well and holds no key by that name.
var ErrNoKey = errors.New("no key by that name")

// Signer holds one CA's key. Sign returns within a bound and may be called concurrently; its errors wrap ErrSigner, and what
// it returns verifies under PublicKey. A signer that failed is asked again at the next call: it recovers without a restart.
type Signer interface {
	ssh.Signer
	Describe() string // one line for the operator: where the key is and how it is kept
	Close() error     // gives up what it holds; Sign fails afterwards
}

// SignerConfig says where a CA's key is.
type SignerConfig struct {
	Kind          string        // FileSigner (also ""), AgentSigner or PKCS11Signer
	Dir           string        // the CA folder: the key files, and the public half of every key
	Passphrase    SecretConfig  // what encrypts keys in files, those of before a move included; the zero value: they are not
	Socket        string        // ssh-agent: the agent's socket
	Module, Token string        // pkcs11: the library, and the token's label
	PIN           SecretConfig  // pkcs11: the user PIN
	Timeout       time.Duration // ssh-agent, pkcs11: the bound of one call; 0 means 2s
	User          uint32        // ssh-agent: whose socket is trusted, besides this process's user's and root's; 0: nobody's
}

// Validate says what is missing, and what does not belong to the kind.
func (c SignerConfig) Validate() error {
	switch c.Kind {
	case "", FileSigner:
		if c.Socket != "" || c.Module != "" || c.Token != "" || c.PIN.Given() {
			return errors.New("a file signer has a passphrase at most; socket, module, token and pin belong to the others")
		}
	case AgentSigner:
		if c.Socket == "" {
			return errors.New("socket is missing: where the ssh-agent listens")
		}
		if c.Module != "" || c.Token != "" || c.PIN.Given() {
			return errors.New("an ssh-agent signer has no module, token or pin")
		}
	case PKCS11Signer:
		if c.Module == "" || c.Token == "" || !c.PIN.Given() {
			return errors.New("a pkcs11 signer needs module, token and pin")
		}
		if c.Socket != "" {
			return errors.New("a pkcs11 signer has no socket")
		}
	default:
		return fmt.Errorf("%q is not a kind of signer: %s, %s or %s", c.Kind, FileSigner, AgentSigner, PKCS11Signer)
	}
	return errors.Join(c.Passphrase.Validate(), c.PIN.Validate())
}

func (c SignerConfig) timeout() time.Duration {
	if c.Timeout <= 0 {
		return defaultSignerTimeout
	}
	return c.Timeout
}

// OpenSigner opens the key called name: its file, its PKCS#11 label, or the comment of the ssh-agent's key, there also its
// SHA256 fingerprint. Where there is none by that name the error is ErrNoKey.
func OpenSigner(cfg SignerConfig, name string) (Signer, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("signer of %s: %w", name, err)
	}
	switch cfg.Kind {
	case AgentSigner:
		return openAgentSigner(cfg, name)
	case PKCS11Signer:
		return openTokenSigner(cfg, name)
	}
	return openFileSigner(cfg, name)
}

// CreateSigner makes the key called name and opens it. A name that is taken is fs.ErrExist. An ssh-agent cannot make keys: the
// error says how to add one.
func CreateSigner(cfg SignerConfig, name string) (Signer, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("signer of %s: %w", name, err)
	}
	switch cfg.Kind {
	case AgentSigner:
		return createAgentSigner(cfg, name)
	case PKCS11Signer:
		return createTokenSigner(cfg, name)
	}
	return createFileSigner(cfg, name)
}

// keyPath is the file of a key in the CA folder. A name is one path element.
func (c SignerConfig) keyPath(name string) (string, error) {
	if name == "" || name != filepath.Base(name) || name == "." || name == ".." {
		return "", fmt.Errorf("%q is not a key's name", name)
	}
	return filepath.Join(c.Dir, name), nil
}

// openTimeout bounds opening and making a key, which take several calls.
func (c SignerConfig) openTimeout() time.Duration { return 3 * c.timeout() }
