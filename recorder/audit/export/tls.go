package export

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"os"

	"gatehouse/internal/config"
)

// maxSecretFile bounds the files of certificates, keys and headers.
const maxSecretFile = 1 << 20

// clientTLS reads the files of a receiver's trust anew: they may have been replaced.
func clientTLS(c *config.ClientTLS, host string) (*tls.Config, error) {
	cfg := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if c == nil {
		return cfg, nil
	}
	if c.CA != "" {
		pem, err := readBounded(c.CA)
		if err != nil {
			return nil, fmt.Errorf("read the receiver's CA: %w", err)
		}
		if cfg.RootCAs = x509.NewCertPool(); !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate", c.CA)
		}
	}
	if c.Cert != "" {
		cert, err := readBounded(c.Cert)
		if err != nil {
			return nil, fmt.Errorf("read our certificate: %w", err)
		}
		key, err := readBounded(c.Key)
		if err != nil {
			return nil, fmt.Errorf("read our key: %w", err)
		}
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("our certificate: %w", err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg, nil
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSecretFile+1))
	if err == nil && len(text) > maxSecretFile {
		err = fmt.Errorf("%s is larger than %d bytes", path, maxSecretFile)
	}
	return text, err
}
