package protocol

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gatehouse/internal/console"
)

// OpAuditState asks how it is with the audit log: ReadAudit → AuditState.
const OpAuditState Op = "audit_state"

// ReadAudit is asked for a person. Offset and Seq are of an earlier answer; both 0: the newest entries.
type ReadAudit struct {
	Who    Credential `json:"who"`
	Offset int64      `json:"offset,omitempty"`
	Seq    int64      `json:"seq,omitempty"`
}

// AuditState is the log's state and a page of entries, newest first. Offset and Seq are where the next page ends; 0 at the log's beginning.
type AuditState struct {
	By         Actor         `json:"by"`
	Size       int64         `json:"size"`
	Checkpoint string        `json:"checkpoint"`
	Key        string        `json:"key"`
	At         time.Time     `json:"at"`
	Gap        time.Duration `json:"gap_ns"`
	GapAt      time.Time     `json:"gap_at,omitzero"`
	GapSince   time.Time     `json:"gap_since,omitzero"`
	Anchors    []AuditAnchor `json:"anchors,omitempty"`
	Entries    []AuditEntry  `json:"entries"`
	Offset     int64         `json:"offset,omitempty"`
	Seq        int64         `json:"seq,omitempty"`
}

// AuditAnchor is a witness or another place that checkpoints go to.
type AuditAnchor struct {
	Kind    string    `json:"kind"`
	Name    string    `json:"name"`
	Size    int64     `json:"size,omitempty"`
	At      time.Time `json:"at,omitzero"`
	Problem string    `json:"problem,omitempty"`
	Alarm   string    `json:"alarm,omitempty"`
}

// AuditEntry is an entry without its details; long words are cut.
type AuditEntry struct {
	Seq     int64     `json:"seq"`
	Time    time.Time `json:"time"`
	Type    string    `json:"type"`
	Verb    string    `json:"verb,omitempty"`
	Actor   string    `json:"actor,omitempty"`
	Outcome string    `json:"outcome,omitempty"`
	Session string    `json:"session,omitempty"`
	Target  string    `json:"target,omitempty"`
	Object  string    `json:"object,omitempty"`
	Reason  string    `json:"reason,omitempty"`
}

var _ console.Integrity = Door{}

// AuditState returns the log's state, if the credential's person may see it. The audit entry is durable when it returns.
func (d Door) AuditState(ctx context.Context, who console.Credential, before string) (console.AuditState, error) {
	in := ReadAudit{Who: credential(who)}
	if before != "" {
		if n, err := fmt.Sscanf(before, "%d.%d", &in.Seq, &in.Offset); n != 2 || err != nil {
			return console.AuditState{}, console.ErrAuditPage
		}
	}
	a, err := ask[AuditState](ctx, d.Client, OpAuditState, in)
	var e *Error
	if errors.As(err, &e) && e.Code == CodeInvalid {
		return console.AuditState{}, console.ErrAuditPage
	}
	if err != nil {
		return console.AuditState{}, revokeError(console.AuditRead, err)
	}
	out := console.AuditState{By: console.Actor{Principal: a.By.Principal, Rights: a.By.Rights}, Size: a.Size, Checkpoint: a.Checkpoint, Key: a.Key, At: a.At,
		Gap: a.Gap, GapAt: a.GapAt, GapSince: a.GapSince}
	for _, x := range a.Anchors {
		out.Anchors = append(out.Anchors, console.AuditAnchor(x))
	}
	for _, x := range a.Entries {
		out.Entries = append(out.Entries, console.AuditEntry(x))
	}
	if a.Seq > 0 {
		out.Next = fmt.Sprintf("%d.%d", a.Seq, a.Offset)
	}
	return out, nil
}
