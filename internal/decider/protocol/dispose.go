package protocol

import (
	"context"

	"gatehouse/internal/console"
)

// OpDispose notes that a recording, or its key, is about to be destroyed: Dispose → Empty.
const OpDispose Op = "dispose"

// Dispose names what goes and why. A rule deletes, for nobody; a person shreds.
type Dispose struct {
	Who     Credential `json:"who,omitzero"` // of whoever shreds
	Kind    string     `json:"kind"`         // "deleted" or "shredded"
	Session string     `json:"session"`
	SHA256  string     `json:"sha256"` // of the file as it is now
	Size    int64      `json:"size"`
	Why     string     `json:"why"`
}

// Dispose notes it; the entry is durable when it returns. A refusal is a *console.ForbiddenError.
func (d Door) Dispose(ctx context.Context, who console.Credential, in Dispose) error {
	in.Who = credential(who)
	return revokeError(console.RecordingShred, d.Call(ctx, OpDispose, in, nil))
}
