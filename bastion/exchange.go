package bastion

import (
	"errors"
	"io"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/time/rate"
)

// exchangeBytes sent or received pay for one key exchange: a client may ask for new keys as often as it has used them.
const exchangeBytes = 64 << 10

// rationedSigner counts the key exchanges of a connection, each of which needs one signature by a host key.
type rationedSigner struct {
	ssh.AlgorithmSigner
	c *conn
}

func (c *conn) ration(key ssh.Signer) ssh.Signer {
	signer, ok := key.(ssh.AlgorithmSigner)
	if !ok { // ours are
		return key
	}
	return &rationedSigner{signer, c}
}

var errExchanges = errors.New("too many key exchanges")

// Sign and SignWithAlgorithm run in a goroutine of the SSH library.
func (r *rationedSigner) Sign(rand io.Reader, data []byte) (*ssh.Signature, error) {
	return r.sign(func() (*ssh.Signature, error) { return r.AlgorithmSigner.Sign(rand, data) })
}

func (r *rationedSigner) SignWithAlgorithm(rand io.Reader, data []byte, algorithm string) (*ssh.Signature, error) {
	return r.sign(func() (*ssh.Signature, error) { return r.AlgorithmSigner.SignWithAlgorithm(rand, data, algorithm) })
}

func (r *rationedSigner) sign(with func() (*ssh.Signature, error)) (sig *ssh.Signature, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			sig, err = nil, r.c.faulted("a key exchange", fault)
		}
	}()
	if !r.c.mayExchange() {
		r.c.flood(limitExchanges, errExchanges.Error())
		return nil, errExchanges
	}
	r.c.signed.Store(true)
	return with()
}

// mayExchange is called by one goroutine at a time.
func (c *conn) mayExchange() bool {
	if c.exchanges == nil {
		c.exchanges = rate.NewLimiter(1, c.limits().Exchanges)
	}
	now := c.traffic.Load()
	used := now - c.exchangedAt
	c.exchangedAt = now
	return used >= min(exchangeBytes, int64(c.limits().RekeyBytes)) || c.exchanges.AllowN(time.Now(), 1)
}
