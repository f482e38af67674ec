// Package export carries the entries of the audit log to the systems that a company has: files, syslog, OpenTelemetry.
//
// It reads the log's file at its own pace, each sink by itself, and nothing that appends to the log ever waits for it. Where a
// sink stands is its cursor, a small file that is replaced atomically, so that every entry arrives at least once through a crash
// of either side. What arrives twice has the same number (seq), by which it can be dropped.
//
// An entry is only read once the log has acknowledged it, so that nothing leaves which could be taken back. What a receiver
// refuses for good is counted, logged and noted in the audit log itself before the cursor passes it: there is no silent gap.
// Receivers are hostile: what they answer is bounded, and whatever they do ends in a retry of their sink alone.
//
// It trusts the log's folder and its own. It is no proof of anything: that is the log's Merkle tree. Each record carries the
// number by which it is found there, and where the format has a place for it, its leaf hash.
package export

import (
	"time"

	"gatehouse/recorder/audit"
)

// The bounds of one sink.
const (
	maxBatch  = 1000                  // entries in a batch, whose bytes a block of the log bounds too
	gather    = 50 * time.Millisecond // from the first new entry to the batch
	pollEvery = time.Second           // a look for entries that nobody told of
	saveEvery = time.Second           // between two writes of the cursor
	firstWait = time.Second           // after a failure; doubled up to
	maxWait   = 30 * time.Second      // this
	sendLimit = 2 * time.Minute       // for one batch to be taken
	sayEvery  = time.Minute           // between two log lines about one sink's failure
	maxInRow  = 10                    // entries that a receiver refuses one after another before it is asked more slowly
)

// Stat is where one sink stands.
type Stat struct {
	Sink       string
	Next       int64         // number of the first entry that may have to be sent again
	Sent       int64         // entries handed over since the start, repetitions too
	Failures   int64         // times that it did not work
	Lost       int64         // entries that the receiver refuses for good
	Behind     int64         // entries that were not handed over yet
	BehindTime time.Duration // age of the oldest of them
	Up         bool          // the last attempt worked
}

// Encode appends a stored entry in a sink's format, without a line feed.
type Encode func(dst []byte, r audit.Record) ([]byte, error)
