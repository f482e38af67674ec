package protocol

import (
	"context"
	"time"
)

// The operations about the CAs' keys.
const (
	EventTrust Op = "trust"     // Trust: the keys to be believed changed
	OpHostSeen Op = "host_seen" // HostSeen; the door's
	OpCAStatus Op = "ca_status" // Empty → CAStatus; root's
	OpCARotate Op = "ca_rotate" // CARotate → CARotated; root's
)

// Trust are the keys that the door believes from now on, in SSH wire format, those that sign first. Another FaceCA means that the
// door's own certificates are by a key that signs no more: it asks for new ones.
type Trust struct {
	AgentCAs [][]byte `json:"agent_cas"`
	HostCAs  [][]byte `json:"host_cas"`
	FaceCA   []byte   `json:"face_ca"`
}

// HostSeen reports which key of the host CA a target's host certificate was by. It changes nothing but what a rotation asks.
type HostSeen struct {
	Target      string `json:"target"`
	Fingerprint string `json:"fingerprint"` // "SHA256:…"
}

// HostSeen tells it once for each target and change.
func (d Door) HostSeen(ctx context.Context, in HostSeen) error {
	return d.Call(ctx, OpHostSeen, in, nil)
}

// CAStatus is where the four CAs are.
type CAStatus struct {
	CAs []CA `json:"cas"`
}

// CA is one of the four. Waiting says for whom the next step waits, in words; the step is refused while there are any.
type CA struct {
	Name    string   `json:"name"`   // "agent", "target", "host", "face"
	Signer  string   `json:"signer"` // where the key that signs is
	Phase   string   `json:"phase"`  // "steady", "prepared", "switched"
	Next    string   `json:"next"`   // the next step
	Keys    []CAKey  `json:"keys"`
	Waiting []string `json:"waiting,omitempty"`
	Notes   []string `json:"notes,omitempty"` // what the next step cannot know
}

// CAKey is one key of a CA, by generation.
type CAKey struct {
	Generation  int       `json:"generation"`
	Name        string    `json:"name"`
	State       string    `json:"state"` // "active", "next", "old", "retired", "dropped"
	Since       time.Time `json:"since"`
	LastEnd     time.Time `json:"last_end,omitzero"` // no certificate by it is valid then any more
	Fingerprint string    `json:"fingerprint"`
	PublicKey   string    `json:"public_key"` // as authorized_keys has it
}

// CARotate takes the next step of a CA's rotation, or takes the last one back.
type CARotate struct {
	CA    string `json:"ca"`
	Undo  bool   `json:"undo,omitempty"`
	Force bool   `json:"force,omitempty"` // also where somebody known will be shut out
	By    string `json:"by"`              // the local user, for the log
}

// CARotated says what was done, and where the CA is now.
type CARotated struct {
	Step   string   `json:"step"`
	Change int      `json:"change"`           // the manifest's number, which the audit entry has too
	Ended  int      `json:"ended,omitempty"`  // connections that were by a key which is trusted no more
	Forced []string `json:"forced,omitempty"` // for whom it should have waited
	CA     CA       `json:"ca"`
}
