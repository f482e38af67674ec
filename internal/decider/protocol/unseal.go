package protocol

import (
	"context"

	"gatehouse/internal/console"
	"gatehouse/recorder/seal"
)

// OpUnseal asks for what opens the sealed input of a recording: Unseal → Unsealed.
const OpUnseal Op = "unseal"

// Unseal is asked for a person, with the reason that the audit log will hold.
type Unseal struct {
	Who     Credential `json:"who"`
	Session string     `json:"session"`
	Reason  string     `json:"reason"`
	Wrapped []byte     `json:"wrapped"` // the recording's wrapped key
}

var _ console.Unsealer = Door{}

// Unsealed is the key of that one recording's input.
type Unsealed struct {
	Key []byte `json:"key"`
}

// Unseal returns the key of the sealed input of one recording, if the credential's person may see what is masked. The audit
// entry is durable when it returns, for a refusal too.
func (d Door) Unseal(ctx context.Context, who console.Credential, session, reason string, wrapped []byte) (seal.Key, error) {
	out, err := ask[Unsealed](ctx, d.Client, OpUnseal, Unseal{Who: credential(who), Session: session, Reason: reason, Wrapped: wrapped})
	return out.Key, revokeError(console.SessionsUnmask, err)
}
