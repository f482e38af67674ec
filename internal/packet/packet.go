// Package packet carries JSON messages with file descriptors over a SOCK_SEQPACKET socket, a message a packet: what two processes of
// this program that share a socket pair say to each other.
package packet

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// maxFiles is how many descriptors come with one message.
const maxFiles = 4

// Pair makes the two ends of a socket that takes packets of so many bytes.
func Pair(name string, most int) (one, other *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make %s socket pair: %w", name, err)
	}
	for _, fd := range fds {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 2*most) // a default that is larger stays
	}
	return os.NewFile(uintptr(fds[0]), name+"-door"), os.NewFile(uintptr(fds[1]), name+"-supervisor"), nil
}

// Use makes a connection of an end, and closes the file.
func Use(f *os.File) (*net.UnixConn, error) {
	c, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("use socket %s: %w", f.Name(), err)
	}
	_ = f.Close()
	u, ok := c.(*net.UnixConn)
	if !ok {
		return nil, fmt.Errorf("the socket %s is not a unix socket", f.Name())
	}
	return u, nil
}

// Send sends one message of at most most bytes. The files stay the caller's.
func Send(c *net.UnixConn, most int, m any, files ...*os.File) error {
	packet, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode message: %w", err)
	}
	if len(packet) > most {
		return fmt.Errorf("message of %d bytes is over %d", len(packet), most)
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

// Receive reads one message into m, by way of buf, and the descriptors that came with it, which the caller owns. The other side's end
// is net.ErrClosed or io.EOF.
func Receive(c *net.UnixConn, buf []byte, m any) ([]*os.File, error) {
	oob := make([]byte, unix.CmsgSpace(maxFiles*4))
	n, oobn, flags, _, err := c.ReadMsgUnix(buf, oob)
	if err != nil {
		return nil, err
	}
	files, err := descriptors(oob[:oobn])
	if err != nil {
		return nil, err
	}
	if n == 0 || flags&unix.MSG_TRUNC != 0 || json.Unmarshal(buf[:n], m) != nil {
		CloseAll(files)
		if n == 0 {
			return nil, net.ErrClosed
		}
		return nil, errors.New("malformed message")
	}
	return files, nil
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
			files = append(files, os.NewFile(uintptr(fd), "received"))
		}
	}
	return files, nil
}

// CloseAll closes files.
func CloseAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}
