// Package pool keeps the processes of governed shells. The supervisor starts them, confined and with nothing, before anybody wants one,
// and hands the door the one socket that each has; the door may only take one and end it. The two speak over one socket (internal/packet).
//
// Each process is one session's, and ends with it. None can start another, see another's memory or files, or signal one: started by
// root, each has a user of its own.
package pool

import (
	"os"

	"gatehouse/internal/packet"
)

// maxPacket bounds a message.
const maxPacket = 8 << 10

// message is both sides' one type. From the door: take, kill. From the supervisor: given (with the socket), refused, ended.
type message struct {
	Op      string `json:"op"`
	ID      uint64 `json:"id"`
	Session string `json:"session,omitempty"` // take: for the log
	How     string `json:"how,omitempty"`     // ended, refused
}

// Socketpair makes the two ends.
func Socketpair() (door, supervisor *os.File, err error) { return packet.Pair("shells", maxPacket) }
