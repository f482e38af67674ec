// Package local runs commands on the machine that Gatehouse itself is on. The supervisor, which is root, starts them as a
// named unprivileged user against a permit that the decider signed; the door gets their streams as file descriptors.
//
// The supervisor's end trusts the permit's signature and nothing else: what the door sends beside it is a size, a terminal
// name and signals for processes that the door started. The two speak over one SOCK_SEQPACKET socket, a JSON message a
// packet.
package local

import (
	"net"
	"os"

	"gatehouse/internal/packet"
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
func Socketpair() (door, supervisor *os.File, err error) { return packet.Pair("local", maxPacket) }

func connect(f *os.File) (*net.UnixConn, error) { return packet.Use(f) }

func send(c *net.UnixConn, m message, files ...*os.File) error {
	return packet.Send(c, maxPacket, m, files...)
}

// receive reads one message and the descriptors that came with it, which the caller owns.
func receive(c *net.UnixConn, buf []byte) (m message, files []*os.File, err error) {
	files, err = packet.Receive(c, buf, &m)
	return m, files, err
}

func closeAll(files []*os.File) { packet.CloseAll(files) }
