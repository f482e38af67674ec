package decider

import (
	"context"
	"encoding/json"
	"slices"

	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

// maxOffered bounds an answer about offers in bytes of JSON. What does not fit is counted.
const maxOffered = 256 << 10

// offers answers what an identity may do: whoever is let in may ask that of themselves, and reading is an action. Nothing is said
// of a target that no role reaches, so that one that exists is refused like one that does not.
func (d *Decider) offers(ctx context.Context, in protocol.ListOffers) (policy.Offering, error) {
	who, conn, err := d.actor(in.Who)
	if err != nil {
		return policy.Offering{}, err
	}
	in.Target, in.Login = cut(in.Target, maxID), cut(in.Login, maxID)
	pol := d.currentPolicy()
	out := policy.Offering{Principal: who.Principal()}
	if in.Target == "" {
		room := maxOffered
		out.Reach, _ = fit(pol.Where(who), &room)
		out.Request, _ = fit(pol.Lent(who), &room)
	} else {
		out.Logins = d.loginOffers(pol, who, in)
	}
	entry := audit.Entry{Type: audit.Read, Actor: who.Principal(), Owner: who.Owner, Task: who.Task, Conn: conn, Target: in.Target, Login: in.Login,
		Outcome: "allow", Policy: pol.Hash(), Data: data(map[string]any{"verb": "help"})}
	reached := in.Target == "" || len(out.Logins) > 0
	if !reached {
		entry.Outcome = "deny"
	}
	if err := d.append(ctx, entry); err != nil {
		return policy.Offering{}, err
	}
	if !reached {
		return policy.Offering{}, refuse("no role of %s reaches that target with that login; a target that does not exist is answered alike", who.Principal())
	}
	return out, nil
}

// loginOffers is what may be done on one target, with one login or with each that reaches it.
func (d *Decider) loginOffers(pol *policy.Policy, who policy.Identity, in protocol.ListOffers) []policy.LoginOffer {
	labels := d.labels(in.Target)
	logins := pol.Logins(who, in.Target, labels)
	if t, known := d.target(in.Target); known {
		for _, login := range t.Logins {
			if l := policy.Login(login); !slices.Contains(logins, l) && len(d.granted(who, in.Target, l)) > 0 {
				logins = append(logins, l)
			}
		}
	}
	if in.Login != "" {
		logins = []policy.Login{policy.Login(in.Login)}
	}
	room := maxOffered
	var list []policy.LoginOffer
	for _, login := range logins {
		offers := pol.OffersAs(d.asking(who, in.Target, labels, login))
		for i := range offers {
			shorten(&offers[i], &room)
		}
		if len(offers) > 0 {
			list = append(list, policy.LoginOffer{Login: login, Offers: offers})
		}
	}
	return list
}

// shorten makes an offer fit into the room that is left.
func shorten(o *policy.Offer, room *int) {
	var dropped [7]int
	o.Rules, dropped[0] = fit(o.Rules, room)
	o.Env, dropped[1] = fit(o.Env, room)
	o.Dirs, dropped[2] = fit(o.Dirs, room)
	o.Read, dropped[3] = fit(o.Read, room)
	o.Write, dropped[4] = fit(o.Write, room)
	o.Forward, dropped[5] = fit(o.Forward, room)
	o.Files, dropped[6] = fit(o.Files, room)
	for _, n := range dropped {
		o.Dropped += n
	}
}

// fit returns the beginning of a list that fits into the room, and how many entries do not.
func fit[T any](list []T, room *int) (kept []T, dropped int) {
	for i, one := range list {
		text, err := json.Marshal(one)
		if err != nil || len(text) > *room {
			return list[:i:i], len(list) - i
		}
		*room -= len(text)
	}
	return list, 0
}
