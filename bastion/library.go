package bastion

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"

	"golang.org/x/crypto/ssh"
)

// libraryFits is asked once a process.
var libraryFits = sync.OnceValue(func() error { return fits(queue) })

// fits goes through a handshake with itself to see whether find finds the library's queue, where drain empties it.
func fits(find func(ssh.ServerPreAuthConn) chan []byte) error {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return err
	}
	signer, err := ssh.NewSignerFromSigner(key)
	if err != nil {
		return err
	}
	near, far, err := pipes()
	if err != nil {
		return fmt.Errorf("look at the SSH library: %w", err)
	}
	defer near.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer far.Close()
		_, _, _, _ = ssh.NewClientConn(far, "", &ssh.ClientConfig{HostKeyCallback: ssh.FixedHostKey(signer.PublicKey())}) // the server's end says how it went
	}()
	found := false
	config := &ssh.ServerConfig{NoClientAuth: true, PreAuthConnCallback: func(p ssh.ServerPreAuthConn) { found = find(p) != nil }}
	config.AddHostKey(signer)
	_, _, _, err = ssh.NewServerConn(near, config)
	_ = near.Close()
	<-done
	switch {
	case found:
		return nil
	case err != nil:
		return fmt.Errorf("look at the SSH library: %w", err)
	}
	return errors.New("bastion: the SSH library is another than the one that this program is made for: what strangers send would fill its memory")
}

// pipes are the two ends of a connection within this process.
func pipes() (near, far *piped, err error) {
	r1, w1, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	r2, w2, err := os.Pipe()
	if err != nil {
		return nil, nil, errors.Join(err, r1.Close(), w1.Close())
	}
	return &piped{r: r1, w: w2}, &piped{r: r2, w: w1}, nil
}

// piped is what the library needs of a connection.
type piped struct {
	net.Conn
	r, w *os.File
}

func (p *piped) Read(b []byte) (int, error)  { return p.r.Read(b) }
func (p *piped) Write(b []byte) (int, error) { return p.w.Write(b) }
func (p *piped) Close() error                { return errors.Join(p.r.Close(), p.w.Close()) }
func (p *piped) LocalAddr() net.Addr         { return &net.UnixAddr{} }
func (p *piped) RemoteAddr() net.Addr        { return &net.UnixAddr{} }
