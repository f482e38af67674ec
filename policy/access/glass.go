package access

import (
	"slices"
	"time"

	"gatehouse/policy"
)

// leastReviews is how many people must have looked at what was done with a break-glass, whatever the policy says.
const leastReviews = 2

// MayBreakGlass says why a person may not take a role in an emergency, "" if they may: an earlier one of theirs, or of that role, has not
// been reviewed.
func (b *Book) MayBreakGlass(by Requester, role string) (why string) {
	for _, g := range sorted(b.grants) {
		if g.Scope.Glass && (g.By.Principal == by.Principal || g.Scope.Role == role) {
			return "break-glass " + g.ID + " of " + g.By.Principal + " has not been reviewed: " + plural(reviewsOf(g), "person", "people") + " must do that first"
		}
	}
	return ""
}

func reviewsOf(g Grant) int {
	if g.Need == nil {
		return leastReviews
	}
	return max(leastReviews, g.Need.Approvals)
}

// BreakGlass gives a person a role at once. r was made by Prepare with ID, By, Scope, Reason, Need (its review, alone), Rules and Policy, and
// has the Proof that the caller has verified.
func (b *Book) BreakGlass(org Org, now time.Time, r Request, grant string) (Change, error) {
	if err := b.checkGlass(org, now, r); err != nil {
		return Change{}, err
	}
	g, err := b.grantFor(now, r, grant)
	if err != nil {
		return Change{}, err
	}
	review := r.Need[0]
	g.Need = &review
	r = r.end(Approved, now, "")
	r.Grant = g.ID
	c := b.change()
	c.Requests, c.Grants = []Request{r}, []Grant{g}
	return c, nil
}

func (b *Book) checkGlass(org Org, now time.Time, r Request) error {
	if err := r.Validate(); err != nil {
		return err
	}
	if err := b.checkNew(now, r); err != nil {
		return err
	}
	person, ok := personOf(r.By.Principal)
	switch why := b.MayBreakGlass(r.By, r.Scope.Role); {
	case why != "":
		return refused("%s", why)
	case !ok || r.By.Delegation != "":
		return refused("break-glass is for people, in person")
	case !org.Enabled(person):
		return refused("the policy does not let person:%s act", person)
	case !r.Scope.Glass || len(r.Need) != 1 || r.State != Pending || len(r.Votes) > 0:
		return invalid("a break-glass asks for a role, with one review")
	case r.Reason == "":
		return invalid("a break-glass needs a reason")
	}
	return r.Proof.check()
}

// Review notes that a person has looked at what was done with a break-glass grant, which has ended. By and Words are taken from v; the caller
// knows that the policy lets them review. With the last that was missing, the grant is reviewed.
func (b *Book) Review(org Org, now time.Time, id string, v Vote) (Change, error) {
	g, ok := b.grants[id]
	switch {
	case !ok || !g.Scope.Glass:
		return Change{}, notFound("break-glass", id)
	case g.Ended.IsZero():
		return Change{}, refused("the break-glass %s has not ended: end it, then look at what was done", id)
	case len(g.Reviews) >= MaxVotes:
		return Change{}, full("the break-glass has %d reviews, which is the most", MaxVotes)
	}
	if why := mayReview(org, g, v.By); why != "" {
		return Change{}, refused("%s", why)
	}
	if err := someLines("review", v.Words, maxWords); err != nil {
		return Change{}, err
	}
	v.Yes, v.For, v.At = true, "", now.UTC()
	g.Reviews = append(slices.Clip(g.Reviews), v)
	if reviewed(org, g) {
		g.Reviewed = now.UTC()
	}
	c := b.change()
	c.Grants = []Grant{g}
	return c, nil
}

// mayReview says why a person may not review a grant.
func mayReview(org Org, g Grant, person string) string {
	switch why := Conflict(org, g.By, person); {
	case why != "":
		return why
	case person == "" || !org.Enabled(person):
		return "the policy does not let person:" + person + " act"
	case slices.ContainsFunc(g.Reviews, func(v Vote) bool { return v.By == person }):
		return "person:" + person + " has reviewed it already"
	case g.Need != nil && len(g.Need.From) > 0 && !membersOf(org, *g.Need)[person]:
		return "person:" + person + " is in none of the groups that review it: " + groupsText(*g.Need)
	}
	return ""
}

// reviewed reports whether enough people who count now have reviewed a grant.
func reviewed(org Org, g Grant) bool {
	var people []string
	for _, v := range g.Reviews {
		others := g
		others.Reviews = nil
		if mayReview(org, others, v.By) == "" {
			people = append(people, v.By)
		}
	}
	slices.Sort(people)
	return len(slices.Compact(people)) >= reviewsOf(g)
}

// personOf is the name of a principal that is a person.
func personOf(principal string) (string, bool) {
	return cut(principal, string(policy.Person)+":")
}
