package decider

import (
	"context"
	"errors"

	"gatehouse/internal/decider/privilege"
	"gatehouse/internal/decider/protocol"
	"gatehouse/policy/access"
	"gatehouse/recorder/audit"
)

// reasonTicket is the word for what a ticket system says and is not believed.
const reasonTicket = "bad_ticket"

// accessTicket ends the grants, and withdraws the requests, that were made for a ticket that was closed.
func (d *Decider) accessTicket(ctx context.Context, in protocol.AccessTicket) (protocol.AccessGrants, error) {
	ticket, err := d.tickets.Closed(in.Body, in.Signature, in.Time)
	if err != nil {
		if !errors.Is(err, privilege.ErrNoTickets) {
			d.cfg.Log.Warn("a closed ticket is not believed", "error", err)
		}
		return protocol.AccessGrants{}, refuseFor(reasonTicket, "%v", err)
	}
	by := privilege.By{Actor: "tickets"}
	same := func(name string) bool { return name == ticket }
	ended, err := d.endGrants(ctx, func(g access.Grant) bool { return same(g.Ticket) }, access.CauseTicket, "the ticket "+ticket+" was closed", by)
	if err != nil {
		return protocol.AccessGrants{}, err
	}
	if _, err := d.endRequests(ctx, func(r access.Request) bool { return same(r.Ticket) }, "the ticket "+ticket+" was closed", by); err != nil {
		return protocol.AccessGrants{}, err
	}
	if len(ended) == 0 {
		err = d.append(ctx, audit.Entry{Type: audit.AccessGrant, Actor: by.Actor, Object: cut(ticket, maxID), Outcome: "ok", Reason: "a ticket was closed for which there is no grant"})
	}
	return protocol.AccessGrants{List: ended}, err
}
