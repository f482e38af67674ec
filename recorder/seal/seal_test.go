package seal

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
)

const session = "ses_01KB0000000000000000000000"

func identity(t *testing.T) *age.X25519Identity {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// sealed seals events and returns the wrapped key with them.
func sealed(t *testing.T, id *age.X25519Identity, events ...string) (wrapped []byte, out [][]byte) {
	t.Helper()
	s, wrapped, err := New(rand.Reader, id.Recipient(), session)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		out = append(out, s.Seal(nil, []byte(e)))
	}
	return wrapped, out
}

// What was sealed opens with the identity, in order, and only so.
func TestSealedInputOpens(t *testing.T) {
	id := identity(t)
	wrapped, events := sealed(t, id, "hunter2", "", "\r")
	key, err := Unwrap(id, wrapped, session)
	if err != nil {
		t.Fatal(err)
	}
	o, err := key.Open()
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"hunter2", "", "\r"} {
		got, err := o.Event(events[i])
		if err != nil || string(got) != want || len(events[i]) != len(want)+Overhead {
			t.Errorf("event %d: %q, %v, %d bytes sealed", i, got, err, len(events[i]))
		}
	}
	if text := key.String() + key.GoString(); strings.Contains(text, string(key)) {
		t.Error("printing a key shows it")
	}
}

// An event that is missing, doubled, moved, changed, or of another recording does not open.
func TestSealedInputIsInOrder(t *testing.T) {
	id := identity(t)
	wrapped, events := sealed(t, id, "one", "two")
	_, others := sealed(t, id, "one")
	changed := bytes.Clone(events[0])
	changed[0] ^= 1
	key, err := Unwrap(id, wrapped, session)
	if err != nil {
		t.Fatal(err)
	}
	for what, order := range map[string][][]byte{
		"missing": {events[1]}, "doubled": {events[0], events[0]}, "of another": {others[0]}, "changed": {changed}, "cut": {events[0][:4]},
	} {
		o, err := key.Open()
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range order {
			_, err = o.Event(e)
		}
		if !errors.Is(err, ErrSealed) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A wrapped key of another session is refused, as is one for somebody else, and what is none.
func TestAKeyIsOfOneSession(t *testing.T) {
	id := identity(t)
	wrapped, _ := sealed(t, id)
	for what, try := range map[string]func() (Key, error){
		"another session": func() (Key, error) { return Unwrap(id, wrapped, session[:len(session)-1]+"1") },
		"no session":      func() (Key, error) { return Unwrap(id, wrapped, "") },
		"somebody else":   func() (Key, error) { return Unwrap(identity(t), wrapped, session) },
		"nonsense":        func() (Key, error) { return Unwrap(id, []byte("age-encryption.org/v1\n"), session) },
		"too long":        func() (Key, error) { return Unwrap(id, make([]byte, MaxWrapped+1), session) },
	} {
		if _, err := try(); !errors.Is(err, ErrSealed) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// The stock tool opens a wrapped key: nobody depends on this program for it.
func TestAgeOpensAWrappedKey(t *testing.T) {
	id := identity(t)
	wrapped, events := sealed(t, id, "hunter2")
	file := filepath.Join(t.TempDir(), "identity")
	if err := os.WriteFile(file, []byte(id.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("age", "--decrypt", "--identity", file)
	cmd.Stdin = bytes.NewReader(wrapped)
	plain, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if string(plain[KeySize:]) != session {
		t.Fatalf("the key is of %q", plain[KeySize:])
	}
	o, err := Key(plain[:KeySize]).Open()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := o.Event(events[0]); err != nil || string(got) != "hunter2" {
		t.Errorf("%q, %v", got, err)
	}
}

// Without randomness there is no key.
func TestNoRandomness(t *testing.T) {
	if _, _, err := New(io.LimitReader(rand.Reader, KeySize-1), identity(t).Recipient(), session); err == nil {
		t.Error("a key was made of too little")
	}
}
