// Package seal keeps a session's input under a key of its own.
//
// What a client sends may be a password, and nothing on the way says so. So all input is sealed the moment it comes, and only
// what the terminal echoed is recorded in the clear as well, because it is in the output anyway. A recording has one key,
// made when its first input comes; it is wrapped with age for a recipient whose identity the recorder does not have. Opening
// it is the decider's to allow.
//
// Each event is sealed by AES-256-GCM. The nonce is the number of the event among the sealed ones of its recording, so that a
// reader sees it when one is missing, doubled or moved. Length and time of an event are not hidden.
package seal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"
)

// KeySize is the length of a key.
const KeySize = 32

// MaxWrapped bounds a wrapped key, of any recipient that age has.
const MaxWrapped = 4 << 10

// Overhead is what sealing adds to an event.
const Overhead = 16

// ErrSealed is returned for what the key at hand does not open.
var ErrSealed = errors.New("sealed input cannot be opened")

// Key opens the sealed input of one recording.
type Key []byte

// String hides the key.
func (Key) String() string { return "(key)" }

// GoString hides the key.
func (Key) GoString() string { return "(key)" }

// Sealer seals the input of one recording. It is not safe for concurrent use.
type Sealer struct {
	aead cipher.AEAD
	next uint64
}

// New makes a key of random bytes for the recording of a session, and returns what seals with it and the key wrapped for a
// recipient, which belongs into the recording before the first sealed event.
func New(random io.Reader, to age.Recipient, session string) (*Sealer, []byte, error) {
	key := make(Key, KeySize)
	if _, err := io.ReadFull(random, key); err != nil {
		return nil, nil, fmt.Errorf("make an input key: %w", err)
	}
	wrapped, err := wrap(to, key, session)
	if err != nil {
		return nil, nil, err
	}
	aead, err := key.aead()
	clear(key)
	return &Sealer{aead: aead}, wrapped, err
}

// ParseRecipient reads a recipient as age-keygen prints it: "age1…".
func ParseRecipient(text string) (age.Recipient, error) { return age.ParseX25519Recipient(text) }

// wrap binds the key to its session, so that who may open one recording cannot be handed the key of another.
func wrap(to age.Recipient, key Key, session string) ([]byte, error) {
	var out bytes.Buffer
	w, err := age.Encrypt(&out, to)
	if err != nil {
		return nil, fmt.Errorf("wrap the input key: %w", err)
	}
	if _, err = w.Write(append(append(make([]byte, 0, KeySize+len(session)), key...), session...)); err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("wrap the input key: %w", err)
	}
	return out.Bytes(), nil
}

// Unwrap returns the key of a session's recording. A wrapped key of another session is refused.
func Unwrap(by age.Identity, wrapped []byte, session string) (Key, error) {
	if len(wrapped) > MaxWrapped {
		return nil, fmt.Errorf("%w: a wrapped key of %d bytes, at most %d", ErrSealed, len(wrapped), MaxWrapped)
	}
	r, err := age.Decrypt(bytes.NewReader(wrapped), by)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSealed, err)
	}
	plain, err := io.ReadAll(io.LimitReader(r, MaxWrapped))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSealed, err)
	}
	if len(plain) < KeySize || string(plain[KeySize:]) != session {
		return nil, fmt.Errorf("%w: the key is not of this session", ErrSealed)
	}
	return Key(plain[:KeySize]), nil
}

func (k Key) aead() (cipher.AEAD, error) {
	block, err := aes.NewCipher(k)
	if err != nil {
		return nil, fmt.Errorf("input key: %w", err)
	}
	return cipher.NewGCM(block)
}

// Seal appends the sealed form of the next event to dst.
func (s *Sealer) Seal(dst, plain []byte) []byte {
	nonce := nonceOf(s.next)
	s.next++
	return s.aead.Seal(dst, nonce[:], plain, nil)
}

// Opener opens the sealed events of one recording, in order.
type Opener struct {
	aead cipher.AEAD
	next uint64
}

// Open returns what opens the events that were sealed with a key.
func (k Key) Open() (*Opener, error) {
	aead, err := k.aead()
	if err != nil {
		return nil, err
	}
	return &Opener{aead: aead}, nil
}

// Event opens the next event.
func (o *Opener) Event(sealed []byte) ([]byte, error) {
	nonce := nonceOf(o.next)
	plain, err := o.aead.Open(nil, nonce[:], sealed, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: event %d of the input is not what was sealed", ErrSealed, o.next)
	}
	o.next++
	return plain, nil
}

func nonceOf(n uint64) (nonce [12]byte) {
	binary.BigEndian.PutUint64(nonce[4:], n)
	return nonce
}
