package ca

import (
	"bytes"
	"testing"

	"golang.org/x/crypto/ssh"
)

// FuzzTokenPublicKey: whatever a token says of a key, the answer is an error or a key that is one of ours in its one form.
func FuzzTokenPublicKey(f *testing.F) {
	raw := bytes.Repeat([]byte{0x61}, 32)
	f.Add(oidEd25519, raw)
	f.Add(nameEd25519, append([]byte{0x04, 0x20}, raw...))
	f.Add(oidEd25519, append([]byte{0x03, 0x21, 0x00}, raw...))
	f.Add(oidEd25519, append([]byte{0x04, 0x21}, raw...))
	f.Add(oidP256, append([]byte{0x04, 0x41, 0x04}, bytes.Repeat([]byte{0}, 64)...))
	f.Add([]byte{}, []byte{})
	f.Fuzz(func(t *testing.T, params, point []byte) {
		key, err := tokenPublicKey(params, point)
		if err != nil {
			return
		}
		if checkPublicKey(key) != nil {
			t.Fatalf("a key that is not accepted: %s", key.Type())
		}
		again, err := ssh.ParsePublicKey(key.Marshal())
		if err != nil || !bytes.Equal(again.Marshal(), key.Marshal()) {
			t.Fatalf("a key with two forms: %v", err)
		}
	})
}
