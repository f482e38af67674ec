package access

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/policy"
)

// Ready reports whether every threshold of a request is met by people who count now, and else what is missing, in words. Each person, and
// each one in whose place somebody answered, fills at most one seat of a threshold. A request that needs nothing is never met.
func Ready(org Org, r Request) (met bool, missing string) {
	if len(r.Need) == 0 {
		return false, "it names nobody who could approve it"
	}
	votes := counting(org, r)
	var list []string
	for _, a := range r.Need {
		if n := atLeastOne(a.Approvals) - len(filled(org, a, votes)); n > 0 {
			list = append(list, fmt.Sprintf("%d more of %s", n, groupsText(a)))
		}
	}
	return len(list) == 0, strings.Join(list, "; ")
}

func groupsText(a policy.Approval) string {
	text := strings.Join(a.From, ", ")
	if len(a.From) == 0 {
		text = "those with the right to approve"
	}
	if a.By != "" {
		text += " by " + a.By
	}
	return text
}

// atLeastOne is what a threshold means: one person at least, whatever it says.
func atLeastOne(approvals int) int { return max(1, approvals) }

// counting are the votes that count now: nobody's who may not decide it any more, or whose place it was given in, and one of each person.
func counting(org Org, r Request) []Vote {
	var votes []Vote
	for _, v := range r.Votes {
		known := slices.ContainsFunc(votes, func(o Vote) bool { return o.By == v.By })
		if known || hinders(org, r, v.By) != "" || v.For != "" && hinders(org, r, v.For) != "" {
			continue
		}
		votes = append(votes, v)
	}
	return votes
}

// filled are the seats of a threshold on which somebody said yes, and nobody no, sorted.
func filled(org Org, a policy.Approval, votes []Vote) []string {
	members := membersOf(org, a)
	var yes, no []string
	for _, v := range votes {
		seat := seatOf(members, v)
		switch {
		case seat == "":
		case !v.Yes:
			no = append(no, seat)
		case a.By == "" || a.By == string(v.Proof.Kind):
			yes = append(yes, seat)
		}
	}
	slices.Sort(yes)
	return slices.DeleteFunc(slices.Compact(yes), func(seat string) bool { return slices.Contains(no, seat) })
}

// seatOf is the name on whose seat a vote is: the voter's, or else that of whom they vote for; "" if neither is a member.
func seatOf(members map[string]bool, v Vote) string {
	switch {
	case members[v.By]:
		return v.By
	case v.For != "" && members[v.For]:
		return v.For
	}
	return ""
}

// membersOf are the people of a threshold.
func membersOf(org Org, a policy.Approval) map[string]bool {
	members := map[string]bool{}
	groups := a.From
	if len(groups) == 0 {
		groups = []string{""}
	}
	for _, group := range groups {
		for _, person := range org.Members(group) {
			members[person] = true
		}
	}
	return members
}

// MayAnswer says whether a person may answer a request now, and in whose place: their own, "", or that of somebody who is away, if that
// lets their answer count for more. why is empty if they may.
func MayAnswer(org Org, r Request, person string, aways []Away, now time.Time) (instead, why string) {
	switch {
	case r.State != Pending:
		return "", "it is not pending any more: it is " + string(r.State)
	case !now.Before(r.Expires):
		return "", "it has expired"
	case r.Scope.Glass:
		return "", "break-glass is reviewed, not approved"
	}
	if why := hinders(org, r, person); why != "" {
		return "", why
	}
	for _, v := range r.Votes {
		if v.By == person {
			return "", "person:" + person + " has answered it already"
		}
	}
	instead, seats := bestPlace(org, r, person, aways, now)
	if seats == 0 {
		return "", "person:" + person + " is in none of its groups: " + needed(r)
	}
	return instead, ""
}

func needed(r Request) string {
	var list []string
	for _, a := range r.Need {
		list = append(list, groupsText(a))
	}
	return strings.Join(list, "; ")
}

// bestPlace finds in whose place a person's answer counts in most thresholds: their own if none is better, else the first by name.
func bestPlace(org Org, r Request, person string, aways []Away, now time.Time) (instead string, seats int) {
	seats = thresholds(org, r, Vote{By: person})
	for _, away := range standIns(org, r, person, aways, now) {
		if n := thresholds(org, r, Vote{By: person, For: away}); n > seats {
			instead, seats = away, n
		}
	}
	return instead, seats
}

// standIns are those in whose place a person may answer, sorted. What somebody was given they cannot give on: only who is away themselves
// is among them.
func standIns(org Org, r Request, person string, aways []Away, now time.Time) []string {
	var list []string
	for _, a := range aways {
		if a.To == person && a.Who != person && a.holds(now) && hinders(org, r, a.Who) == "" {
			list = append(list, a.Who)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// thresholds counts those in which a vote fills a seat.
func thresholds(org Org, r Request, v Vote) int {
	n := 0
	for _, a := range r.Need {
		if seatOf(membersOf(org, a), v) != "" {
			n++
		}
	}
	return n
}

// lost reports whether a no ends a request: one is enough, or too few are left who could say yes.
func lost(org Org, r Request) bool {
	votes := counting(org, r)
	for _, a := range r.Need {
		members := membersOf(org, a)
		var no []string
		for _, v := range votes {
			if seat := seatOf(members, v); seat != "" && !v.Yes {
				no = append(no, seat)
			}
		}
		if len(no) > 0 && a.Decline != declineQuorum || len(no) > 0 && couldSay(org, r, members, no) < atLeastOne(a.Approvals) {
			return true
		}
	}
	return false
}

// declineQuorum is the Decline of a threshold that one no does not end.
const declineQuorum = "quorum"

// couldSay counts the members who may decide it and did not say no.
func couldSay(org Org, r Request, members map[string]bool, no []string) int {
	n := 0
	for person := range members {
		if !slices.Contains(no, person) && hinders(org, r, person) == "" {
			n++
		}
	}
	return n
}
