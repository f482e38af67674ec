package decider

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"gatehouse/internal/decider/protocol"
	"gatehouse/policy/access"
	"gatehouse/recorder/audit"
)

// maxPreview bounds a preview, as JSON: more than the door ever hands in (bastion/preview.MaxSize).
const maxPreview = 512 << 10

// accessPreview keeps what the door found of a command that waits, once, for a request that a session on a live connection waits for.
// It is shown and decides nothing.
func (d *Decider) accessPreview(ctx context.Context, in protocol.AccessPreview) (protocol.Empty, error) {
	req, err := d.access.Request(ctx, in.Request)
	if err != nil || req.State != access.Pending || !slices.ContainsFunc(d.waits.conns(req.ID), d.isLive) {
		return protocol.Empty{}, refuse("nobody waits for %q here", cut(in.Request, maxID))
	}
	if d.access.HasPreview(req.ID) {
		return protocol.Empty{}, nil
	}
	text, err := json.Marshal(in.Preview)
	if err != nil {
		return protocol.Empty{}, fmt.Errorf("encode preview: %w", err)
	}
	if len(text) > maxPreview {
		return protocol.Empty{}, invalid("a preview of %d bytes: at most %d", len(text), maxPreview)
	}
	sum := sha256.Sum256(text)
	err = d.append(ctx, audit.Entry{Type: audit.AccessPreview, Actor: req.By.Principal, Owner: req.By.Owner, Task: req.By.Task, Session: req.Session, Target: req.Scope.Targets[0], Login: string(req.Scope.Login),
		Object: req.ID, Outcome: "ok", Data: data(map[string]any{"bytes": len(text), "sha256": hex.EncodeToString(sum[:])})})
	if err != nil {
		return protocol.Empty{}, err
	}
	if err := d.access.PutPreview(ctx, req.ID, text); err != nil {
		return protocol.Empty{}, err
	}
	d.tellAccess(req.ID)
	return protocol.Empty{}, nil
}

// isLive reports whether a connection may ask for things.
func (d *Decider) isLive(conn string) bool {
	_, _, err := d.connected(conn)
	return err == nil
}
