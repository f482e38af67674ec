package witness

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"filippo.io/torchwood"

	"gatehouse/recorder/audit"
)

// The files of a witness' folder.
const (
	KeyFile      = "witness.key" // PEM, PKCS #8, mode 0600
	VerifierFile = "witness.pub" // verifier key (C2SP signed-note): hand this to whoever should trust the witness
	stateFile    = "checkpoint"  // the newest one that it has cosigned or is about to
)

// loadOrCreateKey returns the signer of the witness in dir, and makes its key if there is none.
func loadOrCreateKey(dir, name string) (*torchwood.CosignatureSigner, error) {
	path := filepath.Join(dir, KeyFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		text, err = createKey(path)
	}
	if err != nil {
		return nil, fmt.Errorf("witness key: %w", err)
	}
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("witness key: %w", err)
	}
	if st.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("witness key %s is open to others (mode %04o); chmod it to 0600", path, st.Mode().Perm())
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("witness key %s is not PEM", path)
	}
	raw, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("witness key %s: %w", path, err)
	}
	key, ok := raw.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("witness key %s is not Ed25519", path)
	}
	signer, err := torchwood.NewCosignatureSigner(name, key)
	if err != nil {
		return nil, fmt.Errorf("witness name %q: %w", name, err)
	}
	return signer, audit.ReplaceFile(filepath.Join(dir, VerifierFile), []byte(signer.Verifier().String()+"\n"), 0o644)
}

func createKey(path string) ([]byte, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	return text, audit.ReplaceFile(path, text, 0o600)
}
