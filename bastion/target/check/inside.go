package check

import (
	"context"
	"errors"
	"io"
	"time"

	"golang.org/x/crypto/ssh"
)

// maxLook bounds what the pinned script may print.
const maxLook = 64 << 10

// inside is about a connection that the target let in: what it forwards, and what the pinned script sees.
func (c *checker) inside(ctx context.Context, f *findings, v *visit, line string) {
	c.forwards(f, v.client)
	session, err := v.client.NewSession()
	if err != nil {
		f.add(NotChecked, "look", "", "it opens no session: %v", err)
		return
	}
	defer session.Close()
	c.agentForwarding(f, session)
	begin := c.cfg.Now()
	text, err := printed(session, line)
	if err != nil {
		f.add(Broken, "look", "sign in as the login by hand and look what it prints", "the pinned script did not run: %v", err)
		return
	}
	seen, err := parseLook(text)
	if err != nil {
		f.add(Broken, "look", "a login shell that is no shell, or a start-up file that prints, does this: sign in as the login by hand", "the answer is not the pinned script's: %v", err)
		f.add(Broken, "login shell", "chsh -s /bin/sh; "+shellsThatWork, "it did not run a command as it is: rbash, nologin, false, git-shell, csh and tcsh do not")
		return
	}
	if ctx.Err() != nil {
		f.add(NotChecked, "look", "", "it took too long")
		return
	}
	c.clock(f, seen, begin, c.cfg.Now())
	c.judge(f, seen, v.server)
}

// forwards asks for what must be refused even though the certificate permits it. Port 1 of the target's own loopback: nobody
// listens there, so a target that would forward says that it could not connect.
func (c *checker) forwards(f *findings, client *ssh.Client) {
	const what, do = "forwarding", "DisableForwarding yes for the login"
	to := struct {
		Host       string
		Port       uint32
		Origin     string
		OriginPort uint32
	}{"127.0.0.1", 1, "127.0.0.1", 0}
	channel, requests, err := client.OpenChannel("direct-tcpip", ssh.Marshal(to))
	var refused *ssh.OpenChannelError
	switch {
	case err == nil:
		go ssh.DiscardRequests(requests)
		_ = channel.Close()
		f.add(Broken, what, do, "it forwards connections for the login")
		return
	case !errors.As(err, &refused):
		f.add(NotChecked, what, "", "it did not say: %v", err)
		return
	case refused.Reason == ssh.ConnectionFailed:
		f.add(Broken, what, do, "it tried to forward a connection for the login")
		return
	case refused.Reason != ssh.Prohibited:
		f.add(NotChecked, what, "", "it refused for another reason: %v", refused.Reason)
		return
	}
	back := struct {
		Host string
		Port uint32
	}{"127.0.0.1", 0}
	switch ok, _, err := client.SendRequest("tcpip-forward", true, ssh.Marshal(back)); {
	case err != nil:
		f.add(NotChecked, what, "", "it did not say: %v", err)
	case ok:
		f.add(Broken, what, do, "it listens for the login")
	default:
		f.add(OK, what, "", "refused, although the certificate permits it")
	}
}

func (c *checker) agentForwarding(f *findings, session *ssh.Session) {
	const what = "agent forwarding"
	switch ok, err := session.SendRequest("auth-agent-req@openssh.com", true, nil); {
	case err != nil:
		f.add(NotChecked, what, "", "it did not say: %v", err)
	case ok:
		f.add(Broken, what, "DisableForwarding yes for the login", "it accepts to forward an agent")
	default:
		f.add(OK, what, "", "refused, although the certificate permits it")
	}
}

// printed runs the pinned script and returns what it printed. Standard error is thrown away, with a bound.
func printed(session *ssh.Session, line string) ([]byte, error) {
	out, err := session.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := session.Start(line); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(out, maxLook+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxLook {
		return nil, errTooMuch
	}
	if err := session.Wait(); err != nil {
		var missing *ssh.ExitMissingError
		var status *ssh.ExitError
		if !errors.As(err, &status) && !errors.As(err, &missing) {
			return nil, err
		}
	}
	return text, nil
}

// skewLimits: certificates begin 30 s before they are made, and those that are pinned end 30 s after.
const (
	skewWeak   = 5 * time.Second
	skewBroken = 25 * time.Second
)

// clock compares clocks. A target that is too far off refuses every certificate, and is not seen here.
func (c *checker) clock(f *findings, seen lookAround, begin, end time.Time) {
	off := time.Duration(0)
	switch { // the target's second began at some moment in between
	case seen.time.Add(time.Second).Before(begin):
		off = begin.Sub(seen.time.Add(time.Second))
	case seen.time.After(end):
		off = seen.time.Sub(end)
	}
	off = off.Truncate(time.Second)
	switch {
	case off >= skewBroken:
		f.add(Broken, "clock", "keep the target's time with NTP", "%s off: certificates that live for seconds are refused", off)
	case off >= skewWeak:
		f.add(Weak, "clock", "keep the target's time with NTP", "%s off", off)
	default:
		f.add(OK, "clock", "", "right to within %s", skewWeak)
	}
}
