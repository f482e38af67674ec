package web

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
)

// A certificate follows its files; what cannot be used changes nothing and is said once.
func TestTLSFilesAreFollowed(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	out := &logs{}
	open := func() (*TLSFiles, error) {
		return OpenTLSFiles(cert, key, func() time.Time { return now }, hclog.New(&hclog.LoggerOptions{Output: out}))
	}
	if _, err := open(); err == nil {
		t.Error("files that are not there are taken")
	}
	writePair(t, cert, key, "first", now.Add(time.Hour))
	must(t, os.Chmod(key, 0o644))
	if _, err := open(); err == nil || !strings.Contains(err.Error(), "chmod 640") {
		t.Errorf("a key that all may read: %v", err)
	}
	must(t, os.Chmod(key, 0o640))
	f, err := open()
	must(t, err)
	served := func() string {
		t.Helper()
		now = now.Add(2 * time.Second)
		c, err := f.certificate(nil)
		must(t, err)
		return c.Leaf.Subject.CommonName
	}
	if got := served(); got != "first" {
		t.Errorf("serves %q", got)
	}
	writePair(t, cert, key, "second", now.Add(time.Hour))
	if got := served(); got != "second" {
		t.Errorf("after the change: %q", got)
	}
	writePair(t, cert, key, "expired", now.Add(-time.Hour))
	if got := served(); got != "second" {
		t.Errorf("an expired one is served: %q", got)
	}
	writePair(t, cert, key, "open", now.Add(time.Hour))
	must(t, os.Chmod(key, 0o604))
	if got := served(); got != "second" {
		t.Errorf("one with an open key is served: %q", got)
	}
	must(t, os.Remove(cert))
	if got := served() + served(); got != "secondsecond" {
		t.Errorf("without a file: %q", got)
	}
	if n := strings.Count(out.String(), "NOT in use"); n != 3 {
		t.Errorf("said %d times: %s", n, out)
	}
	writePair(t, cert, key, "third", now.Add(time.Hour))
	if got := served(); got != "third" {
		t.Errorf("after the repair: %q", got)
	}
}

func writePair(t *testing.T, cert, key, name string, until time.Time) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: until.Add(-48 * time.Hour), NotAfter: until,
		DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	must(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	must(t, err)
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		must(t, os.WriteFile(path+".new", pem.EncodeToMemory(block), 0o600))
		must(t, os.Rename(path+".new", path))
	}
}
