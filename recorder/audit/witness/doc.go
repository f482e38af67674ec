// Package witness is both ends of C2SP tlog-witness: the witness, which runs on another machine than the log and cosigns its
// checkpoints, and the client, which the log's owner asks it with.
//
// A witness trusts its key, its disk and the verifier key of the log that it was given, and nobody who connects: every
// checkpoint must be signed by the log, and everything that it cosigned before must be its beginning. It remembers the newest
// checkpoint durably before it signs, so that whoever owns the log's key still cannot get two pasts cosigned, nor a shorter
// one. It keeps one checkpoint for the log, and at most 16 of those that it refused as forks, which are evidence.
//
// The client trusts a witness only with what the witness' key signs. What a witness says besides is a hint.
package witness

import "time"

// The bounds of a request.
const (
	maxBody       = 64 << 10
	maxProof      = 63 // lines, by the specification
	maxAtOnce     = 16 // requests that are looked into
	maxConns      = 64
	maxRefused    = 16 // forks that are kept
	requestTime   = 10 * time.Second
	sizeType      = "text/x.tlog.size"
	checkpointEnd = "/checkpoint"
)
