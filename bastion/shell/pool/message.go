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

// Numbers are how many processes there are and were.
type Numbers struct {
	Alive   int    `json:"alive"`   // now, those that are being started too
	Idle    int    `json:"idle"`    // of them, those that nobody has taken
	Refused uint64 `json:"refused"` // sessions that got none, since the start
	Died    uint64 `json:"died"`    // processes that ended by a fault or at a bound, since the start
}

// message is both sides' one type. From the door: take, kill. From the supervisor: given (with the socket), refused, ended, numbers.
type message struct {
	Op      string `json:"op"`
	ID      uint64 `json:"id"`
	Session string `json:"session,omitempty"` // take: for the log
	How     string `json:"how,omitempty"`     // ended, refused

	Numbers *Numbers `json:"numbers,omitempty"` // the supervisor's, each time
}

// Socketpair makes the two ends.
func Socketpair() (door, supervisor *os.File, err error) { return packet.Pair("shells", maxPacket) }
