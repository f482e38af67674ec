package main

import (
	"context"

	"gatehouse/internal/decider/protocol"
	"gatehouse/web"
)

// tickets lets a ticket system reach the decider, which verifies what it says.
type tickets struct{ decider protocol.Door }

var _ web.Tickets = tickets{}

// CloseTicket asks the decider.
func (t tickets) CloseTicket(ctx context.Context, body []byte, signature, time string) (int, error) {
	out, err := t.decider.CloseTicket(ctx, protocol.AccessTicket{Body: body, Signature: signature, Time: time})
	if err != nil {
		return 0, apiError(err)
	}
	return len(out.List), nil
}
