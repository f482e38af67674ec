package decider

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"gatehouse/internal/decider/protocol"
	"gatehouse/recorder/audit"
)

// The bounds of an answer about the log.
const (
	auditPage = 50
	auditWord = 240
)

// verbAudit shows the log's state and entries.
const verbAudit = "audit.read"

// auditState says how it is with the log, and what its newest entries are, to who may see sessions. That it was asked is an
// entry before the answer.
func (d *Decider) auditState(ctx context.Context, in protocol.ReadAudit) (protocol.AuditState, error) {
	by, err := d.authorize(ctx, protocol.Authorize{Who: in.Who, Verb: verbAudit})
	if err != nil {
		return protocol.AuditState{}, err
	}
	dir := LogDir(d.cfg.Dir)
	key, err := os.ReadFile(filepath.Join(dir, audit.VerifierFile))
	if err != nil {
		return protocol.AuditState{}, err
	}
	msg := d.log.Checkpoint()
	text, _, _ := strings.Cut(string(msg), "\n\n")
	cp, err := audit.ParseCheckpoint(text + "\n")
	if err != nil {
		return protocol.AuditState{}, err
	}
	out := protocol.AuditState{By: by, Size: cp.Size, Checkpoint: string(msg), Key: strings.TrimSpace(string(key)), Entries: []protocol.AuditEntry{}}
	look, err := audit.Recent(dir)
	if err != nil {
		return protocol.AuditState{}, err
	}
	out.At, out.Gap, out.GapAt, out.GapSince = look.Last, look.Gap, look.GapAt, look.Since
	for _, s := range d.anchors.States() {
		out.Anchors = append(out.Anchors, protocol.AuditAnchor{Kind: s.Kind, Name: s.Name, Size: s.Size, At: s.At, Problem: cut(s.Problem, auditWord), Alarm: cut(s.Alarm, 2*auditWord)})
	}
	list, next, err := audit.Page(dir, audit.Cursor{Offset: in.Offset, Seq: in.Seq}, auditPage)
	if errors.Is(err, audit.ErrCursor) {
		return protocol.AuditState{}, invalid("%v", err)
	}
	if err != nil {
		return protocol.AuditState{}, err
	}
	out.Offset, out.Seq = next.Offset, next.Seq
	for _, e := range list {
		out.Entries = append(out.Entries, protocol.AuditEntry{Seq: e.Seq, Time: e.Time, Type: string(e.Type), Verb: readingVerb(e), Actor: cut(e.Actor, auditWord), Outcome: e.Outcome,
			Session: e.Session, Target: e.Target, Object: cut(e.Object, auditWord), Reason: cut(e.Reason, auditWord)})
	}
	return out, nil
}

// readingVerb is the verb of an entry about a reading; empty for any other.
func readingVerb(e audit.Entry) string {
	var data struct {
		Verb string `json:"verb"`
	}
	if e.Type != audit.Read || json.Unmarshal(e.Data, &data) != nil {
		return ""
	}
	return cut(data.Verb, auditWord)
}
