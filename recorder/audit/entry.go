// Package audit is the append-only log of everything that Gatehouse decided and did: an RFC 6962 Merkle tree over the exact
// bytes of its entries, with C2SP checkpoints (tlog-checkpoint, signed notes) from the first entry on.
//
// The format, in short (docs/spec/audit-entry.md has it in full): a folder with
//
//	entries      one JSON object a line; a leaf is the line's bytes without the line feed
//	hashes       the stored hashes of golang.org/x/mod/sumdb/tlog, 32 bytes each; derived, rebuilt when they do not fit
//	checkpoint   the newest signed checkpoint, replaced atomically at every group commit
//	checkpoints  a history of checkpoints, one JSON object a line, at most one a second; never needed, only helpful
//	torn-…       ends of entries that a crash cut; they were never acknowledged
//
// It trusts its key, the local disk to keep what fsync acknowledged, and while it runs its own memory. Verify trusts nothing
// but the verifier key and the checkpoints that it signed.
//
// It guarantees that Append is durable and covered by a signed checkpoint when it returns; that entries of one call are
// adjacent; that a failed append leaves no part of an entry behind; and that whoever holds a checkpoint can detect any
// change, insertion, removal or reordering of what it covers. It cannot prevent deletion, and what the owner of the key
// writes from now on is believed.
package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Version is the version of the entry format.
const Version = 1

// The bounds of an entry and of one Append.
const (
	MaxData    = 64 << 10  // bytes of Entry.Data
	MaxEntry   = 160 << 10 // bytes of a stored entry
	MaxEntries = 1024      // entries in one Append
)

// Errors that callers branch on.
var (
	ErrTooLarge    = errors.New("audit entry is too large")
	ErrClosed      = errors.New("audit log is closed")
	ErrUnavailable = errors.New("audit log is unavailable")
)

// Type says what an entry is about.
type Type string

// The types of entries.
const (
	ConnOpen      Type = "conn.open"
	ConnRefused   Type = "conn.refused"
	ConnClose     Type = "conn.close"
	Decision      Type = "decision"
	Forward       Type = "forward" // a forward was decided (Outcome allow or deny) or is over (close); Data says where it leads
	CertIssue     Type = "cert.issue"
	RecChunk      Type = "rec.chunk"  // Data is a recorder.Chunk
	RecClose      Type = "rec.close"  // Data is a recorder.Summary
	RecDelete     Type = "rec.delete" // a closed recording is about to be removed by Rule; Data is a Disposed
	RecShred      Type = "rec.shred"  // its key is about to be destroyed; Data is a Disposed
	SessionEnd    Type = "session.end"
	Kill          Type = "kill"
	PolicyLoad    Type = "policy.load"
	PolicyReject  Type = "policy.reject"
	PolicyShadow  Type = "policy.shadow" // a shadow policy decided otherwise; Outcome is what was in force, or "fault"
	Read          Type = "read"
	SignIn        Type = "sign_in"
	ServeStart    Type = "serve.start"
	ServeStop     Type = "serve.stop"
	Heartbeat     Type = "heartbeat"
	LogStart      Type = "log.start"
	LogRecovered  Type = "log.recovered"
	Issue         Type = "issue"        // a certificate that opens the door: issued, renewed or refused
	Enrol         Type = "enrol"        // a join token, key or passkey was made, registered, used or removed
	Revoke        Type = "revoke"       // a revocation was made or lifted; Object is its handle
	Rotate        Type = "ca.rotate"    // a step in the rotation of a CA
	TargetEnrol   Type = "target.enrol" // a target's set-up script was made
	TargetCheck   Type = "target.check" // what a target accepts was looked at
	TargetLook    Type = "target.look"  // a decision asked what a program, path or glob is on a target
	File          Type = "file"         // an operation on a file was decided, or a file that was open was closed
	SignerFault   Type = "signer.fault" // a CA's key could not sign, or can again
	LocalStart    Type = "local.start"
	Sweep         Type = "sweep"
	ClockStep     Type = "clock.step"
	Witnessed     Type = "witness"        // a witness contradicts the log, or does no more; Object is its name
	KeysUsed      Type = "keys"           // the public keys that this start uses: CAs, permits
	AccessRequest Type = "access.request" // a request was made or is over; Object is its id
	AccessVote    Type = "access.vote"    // somebody answered a request; Data is an AccessVoted
	AccessGrant   Type = "access.grant"   // a grant was made, used or has ended; Object is its id
	AccessAway    Type = "access.away"    // who answers in somebody's place
	AccessReview  Type = "access.review"  // somebody has looked at what a break-glass grant was used for
	AccessPreview Type = "access.preview" // what the door found of a command that waits
	Residue       Type = "residue"        // what a session left on its target, as that says; Outcome is found, none or unknown
	AccessLock    Type = "access.lock"    // a lock was made, is wanted lifted by one of two, or is lifted; Object is its id
	Budget        Type = "budget"         // a budget is used up (exceeded), or was given anew (reset); Object is whose
	Alert         Type = "alert"          // an alert is a dead letter, was sent again, or is a test; Object is the channel
	Export        Type = "export"         // a sink lost entries, or its cursor was moved; Object is its name
)

// Entry is one thing that was decided or done. V, Seq, Time and Node are set by the log.
type Entry struct {
	V       int             `json:"v"`
	Seq     int64           `json:"seq"` // from 0, without gaps
	Time    time.Time       `json:"time"`
	Node    string          `json:"node"`
	Type    Type            `json:"type"`
	Actor   string          `json:"actor,omitempty"` // principal
	Owner   string          `json:"owner,omitempty"`
	Task    string          `json:"task,omitempty"`
	Via     string          `json:"via,omitempty"` // who handed the work on from owner to actor, joined by ">"
	Conn    string          `json:"conn,omitempty"`
	Session string          `json:"session,omitempty"`
	Target  string          `json:"target,omitempty"`
	Login   string          `json:"login,omitempty"`
	Object  string          `json:"object,omitempty"`
	Outcome string          `json:"outcome,omitempty"`
	Rule    string          `json:"rule,omitempty"`
	Policy  string          `json:"policy,omitempty"` // hash of the policy
	Serial  string          `json:"serial,omitempty"` // of a certificate, decimal
	Reason  string          `json:"reason,omitempty"`
	Trace   string          `json:"trace,omitempty"` // the agent's W3C trace context: traceparent, and after a space tracestate if there is one
	Data    json.RawMessage `json:"data,omitempty"`  // by Type; at most MaxData
}

// check refuses what does not fit before it reaches the log.
func (e *Entry) check() error {
	if e.Type == "" {
		return errors.New("audit entry has no type")
	}
	if len(e.Data) > MaxData {
		return fmt.Errorf("%w: %d bytes of data, at most %d", ErrTooLarge, len(e.Data), MaxData)
	}
	return nil
}

// body is an entry without what the log sets; marshalled by the caller of Append, so that the writer only joins bytes.
func (e *Entry) body() ([]byte, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	type stored struct {
		*Entry
		V    int       `json:"v,omitempty"`
		Seq  int64     `json:"seq,omitempty"`
		Time time.Time `json:"time,omitzero"`
		Node string    `json:"node,omitempty"`
	}
	b, err := json.Marshal(stored{Entry: e})
	if err != nil {
		return nil, fmt.Errorf("audit entry %s: %w", e.Type, err)
	}
	if len(b) > MaxEntry-512 {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(b), MaxEntry-512)
	}
	return b, nil
}

// timeFormat has a fixed width, so that an entry's head has one form.
const timeFormat = "2006-01-02T15:04:05.000000Z"

// appendLine appends an entry's stored bytes and a line feed. node is quoted JSON.
func appendLine(dst []byte, seq int64, at time.Time, node string, body []byte) []byte {
	dst = appendHead(dst, seq)
	dst = at.UTC().AppendFormat(dst, timeFormat)
	dst = append(dst, `","node":`...)
	dst = append(dst, node...)
	dst = append(dst, ',')
	dst = append(dst, body[1:]...)
	return append(dst, '\n')
}

// headBegin is how a stored entry begins.
var headBegin = fmt.Sprintf(`{"v":%d,"seq":`, Version)

// typeMark stands before an entry's type; what a node's name says before it is quoted and cannot look like it.
var typeMark = []byte(`"type":"`)

// lineType is the rest of a stored entry from its type on; empty for another line.
func lineType(line []byte) []byte {
	i := bytes.Index(line, typeMark)
	if i < 0 {
		return nil
	}
	return line[i+len(typeMark):]
}

// appendHead appends what every stored entry with this number begins with.
func appendHead(dst []byte, seq int64) []byte {
	dst = append(dst, headBegin...)
	dst = strconv.AppendInt(dst, seq, 10)
	return append(dst, `,"time":"`...)
}

// Parse decodes a stored entry.
func Parse(line []byte) (Entry, error) {
	var e Entry
	if len(line) > MaxEntry {
		return e, fmt.Errorf("%w: %d bytes", ErrTooLarge, len(line))
	}
	if err := json.Unmarshal(line, &e); err != nil {
		return e, fmt.Errorf("audit entry: %w", err)
	}
	if e.V != Version {
		return e, fmt.Errorf("audit entry of version %d, this program reads %d", e.V, Version)
	}
	return e, nil
}
