package decider

import (
	"context"
	"fmt"

	"gatehouse/internal/decider/privilege"
	"gatehouse/policy"
	"gatehouse/policy/access"
)

// lendWait keeps by which grants a session that waits for people was let ask them at all: with those, its wait ends.
func (d *Decider) lendWait(r *ruling) {
	var list []access.Grant
	for _, name := range r.out.Decision.Grants {
		if g, ok := d.access.Grant(name); ok {
			list = append(list, g)
		}
	}
	d.waits.lend(r.waiter(), list)
}

// endWaits voids the requests of sessions that wait by a grant for which why is not empty: what they wait for could not run any more.
func (d *Decider) endWaits(why func(access.Grant) string) {
	for request, reason := range d.waits.over(why) {
		if _, err := d.endRequests(context.Background(), func(r access.Request) bool { return r.ID == request }, reason, privilege.By{Actor: "gatehouse"}); err != nil {
			d.cfg.Log.Error("a request could not be ended", "request", request, "error", err)
		}
	}
}

// noMore adds to the denial of a command that waited why it is not asked about any more, if its request was ended.
func (d *Decider) noMore(ctx context.Context, r *ruling) error {
	if r.in.Await == "" || r.out.Decision.Code != policy.CodeNotAllowed {
		return nil
	}
	req, err := d.access.Request(ctx, r.in.Await)
	if err != nil || req.By != requester(r.who) {
		return refuse("%q is no request of %s", cut(r.in.Await, maxID), r.who.Principal())
	}
	if req.State == access.Void {
		r.out.Decision.Reason = cut(fmt.Sprintf("%s is void: %s; %s", req.ID, req.Why, r.out.Decision.Reason), maxText)
		r.entry.Reason = r.out.Decision.Reason
	}
	return nil
}

// lend keeps the grants by which a session waits.
func (w *waits) lend(session string, grants []access.Grant) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if x, waits := w.open[session]; waits {
		x.lent = grants
		w.open[session] = x
	}
}

// over are the requests that sessions wait for by a grant for which why is not empty, each with the reason.
func (w *waits) over(why func(access.Grant) string) map[string]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := map[string]string{}
	for _, x := range w.open {
		for _, g := range x.lent {
			if reason := why(g); reason != "" {
				out[x.request] = "the grant " + g.ID + " has ended: " + reason
			}
		}
	}
	return out
}
