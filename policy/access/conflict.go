package access

import (
	"slices"
	"strings"

	"gatehouse/policy"
)

// Org is the policy of now, as far as it says who belongs to whom. All names are without "person:". *policy.Policy is one.
type Org interface {
	Members(group string) []string  // of a group, disabled ones too; of "": all who may approve where a rule names no group
	Owners(agent string) []string   // the people who own it; none if it is unknown
	OwnersOf(owner string) []string // the people that "person:ann" or "group:web" is
	Enabled(person string) bool     // known, and may act
}

// Conflict says why a person may not decide what serves that requester, in one line; "" if they may. It excludes who asks, all owners, each
// member of a group that owns, everybody who handed the work on, and the owners of agents among these; no right changes that.
func Conflict(org Org, by Requester, person string) string {
	for _, s := range stakes(org, by) {
		if s.person == person {
			return "nobody decides what serves them: " + s.why
		}
	}
	return ""
}

// stake says whom something serves, and why.
type stake struct{ person, why string }

// stakes are all of a requester.
func stakes(org Org, by Requester) []stake {
	list := actor(org, by.Principal, "asked for it")
	if by.Owner != "" {
		for _, person := range org.OwnersOf(by.Owner) {
			list = append(list, stake{person, "person:" + person + " owns " + by.Principal})
		}
	}
	for link := range strings.SplitSeq(by.Delegation, ">") {
		list = append(list, actor(org, strings.TrimSpace(link), "handed the work on")...)
	}
	return list
}

// actor are the stakes of somebody who did something: their own, or those of an agent's owners. A name of no known kind is taken for a
// person's, as whoever it is, it is not to be given away.
func actor(org Org, principal, did string) []stake {
	if principal == "" {
		return nil
	}
	if agent, ok := strings.CutPrefix(principal, string(policy.Agent)+":"); ok {
		var list []stake
		for _, person := range org.Owners(agent) {
			list = append(list, stake{person, "person:" + person + " owns agent:" + agent + ", which " + did})
		}
		return list
	}
	if strings.HasPrefix(principal, "group:") {
		var list []stake
		for _, person := range org.OwnersOf(principal) {
			list = append(list, stake{person, "person:" + person + " is in " + principal + ", which " + did})
		}
		return list
	}
	person := strings.TrimPrefix(principal, string(policy.Person)+":")
	return []stake{{person, "person:" + person + " " + did}}
}

// barred are the people of all stakes, sorted.
func barred(org Org, by Requester) []string {
	var list []string
	for _, s := range stakes(org, by) {
		list = append(list, s.person)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// hinders says why a person may not decide a request: for what the organisation is now, or was when it was made.
func hinders(org Org, r Request, person string) string {
	switch why := Conflict(org, r.By, person); {
	case why != "":
		return why
	case slices.Contains(r.Barred, person):
		return "nobody decides what serves them: person:" + person + " did or owned when it was asked for"
	case person == "" || !org.Enabled(person):
		return "the policy does not let person:" + person + " act"
	}
	return ""
}
