package prompt

import "net"

// CloseWrite ends what the other side can read, after all that was written before.
func (c *conn) CloseWrite() error { return c.Conn.(*net.TCPConn).CloseWrite() } // Conn makes one of nothing else
