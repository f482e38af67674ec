package bastion

import (
	"net"
	"strconv"
	"strings"
	"time"

	gliderssh "github.com/gliderlabs/ssh"
	"golang.org/x/crypto/ssh"

	"gatehouse/bastion/endpoint"
	"gatehouse/internal/decider/protocol"
)

// directTCPIP is the channel open's payload (RFC 4254 section 7.2).
type directTCPIP struct {
	Host       string
	Port       uint32
	OriginHost string
	OriginPort uint32
}

// sshPort is the port that a jump names; the one on which the target listens will do as well. The inner connection ends here, whatever
// port that is.
const sshPort = 22

// handleDirect serves direct-tcpip, which is how stock clients jump (-J, -W to a target's SSH port) and how they forward (-L, -W, -D).
func (s *Server) handleDirect(_ *gliderssh.Server, _ *ssh.ServerConn, ch ssh.NewChannel, ctx gliderssh.Context) {
	c := connOf(ctx)
	var m directTCPIP
	if err := ssh.Unmarshal(ch.ExtraData(), &m); err != nil {
		_ = ch.Reject(ssh.ConnectionFailed, "malformed request")
		return
	}
	t, jump := c.jumpsTo(m)
	switch {
	case jump && t.Gatehouse:
		c.serveForward(ch, &forward{host: endpoint.Host{Name: t.Name}, port: sshPort, target: t.Name})
	case jump:
		c.jump(ch, t.Name)
	default:
		c.forwardTCP(ch, m)
	}
}

// jumpsTo says which target a direct-tcpip jumps to, if it is a jump: there are none inside of one.
func (c *conn) jumpsTo(m directTCPIP) (protocol.Target, bool) {
	if c.outer != nil || c.renewOnly {
		return protocol.Target{}, false
	}
	t, known := c.server.named(strings.ToLower(cutText(m.Host, 256)))
	if !known {
		return protocol.Target{}, false
	}
	_, port, _ := net.SplitHostPort(t.Address)
	return t, m.Port == sshPort || port == strconv.Itoa(int(m.Port))
}

// jump serves stock `ssh -J`: what looks to the client like a forward to the target's SSH port is a second handshake that ends in
// this process, under the target's face.
func (c *conn) jump(ch ssh.NewChannel, target string) {
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
	inner := newConn(c.server, &jumpStream{Channel: channel, remote: c.RemoteAddr(), local: c.LocalAddr()}, c, target, nil)
	defer c.closeChannel()
	c.server.handle(inner)
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
