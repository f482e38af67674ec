package bastion

import (
	"context"
	"net"
	"strconv"
	"time"

	gliderssh "github.com/gliderlabs/ssh"
	"golang.org/x/crypto/ssh"

	"gatehouse/internal/answer"
	"gatehouse/internal/decider/protocol"
)

// directTCPIP is the channel open's payload (RFC 4254 section 7.2).
type directTCPIP struct {
	Host       string
	Port       uint32
	OriginHost string
	OriginPort uint32
}

// sshPort is the only port that a jump may name: the inner connection ends here, whatever port the target listens on.
const sshPort = 22

// handleJump serves stock `ssh -J`: what looks to the client like a forward to the target's SSH port is a second handshake
// that ends in this process, under the target's face. Everything else that direct-tcpip could be is refused.
func (s *Server) handleJump(_ *gliderssh.Server, _ *ssh.ServerConn, ch ssh.NewChannel, ctx gliderssh.Context) {
	c := connOf(ctx)
	var m directTCPIP
	if err := ssh.Unmarshal(ch.ExtraData(), &m); err != nil {
		_ = ch.Reject(ssh.ConnectionFailed, "malformed request")
		return
	}
	endpoint := net.JoinHostPort(m.Host, strconv.Itoa(int(m.Port)))
	_, known := s.target(m.Host)
	switch {
	case c.renewOnly:
		c.refuseForward(ch, "forward to "+endpoint, onlyRenews)
		return
	case c.outer != nil:
		c.refuseForward(ch, "forward to "+endpoint, "forwards inside a jump are not allowed")
		return
	case m.Port != sshPort || !known:
		c.refuseForward(ch, "forward to "+endpoint, "forwards are not allowed; ssh -J reaches a target by its name and port 22")
		return
	}
	if why := c.openChannel(); why != "" {
		_ = ch.Reject(ssh.ResourceShortage, why)
		return
	}
	channel, requests, err := ch.Accept()
	if err != nil {
		c.closeChannel()
		return
	}
	go ssh.DiscardRequests(requests)
	inner := newConn(s, &jumpStream{Channel: channel, remote: c.RemoteAddr(), local: c.LocalAddr()}, c, m.Host, nil)
	defer c.closeChannel()
	s.handle(inner)
}

// refuseForward rejects a channel with the reason in the open failure, and notes it.
func (c *conn) refuseForward(ch ssh.NewChannel, what, why string) {
	c.note(protocol.Refuse{Connection: c.id, What: what, Code: "not_allowed", Why: why})
	_ = ch.Reject(ssh.Prohibited, "gatehouse: DENIED by policy: "+answer.Visible(why))
}

// refuseChannel refuses every other kind of channel by its name: agent, X11, tun, streamlocal, forwarded-tcpip.
func (s *Server) refuseChannel(_ *gliderssh.Server, _ *ssh.ServerConn, ch ssh.NewChannel, ctx gliderssh.Context) {
	connOf(ctx).refuseForward(ch, "channel "+strconv.Quote(cutText(ch.ChannelType(), 64)), "channels of this type are not allowed")
}

// globalRequest refuses what is not a keepalive: remote forwards above all.
func (s *Server) globalRequest(ctx gliderssh.Context, _ *gliderssh.Server, req *ssh.Request) (bool, []byte) {
	switch req.Type {
	case "keepalive@openssh.com", "no-more-sessions@openssh.com", "hostkeys-prove-00@openssh.com":
		return false, nil // RFC 4254 section 4: a failure answers a keepalive as well as a success
	}
	connOf(ctx).note(protocol.Refuse{Connection: connOf(ctx).id, What: "global request " + strconv.Quote(cutText(req.Type, 64)), Code: "not_allowed", Why: "requests of this type are not allowed"})
	return false, nil
}

// note puts a refusal into the audit log. A refusal stands whether or not it can be noted; the operator hears of it. A
// client that collects too many of them loses its connection, so that it cannot fill the log.
func (c *conn) note(r protocol.Refuse) {
	if int(c.refusals.Add(1)) > c.limits().Refusals {
		c.flood(limitRefusals, "too many refused requests")
		return
	}
	ctx, cancel := context.WithTimeout(c.ctx, evidenceTime)
	defer cancel()
	if err := c.server.cfg.Evidence.Refuse(ctx, r); err != nil {
		c.log.Error("note a refusal", "what", r.What, "error", err)
	}
}

func cutText(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}

// jumpStream is a channel as a net.Conn. Its remote address is the outer client's, so that source-address holds inside too.
type jumpStream struct {
	ssh.Channel
	remote, local net.Addr
}

func (j *jumpStream) RemoteAddr() net.Addr             { return j.remote }
func (j *jumpStream) LocalAddr() net.Addr              { return j.local }
func (j *jumpStream) SetDeadline(time.Time) error      { return nil }
func (j *jumpStream) SetReadDeadline(time.Time) error  { return nil }
func (j *jumpStream) SetWriteDeadline(time.Time) error { return nil }
