// Package local runs commands on the machine that Gatehouse itself is on. The supervisor, which is root, starts them as a
// named unprivileged user against a permit that the decider signed; the door gets their streams as file descriptors.
//
// The supervisor's end trusts the permit's signature and nothing else: what the door sends beside it is a size, a terminal
// name and signals for processes that the door started. The two speak over one SOCK_SEQPACKET socket, a JSON message a
// packet.
package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// maxPacket bounds a message. A permit holds a whole command line.
const maxPacket = 192 << 10

// message is everybody's one type. From the door: start, signal, kill, sweep. From the supervisor: started (with descriptors),
// failed, exited, swept. Between the supervisor and a command's warden: start (with the order in the permit's place), signal,
// end; started, failed, exited, ended.
type message struct {
	Op      string `json:"op"`
	ID      uint64 `json:"id"`
	Permit  []byte `json:"permit,omitempty"`
	Session string `json:"session,omitempty"` // sweep
	Term    string `json:"term,omitempty"`
	Modes   []byte `json:"modes,omitempty"` // of the terminal, RFC 4254 section 8
	Cols    uint16 `json:"cols,omitempty"`
	Rows    uint16 `json:"rows,omitempty"`
	Signal  string `json:"signal,omitempty"`
	Status  int    `json:"status,omitempty"`
	Core    bool   `json:"core,omitempty"`
	Left    int    `json:"left,omitempty"` // swept: processes of the session that still run
	Error   string `json:"error,omitempty"`
	Note    string `json:"note,omitempty"` // started: what is in force, for the recording
}

// Socketpair makes the two ends.
func Socketpair() (door, supervisor *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make local socket pair: %w", err)
	}
	for _, fd := range fds {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 2*maxPacket) // a default that is larger stays
	}
	return os.NewFile(uintptr(fds[0]), "local-door"), os.NewFile(uintptr(fds[1]), "local-supervisor"), nil
}

func connect(f *os.File) (*net.UnixConn, error) {
	c, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("use local socket: %w", err)
	}
	_ = f.Close()
	u, ok := c.(*net.UnixConn)
	if !ok {
		return nil, errors.New("the local socket is not a unix socket")
	}
	return u, nil
}

func send(c *net.UnixConn, m message, files ...*os.File) error {
	packet, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode local message: %w", err)
	}
	if len(packet) > maxPacket {
		return fmt.Errorf("local message of %d bytes is over %d", len(packet), maxPacket)
	}
	var rights []byte
	if len(files) > 0 {
		fds := make([]int, len(files))
		for i, f := range files {
			fds[i] = int(f.Fd())
		}
		rights = unix.UnixRights(fds...)
	}
	_, _, err = c.WriteMsgUnix(packet, rights, nil)
	return err
}

// receive reads one message and the descriptors that came with it, which the caller owns.
func receive(c *net.UnixConn, buf []byte) (message, []*os.File, error) {
	oob := make([]byte, unix.CmsgSpace(4*4))
	n, oobn, flags, _, err := c.ReadMsgUnix(buf, oob)
	if err != nil {
		return message{}, nil, err
	}
	files, err := descriptors(oob[:oobn])
	if err != nil {
		return message{}, nil, err
	}
	var m message
	if n == 0 || flags&unix.MSG_TRUNC != 0 || json.Unmarshal(buf[:n], &m) != nil {
		closeAll(files)
		if n == 0 {
			return message{}, nil, net.ErrClosed
		}
		return message{}, nil, errors.New("malformed local message")
	}
	return m, files, nil
}

func descriptors(oob []byte) ([]*os.File, error) {
	if len(oob) == 0 {
		return nil, nil
	}
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, fmt.Errorf("parse descriptors: %w", err)
	}
	var files []*os.File
	for _, m := range messages {
		fds, err := unix.ParseUnixRights(&m)
		if err != nil {
			continue
		}
		for _, fd := range fds {
			unix.CloseOnExec(fd)
			_ = unix.SetNonblock(fd, true) // so that reads end when the file is closed
			files = append(files, os.NewFile(uintptr(fd), "local-stream"))
		}
	}
	return files, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}
