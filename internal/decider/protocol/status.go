package protocol

import (
	"context"
	"time"
)

// How the decider is.
const (
	OpHealth Op = "health" // Empty → Health: the door's
	OpStatus Op = "status" // Empty → Status: root's
)

// Health says whether anything could be decided now. Audit is empty where the log takes entries; otherwise that it does not.
type Health struct {
	Audit string `json:"audit,omitempty"`
}

// Health asks whether the decider could decide now.
func (d Door) Health(ctx context.Context) (Health, error) {
	return ask[Health](ctx, d.Client, OpHealth, Empty{})
}

// Status is what an administrator on the machine sees of the decider.
type Status struct {
	Version     string        `json:"version"`
	Node        string        `json:"node"`
	Started     time.Time     `json:"started"`
	Policy      string        `json:"policy"` // hash
	PolicySince time.Time     `json:"policy_since"`
	Problem     string        `json:"problem,omitempty"` // why the files on disk are not in force
	Connections int           `json:"connections"`
	Sessions    int           `json:"sessions"`
	Targets     int           `json:"targets"`
	Entries     int64         `json:"entries"`         // of the audit log
	Audit       string        `json:"audit,omitempty"` // why it takes none
	Anchors     []AuditAnchor `json:"anchors,omitempty"`
	CAs         []CA          `json:"cas"`
	Signers     []string      `json:"signers,omitempty"` // CAs whose keys cannot sign
}
