// Package rawssh is an SSH client that can say anything: for tests and the fuzz driver, which must send what no library would.
//
// It speaks curve25519-sha256 with aes128-gcm@openssh.com and public keys, each step by itself, and does not check the server's host key: it
// is for private servers of tests. It trusts nothing that it reads, and bounds a packet to maxPacket.
package rawssh

import (
	"bufio"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// Message numbers (RFC 4250 section 4.1.2, RFC 5656, OpenSSH PROTOCOL).
const (
	MsgDisconnect     = 1
	MsgIgnore         = 2
	MsgUnimplemented  = 3
	MsgDebug          = 4
	MsgServiceRequest = 5
	MsgServiceAccept  = 6
	MsgExtInfo        = 7
	MsgKexInit        = 20
	MsgNewKeys        = 21
	MsgKexECDHInit    = 30
	MsgKexECDHReply   = 31
	MsgAuthRequest    = 50
	MsgAuthFailure    = 51
	MsgAuthSuccess    = 52
	MsgAuthBanner     = 53
	MsgAuthPKOK       = 60
	MsgGlobalRequest  = 80
	MsgRequestSuccess = 81
	MsgRequestFailure = 82
	MsgChannelOpen    = 90
	MsgOpenConfirm    = 91
	MsgOpenFailure    = 92
	MsgWindowAdjust   = 93
	MsgChannelData    = 94
	MsgExtendedData   = 95
	MsgChannelEOF     = 96
	MsgChannelClose   = 97
	MsgChannelRequest = 98
	MsgChannelSuccess = 99
	MsgChannelFailure = 100
	MsgPing           = 192
)

// maxPacket is what is read at most; the door's own packets are below 64 KiB.
const maxPacket = 1 << 20

// Version is what Hello sends.
const Version = "SSH-2.0-rawssh"

// Conn is one connection. Only one goroutine reads and one writes.
type Conn struct {
	net.Conn
	Server     string // the server's version
	ServerInit []byte // its last KEXINIT
	Banner     string // what it said while authenticating

	client      string
	ownInit     []byte
	r           *bufio.Reader
	read, write *cipherState // nil: in the clear
	session     []byte
}

// Dial connects from an address of this machine; "" lets the kernel choose. The connection has a deadline of half a minute, which
// SetDeadline moves.
func Dial(address, from string) (*Conn, error) {
	d := net.Dialer{Timeout: 10 * time.Second}
	if from != "" {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(from)}
	}
	raw, err := d.Dial("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", address, err)
	}
	return New(raw), nil
}

// New is Dial on a connection that is there already.
func New(raw net.Conn) *Conn {
	_ = raw.SetDeadline(time.Now().Add(30 * time.Second)) // a closed one shows at once
	return &Conn{Conn: raw, r: bufio.NewReader(raw)}
}

// Hello exchanges versions.
func (c *Conn) Hello(version string) error {
	c.client = version
	if _, err := c.Write([]byte(version + "\r\n")); err != nil {
		return fmt.Errorf("send version: %w", err)
	}
	line, err := c.r.ReadString('\n')
	if err != nil {
		return fmt.Errorf("read version: %w", err)
	}
	c.Server = strings.TrimRight(line, "\r\n")
	return nil
}

// Send sends one packet.
func (c *Conn) Send(payload []byte) error {
	_, err := c.Write(c.Seal(payload))
	return err
}

// SendAll sends packets in one write.
func (c *Conn) SendAll(payloads ...[]byte) error {
	var all []byte
	for _, p := range payloads {
		all = append(all, c.Seal(p)...)
	}
	_, err := c.Write(all)
	return err
}

// Seal makes the packet of a payload, as the keys in force have it.
func (c *Conn) Seal(payload []byte) []byte {
	block, covered := 8, 5+len(payload) // RFC 4253 section 6
	if c.write != nil {
		block, covered = 16, 1+len(payload) // RFC 5647: the length is not covered
	}
	padding := block - covered%block
	if padding < 4 {
		padding += block
	}
	return c.SealWith(payload, padding, 1+len(payload)+padding)
}

// SealWith is Seal with a padding and a length field as they are given, right or not.
func (c *Conn) SealWith(payload []byte, padding, length int) []byte {
	packet := binary.BigEndian.AppendUint32(nil, uint32(length))
	packet = append(packet, byte(padding))
	packet = append(packet, payload...)
	pad := make([]byte, padding)
	_, _ = rand.Read(pad)
	packet = append(packet, pad...)
	if c.write == nil {
		return packet
	}
	return c.write.seal(packet)
}

// Receive reads one packet's payload.
func (c *Conn) Receive() ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(c.r, head[:]); err != nil {
		return nil, err
	}
	length := binary.BigEndian.Uint32(head[:])
	if length < 5 || length > maxPacket {
		return nil, fmt.Errorf("a packet of %d bytes", length)
	}
	body := make([]byte, length)
	if c.read != nil {
		body = make([]byte, length+tagSize)
	}
	if _, err := io.ReadFull(c.r, body); err != nil {
		return nil, err
	}
	if c.read != nil {
		var err error
		if body, err = c.read.open(head[:], body); err != nil {
			return nil, err
		}
	}
	padding := int(body[0])
	if padding >= len(body) {
		return nil, errors.New("a packet of padding alone")
	}
	return body[1 : len(body)-padding], nil
}

// Await reads until a packet of one of the kinds comes, and returns it. Banners are kept; a disconnect is an error.
func (c *Conn) Await(kinds ...byte) ([]byte, error) {
	for {
		p, err := c.Receive()
		if err != nil {
			return nil, err
		}
		for _, k := range kinds {
			if len(p) > 0 && p[0] == k {
				return p, nil
			}
		}
		switch {
		case len(p) > 5 && p[0] == MsgAuthBanner:
			c.Banner += text(p[1:])
		case len(p) > 9 && p[0] == MsgDisconnect:
			return nil, fmt.Errorf("disconnected: %s", text(p[5:]))
		}
	}
}

// Drain reads until the server closes the connection, and reports whether it did.
func (c *Conn) Drain() bool {
	_, err := io.Copy(io.Discard, c.r)
	var network net.Error
	return !errors.As(err, &network) || !network.Timeout()
}

// text is the string at the beginning of b.
func text(b []byte) string {
	if len(b) < 4 {
		return ""
	}
	n := binary.BigEndian.Uint32(b)
	if uint64(n) > uint64(len(b)-4) {
		return ""
	}
	return string(b[4 : 4+n])
}
