package hostile

import (
	"bytes"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"

	"gatehouse/internal/rawssh"
)

func beforeVersion() []Case {
	junk := bytes.Repeat([]byte{0xa5}, 1<<20)
	return []Case{
		dialled("connect and leave", true, false, raw()),
		dialled("slowloris: nothing at all", true, false, left(raw())),
		dialled("slowloris: half a version", true, false, left(raw([]byte("SSH-2.")))),
		dialled("slowloris: lines without a version", false, false, left(raw([]byte("hello\r\n")))),
		dialled("garbage", true, true, raw(junk)),
		dialled("zeros", false, true, raw(make([]byte, 1<<16))),
		dialled("an HTTP request", true, true, raw([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), bytes.Repeat([]byte("x: y\r\n"), 1<<12))),
		dialled("a TLS hello", false, true, raw([]byte{22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3}, junk)),
		dialled("a version without an end", true, true, raw([]byte("SSH-2.0-"), bytes.Repeat([]byte("x"), 1<<16))),
		dialled("version 1", true, false, left(raw([]byte("SSH-1.5-old\r\n")))),
		dialled("version 3", false, true, raw([]byte("SSH-3.0-new\r\n"))),
		dialled("a version with control bytes", false, true, raw([]byte("SSH-2.0-\x00\x1b[2J\r\n"), junk)),
		dialled("a thousand empty lines", false, true, raw(bytes.Repeat([]byte("\r\n"), 1000))),
		dialled("a version and garbage", true, true, raw([]byte("SSH-2.0-x\r\n"), junk)),
		dialled("a disconnect for a version", false, true, raw([]byte{0, 0, 0, 12, 10, 1}, junk)),
	}
}

func kexInit(change func(i *rawssh.Init)) []byte {
	i := rawssh.NewInit()
	change(&i)
	return ssh.Marshal(&i)
}

func ecdh(q []byte) []byte {
	return ssh.Marshal(struct {
		Q []byte `sshtype:"30"`
	}{q})
}

func inTheClear() []Case {
	good := kexInit(func(*rawssh.Init) {})
	list := []Case{
		greeted("slowloris: no key exchange", true, false, left(raw())),
		greeted("slowloris: half a packet", true, false, left(raw([]byte{0, 0, 1, 0, 10, 20}))),
		greeted("slowloris: a byte of a length", false, false, left(raw([]byte{0}))),
		greeted("a packet of 4 GiB", true, true, raw([]byte{255, 255, 255, 255, 4, 20})),
		greeted("a packet of 300 KB", true, true, func(_ *Env, c *rawssh.Conn) error { return c.Send(make([]byte, 300<<10)) }),
		greeted("a packet of nothing", true, true, raw(make([]byte, 64))),
		greeted("a length that is no multiple", false, true, func(_ *Env, c *rawssh.Conn) error {
			_, err := c.Write(append(c.SealWith(good, 4, len(good)+8), make([]byte, 64)...))
			return err
		}),
		greeted("padding longer than the packet", true, true, func(_ *Env, c *rawssh.Conn) error {
			b := c.SealWith([]byte{20}, 10, 12)
			b[4] = 255
			_, err := c.Write(b)
			return err
		}),
		greeted("no padding", false, true, func(_ *Env, c *rawssh.Conn) error {
			_, err := c.Write(append(c.SealWith(make([]byte, 11), 0, 12), make([]byte, 64)...))
			return err
		}),
		greeted("an empty payload", false, true, packets([]byte{})),
		greeted("nothing in common", true, true, packets(kexInit(func(i *rawssh.Init) { i.Kex = []string{"diffie-hellman-group1-sha1"} }))),
		greeted("SHA-1 and CBC", false, true, packets(kexInit(func(i *rawssh.Init) {
			i.Kex, i.CiphersOut, i.MACsOut = []string{"diffie-hellman-group14-sha1"}, []string{"aes128-cbc"}, []string{"hmac-sha1"}
		}))),
		greeted("only compression", false, true, packets(kexInit(func(i *rawssh.Init) { i.CompressOut, i.CompressIn = []string{"zlib"}, []string{"zlib"} }))),
		greeted("a host key of another kind", false, true, packets(kexInit(func(i *rawssh.Init) { i.HostKey = []string{"ssh-dss"} }))),
		greeted("one name of 200 KB", true, true, packets(kexInit(func(i *rawssh.Init) { i.Kex = []string{strings.Repeat("x", 200<<10)} }))),
		greeted("fifty thousand names", false, true, packets(kexInit(func(i *rawssh.Init) { i.Kex = strings.Split(strings.Repeat("a,bcd,", 25_000), ",") }))),
		greeted("empty lists", false, true, packets(kexInit(func(i *rawssh.Init) { *i = rawssh.Init{} }))),
		greeted("KEXINIT twice", true, true, packets(good, good)),
		greeted("a wrong guess and silence", false, false, left(packets(kexInit(func(i *rawssh.Init) { i.FirstFollows = true; i.Kex[0] = "x" })))),
		greeted("NEWKEYS first", true, true, packets([]byte{rawssh.MsgNewKeys})),
		greeted("NEWKEYS instead of a key", false, true, packets(good, []byte{rawssh.MsgNewKeys})),
		greeted("authentication in the clear", true, true, packets(rawssh.AuthRequest("root", "none", nil))),
		greeted("a channel in the clear", false, true, packets(rawssh.Open("session", 0, 1, 1<<15, nil))),
		greeted("ignore before the key exchange", false, true, packets(append([]byte{rawssh.MsgIgnore}, rawssh.String("x")...), good, good)),
		greeted("an unknown message", false, true, packets([]byte{255, 1, 2, 3})),
		greeted("a disconnect", false, true, packets(append([]byte{rawssh.MsgDisconnect, 0, 0, 0, 2}, append(rawssh.String("bye"), rawssh.String("")...)...))),
		greeted("a disconnect that is none", false, true, packets([]byte{rawssh.MsgDisconnect})),
		greeted("another exchange's message", false, true, packets(good, []byte{34, 0, 0, 4, 0, 0, 0, 8, 0, 0, 0, 16, 0})),
	}
	for name, q := range map[string][]byte{"no key": {}, "a short key": make([]byte, 31), "a key of zeros": make([]byte, 32), "a key of one": append([]byte{1}, make([]byte, 31)...),
		"a key of 200 KB": make([]byte, 200<<10)} {
		list = append(list, greeted("ECDH with "+name, name == "a key of zeros", true, packets(good, ecdh(q))))
	}
	for _, n := range []int{1, 5, 16, 17, 20, 40, 100, len(good) - 5, len(good) - 1} {
		list = append(list, greeted(fmt.Sprintf("KEXINIT of %d bytes", n), n == 17, true, packets(good[:n])))
	}
	return list
}
