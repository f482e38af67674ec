package protocol

import (
	"context"

	"gatehouse/policy/access"
)

// CloseTicket hands in what a ticket system said, as it came. A refusal is *Error, of CodeRefused with the reason bad_ticket where
// the signature is not good.
func (d Door) CloseTicket(ctx context.Context, in AccessTicket) (AccessGrants, error) {
	return ask[AccessGrants](ctx, d.Client, OpAccessTicket, in)
}

// Preview hands in what the door found of a command that waits.
func (d Door) Preview(ctx context.Context, request string, found access.Preview) error {
	return d.Call(ctx, OpAccessPreview, AccessPreview{Request: request, Preview: found}, nil)
}
