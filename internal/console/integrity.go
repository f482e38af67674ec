package console

import (
	"context"
	"errors"
	"time"
)

// AuditRead is the verb that shows the audit log's state and its newest entries.
const AuditRead Verb = "audit.read"

// AuditState is how it is with the audit log, and a page of its entries.
type AuditState struct {
	By         Actor
	Size       int64  // entries that the newest checkpoint covers
	Checkpoint string // the newest, signed: what to keep elsewhere
	Key        string // the log's verifier key
	At         time.Time
	Gap        time.Duration // the longest among the newest entries
	GapAt      time.Time
	GapSince   time.Time // since when gaps were looked for
	Anchors    []AuditAnchor
	Entries    []AuditEntry
	Next       string // of the next page; empty at the log's beginning
}

// AuditAnchor is a witness or another place that checkpoints go to.
type AuditAnchor struct {
	Kind, Name string
	Size       int64
	At         time.Time // zero: never
	Problem    string
	Alarm      string
}

// AuditEntry is an entry of the log, without its details.
type AuditEntry struct {
	Seq  int64
	Time time.Time
	Type string
	Verb string // of a reading

	Actor, Outcome, Session, Target, Object, Reason string
}

// MaskAudit returns the state with the secrets in what entries name and give as reasons masked: an entry is as whoever asked
// wrote it, a search for a password for one. It may be cut off in the middle of a secret.
func (c *Console) MaskAudit(s AuditState) AuditState {
	for i := range s.Entries {
		e := &s.Entries[i]
		e.Object, e.Reason = c.cfg.Secrets.MaskCut(e.Object), c.cfg.Secrets.MaskCut(e.Reason)
	}
	return s
}

// ErrAuditPage is returned for a page of the audit log that there is not.
var ErrAuditPage = errors.New("there is no such page of the audit log")

// Integrity is the decider as the page about the audit log sees it. It authorises, and audits before it answers. A refusal is a
// *ForbiddenError. Safe for concurrent use.
type Integrity interface {
	// AuditState returns the state and the entries that come before a page's Next; empty for the newest.
	AuditState(ctx context.Context, who Credential, before string) (AuditState, error)
}
