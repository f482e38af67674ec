package recorder

import (
	"bytes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"
	"golang.org/x/crypto/chacha20poly1305"
)

// Recipient is somebody for whom recordings are encrypted.
type Recipient struct {
	Name string // as a person recognises it: the age recipient, or an SSH key's type and fingerprint
	Key  age.Recipient
}

// Encryption says for whom new recordings are encrypted, and which recordings can be read here. The zero value encrypts
// nothing and reads what is not encrypted.
//
// Every recording has a data key of its own. The key lies beside the recording in a file that only the recipients can
// open, so that it can be destroyed alone: the recording then stays what the audit log says of it, and nobody can read it.
type Encryption struct {
	Recipients []Recipient
	Identities []age.Identity
}

const (
	cipherName = "chacha20poly1305"
	keySuffix  = ".key"
	keyPrefix  = "gatehouse recording key 1\n"
	maxKeyFile = 64 << 10
)

// MaxRecipients bounds Encryption.Recipients.
const MaxRecipients = 16

// EncryptedError is returned for a recording that is encrypted and cannot be read here.
type EncryptedError struct {
	Session string
	For     string // whom it was encrypted for
	Lost    bool   // its key is gone: it was shredded, or the key file was lost
	Why     string
}

func (e *EncryptedError) Error() string {
	if e.Lost {
		return "the recording is encrypted and its key is gone: it was shredded, or its key file was lost"
	}
	return fmt.Sprintf("the recording is encrypted for %s (%s): decrypt it with your own identity: "+
		"gatehouse sessions export %s --format raw > %s.tar, then gatehouse recording play %s.tar --identity FILE", e.For, e.Why, e.Session, e.Session, e.Session)
}

// Names are the recipients as a recording's header has them.
func (e Encryption) Names() string {
	names := make([]string, len(e.Recipients))
	for i, r := range e.Recipients {
		names[i] = r.Name
	}
	return strings.Join(names, ", ")
}

// Check encrypts something for all recipients, and says what is wrong with them together. openable is how many recipients
// the identities can stand for: none means that recordings made now cannot be read here.
func (e Encryption) Check() (openable int, err error) {
	if len(e.Recipients) > MaxRecipients {
		return 0, fmt.Errorf("%d recipients, at most %d", len(e.Recipients), MaxRecipients)
	}
	if len(e.Recipients) > 0 {
		if _, err := wrapKey(make([]byte, chacha20poly1305.KeySize), sessionPrefix, e.Recipients...); err != nil {
			return 0, err
		}
	}
	for _, r := range e.Recipients {
		sealed, err := wrapKey(make([]byte, chacha20poly1305.KeySize), sessionPrefix, r)
		if err != nil {
			return 0, err
		}
		if _, err := e.unwrapKey(sealed, sessionPrefix); err == nil {
			openable++
		}
	}
	return openable, nil
}

// wrapKey encrypts a data key.
func wrapKey(key []byte, session string, to ...Recipient) ([]byte, error) {
	keys := make([]age.Recipient, len(to))
	for i, r := range to {
		keys[i] = r.Key
	}
	var out bytes.Buffer
	w, err := age.Encrypt(&out, keys...)
	if err != nil {
		return nil, fmt.Errorf("encrypt the data key: %w", err)
	}
	if _, err := io.WriteString(w, keyPrefix+session+"\n"+base64.StdEncoding.EncodeToString(key)+"\n"); err != nil {
		return nil, fmt.Errorf("encrypt the data key: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("encrypt the data key: %w", err)
	}
	return out.Bytes(), nil
}

// unwrapKey decrypts a data key, which must be the session's.
func (e Encryption) unwrapKey(sealed []byte, session string) ([]byte, error) {
	if len(e.Identities) == 0 {
		return nil, errors.New("no identity is configured")
	}
	r, err := age.Decrypt(bytes.NewReader(sealed), e.Identities...)
	if err != nil {
		return nil, fmt.Errorf("the identity at hand does not open it: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(r, 1<<10))
	if err != nil {
		return nil, fmt.Errorf("read the data key: %w", err)
	}
	rest, ok := strings.CutPrefix(string(text), keyPrefix+session+"\n")
	if !ok {
		return nil, fmt.Errorf("%w: the key file is not of %s", ErrCorrupt, session)
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(rest, "\n"))
	if err != nil || len(key) != chacha20poly1305.KeySize {
		return nil, fmt.Errorf("%w: the key file holds no key", ErrCorrupt)
	}
	return key, nil
}

// newKey makes a data key for a session; sealed is what the key file holds.
func (e Encryption) newKey(session string) (aead cipher.AEAD, sealed []byte, err error) {
	key := make([]byte, chacha20poly1305.KeySize)
	rand.Read(key) // never fails: crypto/rand ends the program instead
	if sealed, err = wrapKey(key, session, e.Recipients...); err != nil {
		return nil, nil, err
	}
	aead, err = chacha20poly1305.New(key)
	clear(key)
	return aead, sealed, err
}

// open returns the cipher of an encrypted recording from the bytes of its key file, or an *EncryptedError.
func (e Encryption) open(h Header, sealed []byte, err error) (cipher.AEAD, error) {
	refused := &EncryptedError{Session: h.Session, For: h.Recipients}
	if errors.Is(err, fs.ErrNotExist) {
		refused.Lost = true
		return nil, refused
	}
	var key []byte
	if err == nil {
		key, err = e.unwrapKey(sealed, h.Session)
	}
	if err != nil {
		refused.Why = err.Error()
		return nil, refused
	}
	defer clear(key)
	return chacha20poly1305.New(key)
}

// KeyPath is where the key of the recording at path lies.
func KeyPath(path string) string { return strings.TrimSuffix(path, fileSuffix) + keySuffix }

// readKeyFile reads the key file of the recording at path.
func readKeyFile(path string) ([]byte, error) {
	f, err := os.Open(KeyPath(path))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxKeyFile))
}

// writeKeyFile makes the key file durable before there is a recording that needs it.
func writeKeyFile(path string, sealed []byte) error {
	f, err := os.OpenFile(KeyPath(path), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = writeAll(f, sealed)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		os.Remove(KeyPath(path))
	}
	return err
}
