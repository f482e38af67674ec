package bastion

import (
	"golang.org/x/crypto/ssh"
)

// The door speaks what is modern and nothing else (docs/operations.md). Strict key exchange (OpenSSH PROTOCOL section 1.10) is the
// library's, always offered, and asserted by our own test. The library adds curve25519's older name by itself.
var (
	keyExchanges = []string{ssh.KeyExchangeMLKEM768X25519, ssh.KeyExchangeCurve25519}
	ciphers      = []string{ssh.CipherAES128GCM, ssh.CipherChaCha20Poly1305, ssh.CipherAES256GCM, ssh.CipherAES128CTR, ssh.CipherAES192CTR, ssh.CipherAES256CTR}
	macs         = []string{ssh.HMACSHA256ETM, ssh.HMACSHA512ETM}
	clientKeys   = []string{ssh.KeyAlgoED25519, ssh.KeyAlgoSKED25519, ssh.KeyAlgoSKECDSA256, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521,
		ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
)

// algorithms are what a handshake with a client may agree on.
func (s *Server) algorithms() ssh.Config {
	return ssh.Config{KeyExchanges: keyExchanges, Ciphers: ciphers, MACs: macs, RekeyThreshold: uint64(s.limits.limits.RekeyBytes)}
}
