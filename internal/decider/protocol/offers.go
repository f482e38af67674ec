package protocol

import (
	"context"

	"gatehouse/internal/console"
	"gatehouse/policy"
)

// OpOffers asks what an identity may do: ListOffers → policy.Offering.
const OpOffers Op = "offers"

// ListOffers asks where the credential's own roles apply or, with a target, what they allow there.
type ListOffers struct {
	Who    Credential `json:"who"`
	Target string     `json:"target,omitempty"`
	Login  string     `json:"login,omitempty"` // with a target; empty: every login that a role names
}

var _ console.Offerer = Door{}

// Offers lists what the credential's own identity may do. A target that no role reaches is refused as one that does not exist.
func (d Door) Offers(ctx context.Context, who console.Credential, target, login string) (policy.Offering, error) {
	o, err := ask[policy.Offering](ctx, d.Client, OpOffers, ListOffers{Who: credential(who), Target: target, Login: login})
	return o, revokeError(console.Help, err)
}
