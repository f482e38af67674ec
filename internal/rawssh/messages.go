package rawssh

import (
	"encoding/binary"
	"errors"

	"golang.org/x/crypto/ssh"
)

// Window and Packet are what Open offers.
const (
	Window = 1 << 21
	Packet = 1 << 15
)

// Open is SSH_MSG_CHANNEL_OPEN (RFC 4254 section 5.1).
func Open(kind string, id, window, packet uint32, extra []byte) []byte {
	return append(ssh.Marshal(struct {
		Kind               string `sshtype:"90"`
		ID, Window, Packet uint32
	}{kind, id, window, packet}), extra...)
}

// DirectTCPIP is what a channel open for a forward adds (RFC 4254 section 7.2).
func DirectTCPIP(host string, port uint32) []byte {
	return ssh.Marshal(struct {
		Host       string
		Port       uint32
		Origin     string
		OriginPort uint32
	}{host, port, "127.0.0.1", 1})
}

// Global is SSH_MSG_GLOBAL_REQUEST (RFC 4254 section 4).
func Global(kind string, reply bool, rest []byte) []byte {
	return append(ssh.Marshal(struct {
		Kind  string `sshtype:"80"`
		Reply bool
	}{kind, reply}), rest...)
}

// Request is SSH_MSG_CHANNEL_REQUEST (RFC 4254 section 5.4).
func Request(channel uint32, kind string, reply bool, rest []byte) []byte {
	return append(ssh.Marshal(struct {
		Channel uint32 `sshtype:"98"`
		Kind    string
		Reply   bool
	}{channel, kind, reply}), rest...)
}

// Data is SSH_MSG_CHANNEL_DATA.
func Data(channel uint32, data []byte) []byte {
	return ssh.Marshal(struct {
		Channel uint32 `sshtype:"94"`
		Data    []byte
	}{channel, data})
}

// Extended is SSH_MSG_CHANNEL_EXTENDED_DATA.
func Extended(channel, kind uint32, data []byte) []byte {
	return ssh.Marshal(struct {
		Channel uint32 `sshtype:"95"`
		Kind    uint32
		Data    []byte
	}{channel, kind, data})
}

// Adjust is SSH_MSG_CHANNEL_WINDOW_ADJUST.
func Adjust(channel, n uint32) []byte {
	return ssh.Marshal(struct {
		Channel uint32 `sshtype:"93"`
		N       uint32
	}{channel, n})
}

// OnChannel is a message that has a channel and nothing else: EOF, CLOSE, success, failure.
func OnChannel(kind byte, channel uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{kind}, channel)
}

// String is an SSH string.
func String(s string) []byte { return ssh.Marshal(struct{ S string }{s}) }

// PTY is the payload of pty-req.
func PTY(term string, cols, rows uint32, modes string) []byte {
	return ssh.Marshal(struct {
		Term       string
		C, R, W, H uint32
		Modes      string
	}{term, cols, rows, 0, 0, modes})
}

// ErrOpen is a channel that the server has refused.
var ErrOpen = errors.New("channel refused")

// OpenSession opens a session channel with our id and returns the server's.
func (c *Conn) OpenSession(id, window uint32) (uint32, error) {
	if err := c.Send(Open("session", id, window, Packet, nil)); err != nil {
		return 0, err
	}
	p, err := c.Await(MsgOpenConfirm, MsgOpenFailure)
	if err != nil {
		return 0, err
	}
	if p[0] == MsgOpenFailure || len(p) < 9 {
		return 0, ErrOpen
	}
	return binary.BigEndian.Uint32(p[5:]), nil
}
