package web

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

// lookAgain is how long a certificate is used before its files are looked at again.
const lookAgain = time.Second

// TLSFiles is a certificate that follows its files: whoever renews it replaces them, and nothing is restarted. Files that cannot
// be used change nothing and are logged. Safe for concurrent use.
type TLSFiles struct {
	cert, key string
	now       func() time.Time
	log       hclog.Logger

	mu     sync.Mutex
	loaded *tls.Certificate
	seen   string    // what the files looked like then
	at     time.Time // when that was looked at
}

// OpenTLSFiles reads a PEM certificate with its chain and its key, which nobody but its owner and group may read.
func OpenTLSFiles(cert, key string, now func() time.Time, log hclog.Logger) (*TLSFiles, error) {
	f := &TLSFiles{cert: cert, key: key, now: now, log: log, at: now()}
	var err error
	if f.seen, err = f.look(); err != nil {
		return nil, err
	}
	f.loaded, err = f.load()
	return f, err
}

// Config is for a server.
func (f *TLSFiles) Config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: f.certificate, NextProtos: []string{"h2", "http/1.1"}}
}

func (f *TLSFiles) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := f.now(); now.Sub(f.at) >= lookAgain || now.Before(f.at) {
		f.at = now
		f.follow()
	}
	return f.loaded, nil
}

// follow takes files that have changed. It is called with mu held.
func (f *TLSFiles) follow() {
	seen, err := f.look()
	if err == nil && seen == f.seen {
		return
	}
	var fresh *tls.Certificate
	if err == nil {
		fresh, err = f.load()
	}
	if err != nil {
		if seen != f.seen { // once for each change
			f.log.Error("the new TLS certificate is NOT in use; the old one goes on", "error", err)
		}
		f.seen = seen
		return
	}
	f.loaded, f.seen = fresh, seen
	f.log.Info("new TLS certificate", "not_after", fresh.Leaf.NotAfter)
}

// look describes the files without reading them.
func (f *TLSFiles) look() (string, error) {
	var text string
	for _, path := range []string{f.cert, f.key} {
		info, err := os.Stat(path)
		if err != nil {
			return err.Error(), fmt.Errorf("web.tls: %w", err)
		}
		text += fmt.Sprintf("%d %d %s;", info.Size(), info.ModTime().UnixNano(), info.Mode())
	}
	return text, nil
}

func (f *TLSFiles) load() (*tls.Certificate, error) {
	info, err := os.Stat(f.key)
	if err != nil {
		return nil, fmt.Errorf("web.tls: %w", err)
	}
	if info.Mode().Perm()&0o027 != 0 {
		return nil, fmt.Errorf("web.tls: the key %s has mode %04o; nobody but its owner and group may read it: chmod 640", f.key, info.Mode().Perm())
	}
	pair, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return nil, fmt.Errorf("web.tls: %w", err)
	}
	if f.now().After(pair.Leaf.NotAfter) {
		return nil, errors.New("web.tls: the certificate " + f.cert + " expired " + pair.Leaf.NotAfter.Format(time.RFC3339))
	}
	return &pair, nil
}
