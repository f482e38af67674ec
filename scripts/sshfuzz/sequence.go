package main

import (
	"bytes"
	"math/rand/v2"
	"time"

	"gatehouse/internal/rawssh"
)

// sequence is the nth of a seed: it begins somewhere in the protocol and sends some packets, most of them changed. Whatever the door
// answers is right, as long as it goes on serving others.
func (d *door) sequence(seed, n uint64) {
	r := rand.New(rand.NewPCG(seed, n))
	c, err := d.begin(r)
	if err != nil {
		return // the door closed what came too early
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(2 * time.Second))
	for range 1 + r.IntN(40) {
		if c.Send(mutate(r, packet(r))) != nil {
			return
		}
	}
	if r.IntN(4) == 0 {
		_, _ = c.Write(noise(r, 200))
	}
	if r.IntN(8) == 0 {
		_ = c.Exchange()
	}
	_ = c.SetDeadline(time.Now().Add(20 * time.Millisecond))
	c.Drain()
}

// begin goes as far as the sequence wants.
func (d *door) begin(r *rand.Rand) (*rawssh.Conn, error) {
	switch r.IntN(8) {
	case 0:
		return rawssh.Dial(d.gate.SSHAddr, "")
	case 1:
		c, err := rawssh.Dial(d.gate.SSHAddr, "")
		if err != nil {
			return nil, err
		}
		return c, c.Hello(rawssh.Version)
	case 2, 3:
		return rawssh.Connect(d.gate.SSHAddr, "")
	}
	c, err := rawssh.Login(d.gate.SSHAddr, "", "deploy@web-1", d.key)
	if err == nil && r.IntN(4) > 0 {
		_, err = c.OpenSession(1, uint32(r.IntN(1<<21)))
	}
	return c, err
}

// packet is one that could come.
func packet(r *rand.Rand) []byte {
	ch := uint32(r.IntN(3))
	lines := []string{"echo hi", "echo a | cat", "sleep 1", "rm -rf /", "echo '", "$(x)", ""}
	requests := []func() []byte{
		func() []byte { return rawssh.Request(ch, "exec", true, rawssh.String(lines[r.IntN(len(lines))])) },
		func() []byte { return rawssh.Request(ch, "pty-req", true, rawssh.PTY("xterm", 80, 24, "\x00")) },
		func() []byte {
			return rawssh.Request(ch, "env", true, append(rawssh.String("LANG"), rawssh.String("C")...))
		},
		func() []byte { return rawssh.Request(ch, "window-change", false, make([]byte, 16)) },
		func() []byte { return rawssh.Request(ch, "signal", false, rawssh.String("INT")) },
		func() []byte { return rawssh.Request(ch, "subsystem", true, rawssh.String("sftp")) },
		func() []byte { return rawssh.Request(ch, "shell", true, nil) },
		func() []byte { return rawssh.Open("session", uint32(r.IntN(5)), r.Uint32(), 1<<15, nil) },
		func() []byte { return rawssh.Open("direct-tcpip", 9, 1<<20, 1<<15, rawssh.DirectTCPIP("web-1", 22)) },
		func() []byte {
			return rawssh.Open("direct-tcpip", 9, 1<<20, 1<<15, rawssh.DirectTCPIP("127.0.0.1", 80))
		},
		func() []byte { return rawssh.Global("tcpip-forward", true, rawssh.DirectTCPIP("0.0.0.0", 1)) },
		func() []byte { return rawssh.Global("keepalive@openssh.com", true, nil) },
		func() []byte { return rawssh.Data(ch, noise(r, 1<<12)) },
		func() []byte { return rawssh.Extended(ch, uint32(r.IntN(3)), noise(r, 100)) },
		func() []byte { return rawssh.Adjust(ch, r.Uint32()) },
		func() []byte { return rawssh.OnChannel(byte(rawssh.MsgChannelEOF+r.IntN(5)), ch) },
		func() []byte { return rawssh.AuthRequest("deploy@web-1", "none", nil) },
		func() []byte { return rawssh.Offer("deploy@web-1", "ssh-ed25519", noise(r, 100)) },
		func() []byte { return append([]byte{byte(r.IntN(256))}, noise(r, 300)...) },
		func() []byte { return append([]byte{rawssh.MsgPing}, rawssh.String("x")...) },
	}
	return requests[r.IntN(len(requests))]()
}

// mutate changes a packet, or leaves it.
func mutate(r *rand.Rand, p []byte) []byte {
	p = bytes.Clone(p)
	for range r.IntN(3) {
		if len(p) == 0 {
			return p
		}
		at := r.IntN(len(p))
		switch r.IntN(6) {
		case 0:
			p[at] = byte(r.Uint32())
		case 1:
			p[at] ^= 1 << r.IntN(8)
		case 2:
			p = p[:at]
		case 3:
			p = append(p, noise(r, 50)...)
		case 4:
			p = append(p[:at:at], append(noise(r, 8), p[at:]...)...)
		case 5:
			copy(p[at:], []byte{255, 255, 255, 255})
		}
	}
	return p
}

func noise(r *rand.Rand, most int) []byte {
	b := make([]byte, r.IntN(most))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}
