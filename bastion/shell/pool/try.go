package pool

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// tryTimeout is how long a process may take to be confined.
const tryTimeout = 10 * time.Second

// Try starts a process as a user (0: the caller's), waits until it is confined and asks the door for its beginning, and ends it. The error says
// why there can be none here.
func Try(uid uint32) error {
	c, err := start(name, uid, false)
	if err != nil {
		return err
	}
	conn, err := net.FileConn(c.socket)
	_ = c.socket.Close()
	if err != nil {
		c.kill()
		return errors.Join(err, errors.New(c.wait()))
	}
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(tryTimeout)) // a socket has deadlines
	_, err = conn.Read(make([]byte, 1))
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) { // else it ends, and says why
		c.kill()
	}
	how := c.wait()
	if err == nil {
		return nil
	}
	return fmt.Errorf("a shell's process does not begin: %s", how)
}
