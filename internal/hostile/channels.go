package hostile

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strings"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/rawssh"
)

func channels() []Case {
	one := func(kind string, extra []byte) Case {
		return known("a channel: "+kind[:min(len(kind), 40)], kind == "auth-agent@openssh.com", false, func(_ *Env, c *rawssh.Conn) error {
			if err := c.Send(rawssh.Open(kind, 7, 1<<20, 1<<15, extra)); err != nil {
				return err
			}
			p, err := c.Await(rawssh.MsgOpenConfirm, rawssh.MsgOpenFailure)
			if err == nil && p[0] == rawssh.MsgOpenConfirm {
				return errors.New("it was opened")
			}
			return err
		})
	}
	const most = ^uint32(0)
	list := []Case{
		one("x11", rawssh.DirectTCPIP("127.0.0.1", 6000)),
		one("auth-agent@openssh.com", nil),
		one("forwarded-tcpip", rawssh.DirectTCPIP("127.0.0.1", 22)),
		one("tun@openssh.com", make([]byte, 8)),
		one("direct-streamlocal@openssh.com", append(rawssh.String("/run/x"), make([]byte, 8)...)),
		one("", nil),
		one(strings.Repeat("k", 200<<10), nil),
		one("\x00\x1b[2J", nil),
		one("direct-tcpip", rawssh.DirectTCPIP(strings.Repeat("h", 200<<10), 22)),
		one("direct-tcpip", rawssh.DirectTCPIP("127.0.0.1", 0)),
		one("direct-tcpip", rawssh.DirectTCPIP("127.0.0.1", most)),
		one("direct-tcpip", rawssh.DirectTCPIP("169.254.169.254", 80)),
		one("direct-tcpip", nil),
		one("direct-tcpip", rawssh.DirectTCPIP("x", 22)[:9]),
		known("a channel open of one byte", true, true, packets([]byte{rawssh.MsgChannelOpen})),
		known("a packet size of nothing", true, false, packets(rawssh.Open("session", 1, 1<<20, 0, nil))),
		known("a packet size of 4 GiB", false, false, packets(rawssh.Open("session", 1, 1<<20, most, nil))),
		known("one id for a hundred channels", false, false, repeat(100, rawssh.Open("session", 1, 1<<20, 1<<15, nil))),
		known("data for a channel that is not", true, true, packets(rawssh.Data(77, []byte("x")))),
		known("data without a channel", false, true, packets([]byte{rawssh.MsgChannelData, 0, 0})),
		known("a confirmation that nobody waits for", false, true, packets(ssh.Marshal(struct {
			A       uint32 `sshtype:"91"`
			B, C, D uint32
		}{0, 0, 1 << 20, 1 << 15}))),
		known("answers that nobody waits for", true, false, func(e *Env, c *rawssh.Conn) error {
			return repeat(5000, []byte{rawssh.MsgRequestSuccess})(e, c)
		}),
		known("a request for a channel that is not", false, false, packets(rawssh.Request(9, "exec", true, rawssh.String("id")))),
		known("an empty packet", true, true, packets([]byte{})),
		known("authentication once more", false, false, packets(rawssh.AuthRequest("root", "none", nil))),
		known("an unknown message after all", false, false, packets([]byte{200, 1, 2, 3})),
		known("reset in the middle", false, false, func(_ *Env, c *rawssh.Conn) error {
			_ = c.Send(rawssh.Open("session", 1, 1<<20, 1<<15, nil))
			return reset(c)
		}),

		opened("more data than the window", true, true, func(_ *Env, c *rawssh.Conn, ch uint32) error {
			return repeat(100, rawssh.Data(ch, make([]byte, 1<<15)))(nil, c)
		}),
		opened("a data packet that is too large", true, true, func(_ *Env, c *rawssh.Conn, ch uint32) error { return c.Send(rawssh.Data(ch, make([]byte, 1<<16))) }),
		opened("data that is shorter than it says", false, true, func(_ *Env, c *rawssh.Conn, ch uint32) error { return c.Send(rawssh.Data(ch, []byte("abc"))[:11]) }),
		opened("data that is longer than it says", false, true, func(_ *Env, c *rawssh.Conn, ch uint32) error {
			return c.Send(append(rawssh.Data(ch, []byte("abc")), "more"...))
		}),
		opened("nothing as data, a hundred thousand times", false, false, func(_ *Env, c *rawssh.Conn, ch uint32) error { return repeat(100_000, rawssh.Data(ch, nil))(nil, c) }),
		opened("a window of more than 4 GiB", true, true, func(_ *Env, c *rawssh.Conn, ch uint32) error { return repeat(3, rawssh.Adjust(ch, most))(nil, c) }),
		opened("extended data of every kind", false, false, func(_ *Env, c *rawssh.Conn, ch uint32) error {
			return c.SendAll(rawssh.Extended(ch, 0, []byte("x")), rawssh.Extended(ch, 1, []byte("x")), rawssh.Extended(ch, 2, []byte("x")), rawssh.Extended(ch, most, []byte("x")))
		}),
		opened("EOF, data, EOF", false, false, func(_ *Env, c *rawssh.Conn, ch uint32) error {
			return c.SendAll(rawssh.OnChannel(rawssh.MsgChannelEOF, ch), rawssh.Data(ch, []byte("late")), rawssh.OnChannel(rawssh.MsgChannelEOF, ch))
		}),
		opened("CLOSE twice", true, false, func(_ *Env, c *rawssh.Conn, ch uint32) error {
			return c.SendAll(rawssh.OnChannel(rawssh.MsgChannelClose, ch), rawssh.OnChannel(rawssh.MsgChannelClose, ch))
		}),
		opened("CLOSE, then a command", true, false, func(_ *Env, c *rawssh.Conn, ch uint32) error {
			return c.SendAll(rawssh.OnChannel(rawssh.MsgChannelClose, ch), rawssh.Request(ch, "exec", true, rawssh.String("echo no")))
		}),
		opened("a command, then CLOSE", false, false, func(_ *Env, c *rawssh.Conn, ch uint32) error {
			return c.SendAll(rawssh.Request(ch, "exec", true, rawssh.String("sleep 600")), rawssh.OnChannel(rawssh.MsgChannelClose, ch))
		}),
		opened("success and failure of nothing", false, false, func(_ *Env, c *rawssh.Conn, ch uint32) error {
			return c.SendAll(rawssh.OnChannel(rawssh.MsgChannelSuccess, ch), rawssh.OnChannel(rawssh.MsgChannelFailure, ch), rawssh.OnChannel(rawssh.MsgChannelSuccess, ch))
		}),
		opened("a refusal of an open channel", false, false, func(_ *Env, c *rawssh.Conn, ch uint32) error {
			return c.Send(ssh.Marshal(struct {
				ID, Why    uint32 `sshtype:"92"`
				Text, Lang string
			}{ch, 1, "no", ""}))
		}),
		opened("reset with a command on its way", true, false, func(_ *Env, c *rawssh.Conn, ch uint32) error {
			_ = c.Send(rawssh.Request(ch, "exec", true, rawssh.String("sleep 600")))
			return reset(c)
		}),
		opened("half a packet after a command, left open", false, false, func(e *Env, c *rawssh.Conn, ch uint32) error {
			b := append(c.Seal(rawssh.Request(ch, "exec", true, rawssh.String("echo x"))), c.Seal(rawssh.Data(ch, make([]byte, 100)))[:30]...)
			return left(raw(b))(e, c)
		}),
	}
	return list
}

// reset closes a connection with a RST.
func reset(c *rawssh.Conn) error {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	return c.Close()
}

// requests are those on a session channel: cut everywhere, twice, too long.
func requests() []Case {
	variable := bytes.Join([][]byte{rawssh.String("LANG"), rawssh.String("C")}, nil)
	size := make([]byte, 16)
	whole := []struct {
		kind    string
		payload []byte
	}{
		{"pty-req", rawssh.PTY("vt100", 80, 24, "\x00")}, {"env", variable}, {"exec", rawssh.String("echo hi")}, {"subsystem", rawssh.String("sftp")}, {"window-change", size},
		{"signal", rawssh.String("TERM")}, {"x11-req", bytes.Join([][]byte{{0}, rawssh.String("MIT"), rawssh.String("00"), {0, 0, 0, 0}}, nil)},
		{"auth-agent-req@openssh.com", nil}, {"break", make([]byte, 4)}, {"xon-xoff", []byte{1}}, {"exit-status", make([]byte, 4)},
		{"exit-signal", rawssh.String("KILL")}, {"eow@openssh.com", nil}, {"keepalive@openssh.com", nil}, {"shell", nil},
	}
	var list []Case
	for _, r := range whole {
		list = append(list, opened("request "+r.kind+", cut and lengthened", r.kind == "pty-req" || r.kind == "exec", false, func(_ *Env, c *rawssh.Conn, ch uint32) error {
			for n := range r.payload {
				if err := c.Send(rawssh.Request(ch, r.kind, n%2 == 0, r.payload[:n])); err != nil {
					return err
				}
			}
			return c.SendAll(rawssh.Request(ch, r.kind, true, append(bytes.Clone(r.payload), 0)), rawssh.Request(ch, r.kind, true, []byte{255, 255, 255, 255}))
		}))
	}
	long := func(name, kind string, core bool, payload []byte) Case {
		return opened(name, core, false, func(_ *Env, c *rawssh.Conn, ch uint32) error { return c.Send(rawssh.Request(ch, kind, true, payload)) })
	}
	return append(list,
		long("a command of 250 KB", "exec", true, rawssh.String("echo "+strings.Repeat("x", 250<<10))),
		opened("a command of 10 MB", true, true, func(_ *Env, c *rawssh.Conn, ch uint32) error {
			return c.Send(rawssh.Request(ch, "exec", true, rawssh.String("echo "+strings.Repeat("x", 10<<20))))
		}),
		long("a command of NULs", "exec", false, rawssh.String(strings.Repeat("\x00", 1000))),
		long("a command that is nested a thousand deep", "exec", false, rawssh.String(strings.Repeat("$(", 1000)+strings.Repeat(")", 1000))),
		long("a command of a thousand pipes", "exec", false, rawssh.String("echo x"+strings.Repeat(" | cat", 1000))),
		long("a subsystem of 200 KB", "subsystem", false, rawssh.String(strings.Repeat("s", 200<<10))),
		long("a terminal of 200 KB", "pty-req", false, rawssh.PTY(strings.Repeat("t", 200<<10), 80, 24, "")),
		long("a terminal of 4 billion columns", "pty-req", false, rawssh.PTY("xterm", ^uint32(0), ^uint32(0), "\x00")),
		long("modes of 200 KB", "pty-req", false, rawssh.PTY("xterm", 80, 24, strings.Repeat("\x01", 200<<10))),
		long("a variable of 200 KB", "env", false, bytes.Join([][]byte{rawssh.String("LANG"), rawssh.String(strings.Repeat("x", 200<<10))}, nil)),
		long("a request of 200 KB of name", strings.Repeat("r", 200<<10), false, nil),
		opened("two commands", true, false, func(_ *Env, c *rawssh.Conn, ch uint32) error {
			return c.SendAll(rawssh.Request(ch, "exec", true, rawssh.String("echo a")), rawssh.Request(ch, "exec", true, rawssh.String("echo b")), rawssh.Request(ch, "shell", true, nil))
		}),
		opened("two terminals", false, false, func(_ *Env, c *rawssh.Conn, ch uint32) error {
			return c.SendAll(rawssh.Request(ch, "pty-req", true, rawssh.PTY("vt100", 80, 24, "")), rawssh.Request(ch, "pty-req", true, rawssh.PTY("xterm", 1, 1, "")))
		}),
		opened("a size and a signal before anything runs", false, false, func(_ *Env, c *rawssh.Conn, ch uint32) error {
			return c.SendAll(rawssh.Request(ch, "window-change", true, size), rawssh.Request(ch, "signal", true, rawssh.String("KILL")), rawssh.Request(ch, "signal", true, rawssh.String("\x00\xff")))
		}),
	)
}

// jumps are handshakes inside a channel.
func jumps() []Case {
	inside := func(c *rawssh.Conn, e *Env, id uint32) error {
		if err := c.Send(rawssh.Open("direct-tcpip", id, 1<<20, 1<<15, rawssh.DirectTCPIP(e.Target, 22))); err != nil {
			return err
		}
		p, err := c.Await(rawssh.MsgOpenConfirm, rawssh.MsgOpenFailure)
		if err == nil && p[0] == rawssh.MsgOpenFailure {
			return fmt.Errorf("the jump was refused")
		}
		return err
	}
	return []Case{
		known("a jump and silence", true, false, left(func(e *Env, c *rawssh.Conn) error { return inside(c, e, 1) })),
		known("garbage inside a jump", true, false, func(e *Env, c *rawssh.Conn) error {
			if err := inside(c, e, 1); err != nil {
				return err
			}
			return repeat(20, rawssh.Data(0, bytes.Repeat([]byte{0xa5}, 1<<15)))(e, c)
		}),
		known("a hundred jumps, half open", false, false, left(func(e *Env, c *rawssh.Conn) error {
			for id := range uint32(100) {
				if err := inside(c, e, id); err != nil {
					return err
				}
			}
			return nil
		})),
		known("a jump whose window is shut", false, false, left(func(e *Env, c *rawssh.Conn) error {
			return c.Send(rawssh.Open("direct-tcpip", 1, 0, 1<<15, rawssh.DirectTCPIP(e.Target, 22)))
		})),
	}
}
