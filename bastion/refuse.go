package bastion

import (
	"context"
	"slices"
	"strconv"
	"strings"

	gliderssh "github.com/gliderlabs/ssh"
	"golang.org/x/crypto/ssh"

	"gatehouse/internal/answer"
	"gatehouse/internal/decider/protocol"
	"gatehouse/recorder"
)

// What is never served, and what does the same in a way that can be. Each is said once a connection.
const (
	noRemoteForward = "remote forwards (-R) are never served: what would listen on the target has no rule; to bring data to a target use standard input, sftp or rsync, to reach a service use ssh -L with a rule for its host and port"
	noAgent         = "agent forwarding (-A) is never served: whoever is root on the target could use your key; connect to each target through Gatehouse, from where you are"
	noX11           = "X11 forwarding (-X, -Y) is never served: programs on the target could read your screen and type; run the program where its display is"
	noTunnel        = "tunnel devices (-w) are never served: a network has no rule; use ssh -L with a rule for each host and port"
)

// maxRefusalText bounds the text of a refused channel. OpenSSH shows 1 KiB of it.
const maxRefusalText = 2 << 10

// refusalText is a refusal as the channel's open failure has it.
func refusalText(text string) string { return strings.TrimRight(cutText(text, maxRefusalText), "\n") }

// refuseForward rejects a channel with the reason in the open failure, and notes it.
func (c *conn) refuseForward(ch ssh.NewChannel, what, why string) {
	c.note(protocol.Refuse{Connection: c.id, Target: c.route.target, Login: c.route.login, What: what, Code: "not_allowed", Why: why})
	_ = ch.Reject(ssh.Prohibited, refusalText("gatehouse: DENIED by policy: "+answer.Visible(why)))
}

// refuseChannel refuses every other kind of channel by its name.
func (s *Server) refuseChannel(_ *gliderssh.Server, _ *ssh.ServerConn, ch ssh.NewChannel, ctx gliderssh.Context) {
	why := "channels of this type are not allowed"
	switch ch.ChannelType() {
	case "tun@openssh.com":
		why = noTunnel
	case "x11":
		why = noX11
	case "auth-agent@openssh.com":
		why = noAgent
	case "forwarded-tcpip", "forwarded-streamlocal@openssh.com":
		why = noRemoteForward
	}
	connOf(ctx).refuseForward(ch, "channel "+strconv.Quote(cutText(ch.ChannelType(), 64)), why)
}

// globalRequest refuses what is not a keepalive: remote forwards above all. As the answer to a request has no text, the next session
// says why.
func (s *Server) globalRequest(ctx gliderssh.Context, _ *gliderssh.Server, req *ssh.Request) (bool, []byte) {
	why := "requests of this type are not allowed"
	c := connOf(ctx)
	switch req.Type {
	case "keepalive@openssh.com", "no-more-sessions@openssh.com", "hostkeys-prove-00@openssh.com":
		return false, nil // RFC 4254 section 4: a failure answers a keepalive as well as a success
	case "tcpip-forward", "streamlocal-forward@openssh.com":
		why = noRemoteForward
		c.hint(why)
	}
	c.note(protocol.Refuse{Connection: c.id, Target: c.route.target, Login: c.route.login, What: "global request " + strconv.Quote(cutText(req.Type, 64)), Code: "not_allowed", Why: why})
	return false, nil
}

// note puts a refusal into the audit log. A refusal stands whether or not it can be noted; the operator hears of it.
func (c *conn) note(r protocol.Refuse) {
	if !c.countRefusal() {
		return
	}
	ctx, cancel := context.WithTimeout(c.ctx, evidenceTime)
	defer cancel()
	if err := c.server.cfg.Evidence.Refuse(ctx, r); err != nil {
		c.log.Error("note a refusal", "what", r.What, "error", err)
	}
}

// countRefusal counts what a client asked for in vain. One that collects maxRefusals loses its connection, so that it cannot fill
// the log.
func (c *conn) countRefusal() (goesOn bool) {
	if c.refusals.Add(1) <= maxRefusals {
		return true
	}
	c.log.Warn("too many refused requests, connection closed")
	_ = c.Conn.Close()
	return false
}

// hints are what a connection's next session says of requests that could not be answered with words.
type hints struct{ said, next []string }

// hint has the next session say why something was refused, once a connection.
func (c *conn) hint(why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.Contains(c.hints.said, why) {
		c.hints.said, c.hints.next = append(c.hints.said, why), append(c.hints.next, why)
	}
}

// giveHints says what was refused before this session began, to its client and in its recording.
func (s *session) giveHints() {
	s.conn.mu.Lock()
	next := s.conn.hints.next
	s.conn.hints.next = nil
	s.conn.mu.Unlock()
	for _, why := range next {
		if s.recording != nil {
			_ = s.recording.Write(recorder.Note, event(map[string]any{"note": "refused: " + why})) // a failed recording fails at Close
		}
		if s.pty != nil {
			_ = s.write(s.channel, []byte("gatehouse: "+why+"\r\n"))
		} else {
			_ = s.write(s.channel.Stderr(), []byte("gatehouse: "+why+"\n"))
		}
	}
}

func cutText(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}
