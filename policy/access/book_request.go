package access

import (
	"bytes"
	"slices"
	"strings"
	"time"
)

// Open reports whether a request can still be decided.
func (r Request) Open() bool { return r.State == Pending }

// end is the request in its last state.
func (r Request) end(s State, now time.Time, why string) Request {
	r.State, r.Ended, r.Why = s, now.UTC(), clip(why, maxWords)
	return r
}

// Prepare fills in what a new request has of its own: when it was made, when it expires, and who may not decide it as the organisation is
// now. Times that it has already stay.
func Prepare(org Org, now time.Time, r Request) Request {
	r.State, r.Ended, r.Why, r.Votes, r.Grant = Pending, time.Time{}, "", nil, ""
	if r.Made.IsZero() {
		r.Made = now.UTC().Truncate(time.Second)
	}
	if r.Expires.IsZero() {
		r.Expires = r.Made.Add(r.life())
	}
	r.Made, r.Expires = r.Made.UTC(), r.Expires.UTC()
	r.Barred = barred(org, r.By)
	return r
}

// life is how long a request waits by its terms: as long as the shortest says.
func (r Request) life() time.Duration {
	shortest := int64(0)
	for _, a := range r.Need {
		if a.Within > 0 && (shortest == 0 || a.Within < shortest) {
			shortest = a.Within
		}
	}
	if shortest == 0 {
		return defaultTTL
	}
	return min(time.Duration(min(shortest, maxSeconds))*time.Second, maxWait)
}

// Ask makes a request. Of r it takes ID, By, Scope, Reason, Ticket, Need, Rules, Policy, Session and Denial, and times if it has some; the
// caller knows that the policy lets it be asked for. One that is pending already is found by Pending.
func (b *Book) Ask(org Org, now time.Time, r Request) (Change, error) {
	r = Prepare(org, now, r)
	r.Proof = Proof{}
	switch err := r.Validate(); {
	case err != nil:
		return Change{}, err
	case r.Scope.Glass:
		return Change{}, invalid("break-glass is not asked for, but taken")
	}
	if err := b.checkNew(now, r); err != nil {
		return Change{}, err
	}
	if len(b.requests) >= MaxRequests {
		return Change{}, full("%d requests are open, which is the most: decide or withdraw some", MaxRequests)
	}
	if n := len(b.asked[r.By.Principal]); n >= MaxRequestsEach {
		return Change{}, full("%s has %d open requests, which is the most: wait for them or withdraw some", r.By.Principal, n)
	}
	c := b.change()
	c.Requests = []Request{r}
	return c, nil
}

// checkNew checks the id and the times of a new request.
func (b *Book) checkNew(now time.Time, r Request) error {
	if err := fresh(b.requests, "request", "ar_", r.ID); err != nil {
		return err
	}
	switch {
	case !now.Before(r.Expires):
		return invalid("the request expires before it is made")
	case r.Expires.Sub(now) > maxWait:
		return invalid("a request waits for at most %s", maxWait)
	}
	return nil
}

// Pending finds a requester's request for the same thing that can still be decided, the oldest if there are several.
func (b *Book) Pending(now time.Time, by Requester, s Scope) (found Request, ok bool) {
	scope := encode(s)
	for id := range b.asked[by.Principal] {
		r := b.requests[id]
		if r.By == by && bytes.Equal(encode(r.Scope), scope) && !b.isPast(id, now, r.Expires) && (!ok || id < found.ID) {
			found, ok = r, true
		}
	}
	return found, ok
}

// pending returns a request that can still be decided.
func (b *Book) pending(now time.Time, id string) (Request, error) {
	r, ok := b.requests[id]
	if !ok || b.isPast(id, now, r.Expires) {
		return Request{}, notFound("request", id)
	}
	return r, nil
}

// MayAnswer is the function of that name with the book's aways. It also refuses what the book knows to be over.
func (b *Book) MayAnswer(org Org, now time.Time, id, person string) (instead, why string) {
	r, err := b.pending(now, id)
	if err != nil {
		return "", err.Error()
	}
	return MayAnswer(org, r, person, b.standing(now), now)
}

// standing are the aways that hold.
func (b *Book) standing(now time.Time) []Away {
	var list []Away
	for _, a := range sorted(b.aways) {
		if !b.isPast(a.ID, now, a.Until) && a.holds(now) {
			list = append(list, a)
		}
	}
	return list
}

// Vote is one person's answer; By, Yes, Words and Proof are taken from v, and the caller has verified them. When it is the last one that was
// missing, the request is approved and the grant with that id is made; when it ends the request, it is declined. The caller has asked the
// policy of now whether what is approved would still be right.
func (b *Book) Vote(org Org, now time.Time, id string, v Vote, grant string) (Change, error) {
	r, err := b.pending(now, id)
	if err != nil {
		return Change{}, err
	}
	v.At = now.UTC()
	if v.For, err = b.admit(org, now, r, v); err != nil {
		return Change{}, err
	}
	r.Votes = append(slices.Clip(r.Votes), v)
	c := b.change()
	met, _ := Ready(org, r)
	switch {
	case !v.Yes && lost(org, r):
		r = r.end(Declined, now, v.Words)
	case v.Yes && met:
		g, err := b.grantFor(now, r, grant)
		if err != nil {
			return Change{}, err
		}
		r = r.end(Approved, now, "")
		r.Grant = g.ID
		g.People = approvers(org, r)
		c.Grants = []Grant{g}
	}
	c.Requests = []Request{r}
	return c, nil
}

// approvers are the people whose yes counts.
func approvers(org Org, r Request) (people []string) {
	for _, v := range counting(org, r) {
		if v.Yes {
			people = append(people, v.By)
		}
	}
	return people
}

// admit checks a vote, and says in whose place it is.
func (b *Book) admit(org Org, now time.Time, r Request, v Vote) (instead string, err error) {
	instead, why := MayAnswer(org, r, v.By, b.standing(now), now)
	switch {
	case why != "":
		return "", refused("%s", why)
	case len(r.Votes) >= MaxVotes:
		return "", full("the request has %d answers, which is the most", MaxVotes)
	}
	if err := someLines("answer", v.Words, maxWords); err != nil {
		return "", err
	}
	if !v.Yes {
		return instead, nil
	}
	if err := v.Proof.check(); err != nil {
		return "", err
	}
	return instead, b.checkUse(org, r, v, instead)
}

// checkUse refuses a yes that no threshold takes by its proof, or whose proof somebody else used.
func (b *Book) checkUse(org Org, r Request, v Vote, instead string) error {
	v.For = instead
	takes := false
	for _, a := range r.Need {
		takes = takes || len(filled(org, a, []Vote{v})) > 0
	}
	if !takes {
		return refused("it is not approved by %s: use the other way", v.Proof.Kind)
	}
	for _, o := range r.Votes {
		if o.Yes && (bytes.Equal(o.Proof.Key, v.Proof.Key) || bytes.Equal(o.Proof.Nonce, v.Proof.Nonce)) {
			return refused("person:%s has answered with the same key or challenge: one person's key is not another's", o.By)
		}
	}
	return nil
}

// check checks the shape of a proof: what it proves, the caller has verified.
func (p Proof) check() error {
	switch {
	case p.Kind != PasskeyProof && p.Kind != SSHProof:
		return invalid("no kind of proof is %q", p.Kind)
	case len(p.Nonce) != nonceBytes || len(p.Key) == 0 || len(p.Signature) == 0:
		return invalid("a proof has a nonce of %d bytes, a key and a signature", nonceBytes)
	case max(len(p.Key), len(p.Signature), len(p.Credential), len(p.AuthenticatorData), len(p.ClientData)) > maxProof:
		return invalid("a part of the proof is larger than %d bytes", maxProof)
	}
	return nil
}

// Withdraw ends a request for whoever asked for it; the caller knows that it is they.
func (b *Book) Withdraw(now time.Time, id, why string) (Change, error) {
	r, err := b.pending(now, id)
	if err == nil {
		err = someLines("answer", why, maxWords)
	}
	if err != nil {
		return Change{}, err
	}
	c := b.change()
	c.Requests = []Request{r.end(Withdrawn, now, why)}
	return c, nil
}

// Void ends the open requests that match, because what they are about is no longer what it was.
func (b *Book) Void(now time.Time, match func(Request) bool, why string) Change {
	c := b.change()
	for _, r := range sorted(b.requests) {
		if match(r) {
			c.Requests = append(c.Requests, r.end(Void, now, strings.ToValidUTF8(why, "")))
		}
	}
	return c
}
