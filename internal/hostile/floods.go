package hostile

import (
	"bytes"
	"fmt"

	"gatehouse/internal/rawssh"
)

// storm is key exchanges in a row, with nothing between them.
func storm(n int) func(*Env, *rawssh.Conn) error {
	return func(_ *Env, c *rawssh.Conn) error {
		for range n {
			if err := c.Exchange(); err != nil {
				return err
			}
		}
		return nil
	}
}

// floods are what is harmless once. Each connection must be closed before it has sent everything.
func floods() []Case {
	variable := bytes.Join([][]byte{rawssh.String("LANG"), rawssh.String("C")}, nil)
	flood := func(name string, core bool, n int, packet func(ch uint32) []byte) Case {
		return opened("flood: "+name, core, true, func(_ *Env, c *rawssh.Conn, ch uint32) error { return repeat(n, packet(ch))(nil, c) })
	}
	return []Case{
		flood("sizes", true, 50_000, func(ch uint32) []byte { return rawssh.Request(ch, "window-change", false, make([]byte, 16)) }),
		flood("signals", false, 50_000, func(ch uint32) []byte { return rawssh.Request(ch, "signal", true, rawssh.String("TERM")) }),
		flood("variables", false, 50_000, func(ch uint32) []byte { return rawssh.Request(ch, "env", true, variable) }),
		flood("keepalives", false, 50_000, func(uint32) []byte { return rawssh.Global("keepalive@openssh.com", true, nil) }),
		flood("keepalives of a channel", false, 50_000, func(ch uint32) []byte { return rawssh.Request(ch, "keepalive@openssh.com", true, nil) }),
		flood("forwards", true, 10_000, func(uint32) []byte { return rawssh.Global("tcpip-forward", true, rawssh.DirectTCPIP("0.0.0.0", 1)) }),
		flood("unknown requests", false, 10_000, func(uint32) []byte { return rawssh.Global("x@example.com", true, make([]byte, 1000)) }),
		flood("huge requests", false, 10_000, func(uint32) []byte { return rawssh.Global("x@example.com", true, make([]byte, 200<<10)) }),
		flood("channels", true, 20_000, func(uint32) []byte { return rawssh.Open("session", 5, 1<<20, 1<<15, nil) }),
		flood("refused channels", false, 20_000, func(uint32) []byte { return rawssh.Open("x11", 5, 1<<20, 1<<15, nil) }),
		flood("agent requests", false, 10_000, func(ch uint32) []byte { return rawssh.Request(ch, "auth-agent-req@openssh.com", true, nil) }),
		known("flood: channels opened and closed", false, true, func(_ *Env, c *rawssh.Conn) error {
			for range 20_000 {
				ch, err := c.OpenSession(1, 1<<20)
				if err != nil {
					return err
				}
				if err := c.Send(rawssh.OnChannel(rawssh.MsgChannelClose, ch)); err != nil {
					return err
				}
			}
			return nil
		}),
		known("flood: key exchanges", true, true, storm(200)),
		opened("flood: bytes one by one that nothing reads", false, true, func(_ *Env, c *rawssh.Conn, ch uint32) error {
			all := bytes.NewBuffer(nil)
			for range 2_500_000 {
				all.Write(c.Seal(rawssh.Data(ch, []byte{'x'})))
				if all.Len() > 1<<16 {
					if _, err := c.Write(all.Bytes()); err != nil {
						return err
					}
					all.Reset()
				}
			}
			return nil
		}),
		known("flood: full windows that nothing reads", false, true, func(_ *Env, c *rawssh.Conn) error {
			for id := range uint32(100) {
				ch, err := c.OpenSession(id, 1<<20)
				if err != nil {
					return err
				}
				if err := repeat(rawssh.Window/rawssh.Packet, rawssh.Data(ch, make([]byte, rawssh.Packet)))(nil, c); err != nil {
					return err
				}
			}
			return nil
		}),
		opened("output into a shut window", true, false, func(e *Env, c *rawssh.Conn, _ uint32) error {
			ch, err := c.OpenSession(2, 0)
			if err != nil {
				return err
			}
			if err := c.Send(rawssh.Request(ch, "exec", true, rawssh.String("echo never read"))); err != nil {
				return err
			}
			e.hold(c)
			return errHeld
		}),
		known("a denial into a shut window", true, true, func(_ *Env, c *rawssh.Conn) error {
			ch, err := c.OpenSession(2, 0)
			if err != nil {
				return err
			}
			return c.Send(rawssh.Request(ch, "exec", true, rawssh.String("rm -rf /")))
		}),
		known("a key exchange that is not finished", false, false, left(func(_ *Env, c *rawssh.Conn) error {
			if err := c.SendInit(rawssh.NewInit()); err != nil {
				return err
			}
			_, err := c.AwaitInit()
			return err
		})),
		known("data in the middle of a key exchange", false, true, func(_ *Env, c *rawssh.Conn) error {
			if err := c.SendInit(rawssh.NewInit()); err != nil {
				return err
			}
			return c.Send(rawssh.Data(0, []byte("x")))
		}),
		opened("key exchanges with a command on its way", false, false, func(_ *Env, c *rawssh.Conn, ch uint32) error {
			if err := c.Send(rawssh.Request(ch, "exec", false, rawssh.String("echo hi"))); err != nil {
				return err
			}
			for range 5 {
				if err := c.Exchange(); err != nil {
					return fmt.Errorf("a key exchange: %w", err)
				}
			}
			return nil
		}),
		known("requests, and never a byte read", false, false, left(func(_ *Env, c *rawssh.Conn) error {
			return repeat(1500, rawssh.Global("keepalive@openssh.com", true, nil))(nil, c)
		})),
	}
}
