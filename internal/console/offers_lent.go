package console

import (
	"fmt"
	"strings"

	"gatehouse/policy"
)

// placesText says where a role applies.
func placesText(r policy.Reach) string {
	var targets, logins []string
	for _, t := range r.Targets {
		targets = append(targets, targetText(t))
	}
	for _, l := range r.Logins {
		logins = append(logins, string(l))
	}
	return fmt.Sprintf("on %s as %s (role %s)", Visible(strings.Join(targets, " or ")), Visible(strings.Join(logins, ", ")), Visible(r.Role))
}

// lentText says which roles may be asked for, and which taken in an emergency.
func lentText(list []policy.LentOffer, program string) string {
	var b strings.Builder
	title := "What you may ask for, for a time (" + program + " request):\n"
	for _, l := range list {
		if l.Glass == nil {
			fmt.Fprintf(&b, "%s  %s: %s, for %s at most\n", title, placesText(l.Reach), Visible(approvalsText(l.Terms)), seconds(shortest(l.Terms)))
			title = ""
		}
	}
	title = "What you may take in an emergency, and answer for afterwards:\n"
	for _, l := range list {
		if l.Glass != nil {
			fmt.Fprintf(&b, "%s  %s: for %s, reviewed by %s\n", title, placesText(l.Reach), seconds(l.Glass.For), Visible(approvalText(l.Glass.Review)))
			title = ""
		}
	}
	return b.String()
}

// approvalsText says who must approve, of several thresholds.
func approvalsText(list []policy.Approval) string {
	texts := make([]string, len(list))
	for i, a := range list {
		texts[i] = approvalText(a)
	}
	return strings.Join(texts, " and ")
}

// shortest is for how long something may be had at most, in seconds.
func shortest(list []policy.Approval) int64 {
	least := int64(0)
	for _, a := range list {
		if least == 0 || a.For < least {
			least = a.For
		}
	}
	return least
}
