// Package lend gives the decider, which has no network, raw byte streams through the door.
//
// The Borrower is the decider's end. It trusts the door with nothing: what flows is TLS that ends in the decider, and a door that
// lies, floods, reorders, answers for streams that do not exist or says nothing gets its stream ended. A Borrower asks only for
// hosts that its Allow function knows, holds at most 8 streams, takes at most 4 MiB each way on one and ends each after 15 s.
// Beside these there are at most 8 long ones, for what is exported: 1 h, any number of bytes out and 64 MiB in, and the door says
// how many bytes it has written, so that the decider never sends more than 256 KiB ahead.
//
// The Lender is the door's end. It dials over TCP and carries bytes; it never waits in the function that hears the decider's
// events. Both ends hang up where a bound is met: a stream is never cut and then continued.
package lend

import (
	"errors"
	"net"
	"strconv"
	"time"
)

// The bounds of borrowed streams.
const (
	MaxStreams = 8                // at once
	MaxBytes   = 4 << 20          // each way on one stream
	Lifetime   = 15 * time.Second // of one stream, dialling included

	MaxLong      = 8         // long streams at once
	LongLifetime = time.Hour // of one
	longBytes    = 64 << 20  // in, on one
)

// Why a stream was not lent or has ended.
var (
	ErrNotAllowed = errors.New("this host is not on the list of hosts that Gatehouse may reach: name it under the issuer in the policy")
	ErrClosed     = errors.New("the door is gone, and with it the streams that it lent")
	ErrTooLong    = errors.New("the stream lasted longer than it may")
	ErrTooMuch    = errors.New("the stream carried more than it may")
	ErrDoor       = errors.New("the door broke the rules of lending a stream")
)

// DialError is what the door says about a host that it did not reach. The text is the door's word.
type DialError struct {
	Address string
	Reason  string
}

func (e *DialError) Error() string {
	return "the door did not reach " + e.Address + ": " + strconv.QuoteToASCII(e.Reason)
}

func address(host string, port uint16) string {
	return net.JoinHostPort(host, strconv.Itoa(int(port)))
}
