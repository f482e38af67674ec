package ca

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// maxSecret bounds a passphrase or a PIN.
const maxSecret = 1 << 10

// SecretConfig says where a passphrase or a PIN comes from: exactly one of three, or none.
type SecretConfig struct {
	File       string // a file that its owner alone can read
	Env        string // an environment variable
	Credential string // a systemd credential: a file in $CREDENTIALS_DIRECTORY

	value *secret // read already
}

// secret never shows itself.
type secret struct{ text []byte }

func (*secret) String() string   { return "(secret)" }
func (*secret) GoString() string { return "(secret)" }

// Given reports whether there is a source.
func (c SecretConfig) Given() bool { return c.File != "" || c.Env != "" || c.Credential != "" }

// Validate refuses more than one source, and a credential that is not a plain name.
func (c SecretConfig) Validate() error {
	given := 0
	for _, s := range []string{c.File, c.Env, c.Credential} {
		if s != "" {
			given++
		}
	}
	if given > 1 {
		return errors.New("a secret has one source: file, env or credential")
	}
	if strings.ContainsAny(c.Env, "=\x00") {
		return fmt.Errorf("%q is not the name of an environment variable", c.Env)
	}
	if c.Credential != "" && (c.Credential != filepath.Base(c.Credential) || c.Credential == "." || c.Credential == "..") {
		return fmt.Errorf("%q is not the name of a systemd credential", c.Credential)
	}
	return nil
}

// String names the source, never the secret.
func (c SecretConfig) String() string {
	switch {
	case c.File != "":
		return "file " + c.File
	case c.Env != "":
		return "environment variable " + c.Env
	case c.Credential != "":
		return "systemd credential " + c.Credential
	}
	return "no source"
}

// Resolve reads the secret now, so that its source is not needed again: it may be out of reach later, and an environment
// variable can be unset. A source that is missing, empty or open to others is an error.
func (c SecretConfig) Resolve() (SecretConfig, error) {
	if !c.Given() || c.value != nil {
		return c, nil
	}
	if err := c.Validate(); err != nil {
		return c, err
	}
	text, err := c.source()
	if err != nil {
		// Not wrapped: a passphrase file that is not there must not be taken for a key file that is not there.
		return c, fmt.Errorf("secret from %s: %v", c, err)
	}
	return c.WithValue(text)
}

// WithValue is c with its secret, read elsewhere. One trailing newline is not part of it.
func (c SecretConfig) WithValue(text []byte) (SecretConfig, error) {
	text = bytes.TrimSuffix(text, []byte("\n"))
	text = bytes.TrimSuffix(text, []byte("\r"))
	if len(text) == 0 {
		return c, fmt.Errorf("secret from %s: it is empty", c)
	}
	if len(text) > maxSecret || bytes.ContainsAny(text, "\n\x00") {
		return c, fmt.Errorf("secret from %s: want one line of at most %d bytes", c, maxSecret)
	}
	c.value = &secret{bytes.Clone(text)}
	return c, nil
}

// Reveal is the secret; it reads the source if Resolve did not.
func (c SecretConfig) Reveal() ([]byte, error) {
	c, err := c.Resolve()
	if err != nil {
		return nil, err
	}
	if c.value == nil {
		return nil, errors.New("no secret is configured")
	}
	return c.value.text, nil
}

func (c SecretConfig) source() ([]byte, error) {
	switch {
	case c.Env != "":
		text, ok := os.LookupEnv(c.Env)
		if !ok {
			return nil, errors.New("it is not set")
		}
		return []byte(text), nil
	case c.Credential != "":
		dir, ok := os.LookupEnv("CREDENTIALS_DIRECTORY")
		if !ok || !filepath.IsAbs(dir) {
			return nil, errors.New("there is no $CREDENTIALS_DIRECTORY: give the unit a LoadCredential= or LoadCredentialEncrypted= line")
		}
		return ReadSecretFile(filepath.Join(dir, c.Credential))
	}
	return ReadSecretFile(c.File)
}

// ReadSecretFile reads a small file that nobody but its owner can, and whose owner is this process's user or root. Links and
// pipes are refused. At most some hundred bytes more than a secret may have are read.
func ReadSecretFile(path string) ([]byte, error) {
	f, err := openPlain(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := statPrivate(f)
	if err != nil {
		return nil, err
	}
	if st.Uid != 0 { // root's are anybody's who is allowed to read them
		if err := checkKeyOwner(path, st.Uid); err != nil {
			return nil, err
		}
	}
	return io.ReadAll(io.LimitReader(f, maxSecret+3)) // with a line's end, and enough to see that there is more
}

// CreateSecretFile makes a file that only its owner can read, durable when it returns; fs.ErrExist where there is one.
func CreateSecretFile(path string, text []byte) error { return createFile(path, 0o600, text) }
