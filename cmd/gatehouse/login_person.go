package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"gatehouse/web"
)

// maxPollWait bounds what a server may have the program wait between two polls.
const maxPollWait = time.Minute

// PersonFlags are login's flags that are about people alone.
type PersonFlags struct {
	NoBrowser bool `help:"Do not open a browser; print where to confirm, for any device that has one."`
}

// loginPerson logs a person in by the browser (RFC 8628): the key is made here and never travels; a person who has signed in
// compares the code and confirms; the certificate goes into the running ssh-agent for as long as it is good.
func (c *LoginCmd) loginPerson(ctx context.Context, api *apiClient) error {
	keys, err := openKeyPair(c.Key, "gatehouse "+api.base.Host)
	if err != nil {
		return err
	}
	defer keys.close()
	var begun web.DeviceAuthorization
	if err := api.post(ctx, "/v1/device", web.DeviceRequest{PublicKey: keys.publicLine(), Name: deviceName()}, &begun); err != nil {
		return err
	}
	if err := c.sendPerson(api, begun); err != nil {
		return err
	}
	in := web.CertificateRequest{DeviceCode: begun.DeviceCode, Task: c.Task, Sources: c.Source}
	if c.TTL != 0 {
		in.TTL = c.TTL.String()
	}
	out, err := pollCertificate(ctx, api, in, begun)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(out.Principal, "person:") {
		return fmt.Errorf("the certificate is for %q, which is no person", out.Principal)
	}
	return c.keep(keys, out, out.Principal)
}

// deviceName is what the page calls this program: user@host, as far as that is plain text.
func deviceName() string {
	name := "gatehouse login"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if host, err := os.Hostname(); err == nil {
		name += "@" + host
	}
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, name)
	return name[:min(len(name), 64)]
}

// sendPerson says where to confirm, and opens the browser there. The address must be the server's own: whatever answered, nobody
// is sent elsewhere.
func (c *LoginCmd) sendPerson(api *apiClient, begun web.DeviceAuthorization) error {
	origin := api.base.String() + "/"
	if !strings.HasPrefix(begun.VerificationURI, origin) || !strings.HasPrefix(begun.VerificationURIComplete, origin) || strings.ContainsFunc(begun.UserCode, notCode) {
		return fmt.Errorf("%s sends you elsewhere to confirm; give --server as the pages' own address (web.url)", api.base)
	}
	fmt.Fprintf(os.Stderr, "Confirm this login in a browser:\n\n    %s\n    code %s\n\nCompare the code there. It is good for %s.\n", begun.VerificationURI, begun.UserCode,
		time.Duration(begun.ExpiresIn)*time.Second)
	if c.NoBrowser || os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" {
		return nil
	}
	if open, err := exec.LookPath("xdg-open"); err == nil {
		_ = exec.Command(open, begun.VerificationURIComplete).Start() // the address is on the screen, too
	}
	return nil
}

func notCode(r rune) bool { return r != '-' && (r < 'A' || r > 'Z') }

// pollCertificate asks until the person has answered.
func pollCertificate(ctx context.Context, api *apiClient, in web.CertificateRequest, begun web.DeviceAuthorization) (web.Certificate, error) {
	interval := min(max(time.Duration(begun.Interval)*time.Second, time.Second), maxPollWait)
	ctx, cancel := context.WithTimeout(ctx, time.Duration(min(begun.ExpiresIn, 3600))*time.Second+interval)
	defer cancel()
	for {
		select {
		case <-time.After(interval):
		case <-ctx.Done():
			return web.Certificate{}, errors.New("nobody confirmed the login in time; start it anew")
		}
		var out web.Certificate
		err := api.post(ctx, "/v1/certificates", in, &out)
		var why *web.APIError
		switch {
		case err == nil:
			return out, nil
		case errors.As(err, &why) && why.Code == "authorization_pending":
		case errors.As(err, &why) && why.Code == "slow_down":
			interval = min(interval+5*time.Second, maxPollWait)
		default:
			return web.Certificate{}, err
		}
	}
}

// LogoutCmd takes the certificates that login has put into the running ssh-agent out of it.
type LogoutCmd struct{}

// Run removes them. Elsewhere nothing ends: to end certificates that others may have, there is gatehouse revoke.
func (c *LogoutCmd) Run() error {
	socket := os.Getenv("SSH_AUTH_SOCK")
	if socket == "" {
		return &exitError{exitUsage, errors.New("no ssh-agent runs here (SSH_AUTH_SOCK is not set)")}
	}
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return fmt.Errorf("reach the ssh-agent: %w", err)
	}
	defer conn.Close()
	client := agent.NewClient(conn)
	keys, err := client.List()
	if err != nil {
		return fmt.Errorf("ask the ssh-agent: %w", err)
	}
	n := 0
	for _, k := range keys {
		parsed, err := ssh.ParsePublicKey(k.Blob)
		cert, ok := parsed.(*ssh.Certificate)
		if err != nil || !ok || !ours(cert) {
			continue
		}
		if err := client.Remove(cert); err != nil {
			return fmt.Errorf("remove %s from the ssh-agent: %w", cert.KeyId, err)
		}
		n++
		fmt.Fprintf(os.Stderr, "removed %s, serial %d\n", cert.KeyId, cert.Serial)
	}
	if n == 0 {
		fmt.Fprintln(os.Stderr, "the ssh-agent has no certificate of Gatehouse's")
	}
	return nil
}

// ours says whether a certificate is one that opens a Gatehouse.
func ours(cert *ssh.Certificate) bool {
	return cert.CertType == ssh.UserCert && len(cert.ValidPrincipals) == 1 &&
		(strings.HasPrefix(cert.ValidPrincipals[0], "person:") || strings.HasPrefix(cert.ValidPrincipals[0], "agent:"))
}
