package ca

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/miekg/pkcs11"
)

// errWrongPIN ends the attempts: a token locks itself after a few.
var errWrongPIN = errors.New("the PIN is not the token's; it is not tried again before a restart, as the token would lock itself")

// tokenSession is a logged-in session with a token, good for one generation of its module. Only the module's goroutine uses it.
type tokenSession struct {
	module     *tokenModule
	generation int
	slot       uint
	handle     pkcs11.SessionHandle
}

// openSession opens a session with the token and logs in. Where the token does not answer, the error is ErrSigner.
func openSession(m *tokenModule, cfg SignerConfig) (*tokenSession, error) {
	s, err := tryOpenSession(m, cfg)
	if err != nil && !errors.Is(err, errWrongPIN) {
		return nil, fmt.Errorf("%w: %w", ErrSigner, err)
	}
	return s, err
}

func tryOpenSession(m *tokenModule, cfg SignerConfig) (*tokenSession, error) {
	if err := m.start(); err != nil {
		return nil, err
	}
	slot, err := m.slot(cfg.Token)
	if err != nil {
		return nil, err
	}
	handle, err := m.lib.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
	if err != nil {
		return nil, fmt.Errorf("open session: %w", err)
	}
	s := &tokenSession{module: m, generation: m.generation, slot: slot, handle: handle}
	if err := s.login(cfg); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// login gives the PIN, once: a wrong one is remembered.
func (s *tokenSession) login(cfg SignerConfig) error {
	pin, err := cfg.PIN.Reveal()
	if err != nil {
		return err
	}
	mark := sha256.Sum256(append([]byte(cfg.Token+"\x00"), pin...))
	if s.module.wrongPINs[mark] {
		return errWrongPIN
	}
	err = s.module.lib.Login(s.handle, pkcs11.CKU_USER, string(pin))
	switch {
	case err == nil || isToken(err, pkcs11.CKR_USER_ALREADY_LOGGED_IN): // by another session of this process
		return nil
	case isToken(err, pkcs11.CKR_PIN_INCORRECT, pkcs11.CKR_PIN_INVALID, pkcs11.CKR_PIN_LEN_RANGE, pkcs11.CKR_PIN_LOCKED, pkcs11.CKR_PIN_EXPIRED):
		s.module.wrongPINs[mark] = true
		return fmt.Errorf("%w (from the %s; %w)", errWrongPIN, cfg.PIN, err)
	}
	return fmt.Errorf("log in: %w", err)
}

// valid reports whether the session is of the module's present life: handles of an earlier one may be somebody else's now.
func (s *tokenSession) valid() bool { return s != nil && s.generation == s.module.generation }

func (s *tokenSession) close() {
	if s.valid() {
		_ = s.module.lib.CloseSession(s.handle) // one that is broken is gone anyway
	}
}

// objects finds what matches a template, at most two: more than one is as wrong as more than two.
func (s *tokenSession) objects(template ...*pkcs11.Attribute) ([]pkcs11.ObjectHandle, error) {
	if err := s.module.lib.FindObjectsInit(s.handle, template); err != nil {
		return nil, fmt.Errorf("find key: %w", err)
	}
	found, _, err := s.module.lib.FindObjects(s.handle, 2)
	if err := errors.Join(err, s.module.lib.FindObjectsFinal(s.handle)); err != nil {
		return nil, fmt.Errorf("find key: %w", err)
	}
	return found, nil
}

// labelled finds the one object of a class with a label.
func (s *tokenSession) labelled(class uint, label string) (pkcs11.ObjectHandle, error) {
	found, err := s.objects(pkcs11.NewAttribute(pkcs11.CKA_CLASS, class), pkcs11.NewAttribute(pkcs11.CKA_LABEL, label))
	if err != nil {
		return 0, err
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return 0, ErrNoKey
	}
	return 0, fmt.Errorf("the token has more than one key %q: remove the others, or give them other labels", label)
}

// attribute reads one attribute of an object.
func (s *tokenSession) attribute(object pkcs11.ObjectHandle, kind uint) ([]byte, error) {
	got, err := s.module.lib.GetAttributeValue(s.handle, object, []*pkcs11.Attribute{pkcs11.NewAttribute(kind, nil)})
	if err != nil {
		return nil, fmt.Errorf("read the key's attribute %#x: %w", kind, err)
	}
	if len(got) != 1 {
		return nil, fmt.Errorf("read the key's attribute %#x: %d values", kind, len(got))
	}
	return got[0].Value, nil
}

// flag reads a boolean attribute.
func (s *tokenSession) flag(object pkcs11.ObjectHandle, kind uint) (bool, error) {
	value, err := s.attribute(object, kind)
	return len(value) == 1 && value[0] == 1, err
}
