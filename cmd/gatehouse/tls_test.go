package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestLoginOverTLS has the door end TLS by itself: a client that trusts the certificate logs in, one that does not sends no
// proof, and a renewed certificate is used without a restart.
func TestLoginOverTLS(t *testing.T) {
	h := newTokenHouse(t)
	if err := h.Stop(); err != nil {
		t.Fatal(err)
	}
	folder := mkdir(t, h.dir, "tls")
	cert, key := filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	certifyLocalhost(t, cert, key)
	old := h.WebURL
	h.WebURL = strings.Replace(old, "http://", "https://", 1)
	rewrite(t, h.Path, `url: "`+old+`"`, `url: "`+h.WebURL+`", tls: {cert: "`+cert+`", key: "`+key+`"}`)
	if err := h.Serve(); err != nil {
		t.Fatal(err)
	}
	login := func(ca string) (string, error) {
		made, err := h.Run(t.Context(), "join-token", "create", "--config", h.Path, "--agent", "joiner")
		if err != nil || made.Status != 0 {
			t.Fatalf("%v %s", err, made.Stderr)
		}
		secret := filepath.Join(h.dir, "secret")
		if err := os.WriteFile(secret, []byte(made.Stdout), 0o600); err != nil {
			t.Fatal(err)
		}
		return h.client([]string{"GATEHOUSE_CA_FILE=" + ca}, "login", "--as", "joiner", "--join-token-file", secret, "--key", filepath.Join(h.dir, "id"))
	}
	first := filepath.Join(h.dir, "first.pem")
	copyFile(t, cert, first)
	if out, err := login(first); err != nil {
		t.Errorf("%v %s", err, out)
	}
	certifyLocalhost(t, cert, key)
	eventually(t, func() bool { // the door looks at its files once a second
		_, err := login(cert)
		return err == nil
	})
	if out, err := login(first); err == nil || !strings.Contains(out, "x509") {
		t.Errorf("a server that is not trusted: %v %s", err, out)
	}
	for name, server := range map[string]string{"plain HTTP": "http://gatehouse.example", "a path": h.WebURL + "/v1", "a password": "https://me:pw@gatehouse.example"} {
		if out, err := h.client([]string{"GATEHOUSE_TOKEN=x"}, "login", "--as", "joiner", "--server", server, "--key", filepath.Join(h.dir, "id")); err == nil || !strings.Contains(out, "--server") {
			t.Errorf("%s: %v %s", name, err, out)
		}
	}
}

func eventually(t *testing.T, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); {
		if time.Now().After(end) {
			t.Fatal("it did not come")
		}
	}
}

func rewrite(t *testing.T, path, from, to string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), from) {
		t.Fatalf("%v, %q is not in %s", err, from, text)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), from, to, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, text, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// certifyLocalhost writes a new certificate for localhost with its key, which is the door's.
func certifyLocalhost(t *testing.T, cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		mode := os.FileMode(0o644)
		if path == key {
			mode = 0o600
		}
		if err := os.WriteFile(path+".new", pem.EncodeToMemory(block), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(path+".new", 61002, 61002); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
}
