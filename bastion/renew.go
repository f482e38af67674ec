package bastion

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/answer"
	"gatehouse/internal/console"
	"gatehouse/internal/decider/protocol"
)

// Exit codes of renew, as the console's verbs have them.
const (
	exitRefused     = 1
	exitUnavailable = 75
)

// onlyRenews is what a connection by a registered key is told of everything else.
const onlyRenews = "a registered key only renews: ssh BASTION renew; connect with the certificate that it prints"

// mayRenew says whether a plain key may be proven here: only one that an administrator registered, and only at the door
// itself. Whether its agent may renew, its holder learns.
func (c *conn) mayRenew(key ssh.PublicKey) bool {
	if c.outer != nil {
		return false
	}
	in := protocol.Authenticate{Connection: c.id, Key: key.Marshal(), Source: c.source.String()}
	who, err := c.server.cfg.Gate.Authenticate(c.ctx, in)
	return err == nil && who.RenewOnly
}

// renew prints a new certificate for the key with which the client has authenticated: one line on standard output.
func (s *session) renew(args []string, std console.Streams) int {
	in := protocol.Renew{Connection: s.conn.id}
	flags := flag.NewFlagSet("renew", flag.ContinueOnError)
	flags.SetOutput(std.Err)
	flags.Usage = func() {
		fmt.Fprint(std.Err, "usage: renew [--ttl 10m] [--task TEXT]\nPrints a new certificate for the key that you connect with, for as long as renewals may go on.\n")
	}
	flags.DurationVar(&in.TTL, "ttl", 0, "")
	flags.StringVar(&in.Task, "task", "", "")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return exitUsage // flag has said why
	case flags.NArg() > 0 || in.TTL < 0:
		flags.Usage()
		return exitUsage
	case s.pty != nil:
		fmt.Fprintln(std.Err, "gatehouse: renew prints a file's content and takes no terminal; leave out -t")
		return exitUsage
	}
	out, err := s.conn.server.cfg.Gate.Renew(s.ctx, in)
	if err != nil {
		return s.notRenewed(std.Err, err)
	}
	cert, err := ssh.ParsePublicKey(out.Issued.Certificate)
	if err != nil {
		return s.notRenewed(std.Err, err)
	}
	if _, err := std.Out.Write(ssh.MarshalAuthorizedKey(cert)); err != nil {
		return exitUnavailable // the client has gone, or was ended
	}
	fmt.Fprintf(std.Err, "%s: valid until %s, renewals until %s\n", out.Principal, out.Issued.NotAfter.Format(time.RFC3339), out.Issued.RenewUntil.Format(time.RFC3339))
	return 0
}

func (s *session) notRenewed(w io.Writer, err error) int {
	var own *protocol.Error
	if errors.As(err, &own) && (own.Code == protocol.CodeRefused || own.Code == protocol.CodeInvalid) {
		s.log.Info("not renewed", "reason", err)
		fmt.Fprintln(w, "gatehouse: "+answer.Visible(own.Msg))
		return exitRefused
	}
	s.log.Error("not renewed", "error", err)
	fmt.Fprintln(w, "gatehouse: the certificate cannot be made now; the operator's log says why")
	return exitUnavailable
}
