package check

import (
	"context"
	"errors"
	"io"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/bastion/target/look"
	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
)

// sftpLimit is for the SFTP server to answer, within the time for the login.
const sftpLimit = 5 * time.Second

// looks tries whether the target's facts can be looked up before a command is decided: over a connection of its own, whose
// certificate is pinned to the SFTP server that only looks.
func (c *checker) looks(ctx context.Context, f *findings, login, print string) {
	const what = "facts"
	ctx, cancel := context.WithTimeout(ctx, sftpLimit)
	defer cancel()
	probing := error(nil)
	v, err := c.dial(ctx, login, true, func() ([]ssh.Signer, error) {
		var signer ssh.Signer
		signer, _, probing = c.signer(ctx, protocol.Probe{Login: login, Principal: protocol.ProbeOwn, CA: print, SFTP: true})
		return []ssh.Signer{signer}, probing
	})
	defer v.close()
	switch {
	case probing != nil:
		f.add(NotChecked, what, "", "no certificate: %v", probing)
		return
	case v.client == nil:
		f.add(NotChecked, what, "", "the login does not open a second time: %v", err)
		return
	}
	stream, err := openSFTP(v.client)
	if err != nil {
		f.add(Broken, what, "sshd_config needs the line: Subsystem sftp internal-sftp", "it has no sftp subsystem, so paths and programs cannot be looked up: %v", err)
		return
	}
	var facts policy.Facts
	err = lookHome(ctx, stream, &facts)
	const do = "a ForceCommand in sshd_config takes the place of the certificate's, and a ChrootDirectory must hold the login's home: remove them for the login"
	switch {
	case errors.Is(err, look.ErrNoHome):
		f.add(Weak, what, "make the login's home; a ChrootDirectory must hold it too", "its SFTP server begins in /, so rules with ~ do not work")
	case err != nil:
		f.add(Broken, what, do, "its SFTP server does not answer, so paths and programs cannot be looked up: %v", err)
	default:
		f.add(OK, what, "", "its SFTP server answers requests that only look, and begins in %s", facts.Home)
	}
}

// lookHome asks for the login's home over a stream, which it closes.
func lookHome(ctx context.Context, stream io.ReadWriteCloser, facts *policy.Facts) error {
	l, err := look.New(ctx, stream, look.Config{})
	if err != nil {
		return err
	}
	defer l.Close()
	return l.Answer(ctx, []policy.Probe{{Kind: policy.ProbeHome}}, facts)
}

// openSFTP opens the connection's one stream; closing it ends the connection.
func openSFTP(client *ssh.Client) (io.ReadWriteCloser, error) {
	session, err := client.NewSession()
	if err != nil {
		return nil, err
	}
	in, err := session.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := session.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := session.RequestSubsystem("sftp"); err != nil {
		return nil, err
	}
	return sftpStream{out, in, client}, nil
}

type sftpStream struct {
	io.Reader
	io.Writer
	client *ssh.Client
}

// Close ends the connection and waits for its end.
func (s sftpStream) Close() error {
	err := s.client.Close()
	_ = s.client.Wait()
	return err
}
