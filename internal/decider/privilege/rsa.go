package privilege

import (
	"crypto/rsa"

	"golang.org/x/crypto/ssh"
)

// rsaBits is the length of an RSA key's modulus; 0 if it is no RSA key.
func rsaBits(key ssh.PublicKey) int {
	holder, ok := key.(ssh.CryptoPublicKey)
	if !ok {
		return 0
	}
	public, ok := holder.CryptoPublicKey().(*rsa.PublicKey)
	if !ok {
		return 0
	}
	return public.N.BitLen()
}
