package notify

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	"gatehouse/policy/access"
	"gatehouse/recorder/audit"
)

// maker makes alerts of an entry of one type.
type maker func(r *rules, e audit.Entry) []Alert

// makers are the types that may be alerts.
var makers = map[audit.Type]maker{
	audit.AccessRequest: (*rules).request, audit.AccessGrant: (*rules).grant, audit.AccessReview: (*rules).review, audit.AccessLock: (*rules).lock, audit.AccessAway: (*rules).away,
	audit.Decision: (*rules).denial, audit.Forward: (*rules).denial, audit.File: (*rules).denial, audit.Budget: (*rules).budget,
	audit.PolicyLoad: (*rules).policyLoaded, audit.PolicyReject: (*rules).policyRejected, audit.Revoke: (*rules).revoked, audit.Enrol: (*rules).enrolled, audit.Rotate: (*rules).rotated,
	audit.Witnessed: (*rules).witnessed, audit.SignerFault: (*rules).signer, audit.LogRecovered: (*rules).recovered, audit.ClockStep: (*rules).clock, audit.Export: (*rules).export,
	audit.Alert: (*rules).deadLetter,
}

// request tells the approvers that somebody waits for them, and whoever asked what became of it.
func (r *rules) request(e audit.Entry) []Alert {
	a := Alert{Kind: "access.over", Severity: Notice, Subject: e.Object, Runbook: "#a-request-waits", Path: "/requests/" + e.Object}
	switch access.State(e.Outcome) {
	case access.Pending:
		d := body[struct {
			Request []byte `json:"request"`
			Holder  string `json:"holder"`
		}](e)
		var req access.Request
		_ = json.Unmarshal(d.Request, &req) // a request of which less is known is told of all the same
		a.Kind, a.Title = "access.requested", "Approval wanted for "+cmp.Or(d.Holder, e.Actor)
		a.Text = fmt.Sprintf("%s asks for %s%s. Why: %s", cmp.Or(d.Holder, e.Actor), asked(req.Scope, e), wanted(req), cmp.Or(e.Reason, "it gave no reason"))
		return []Alert{a}
	case access.Declined, access.Expired:
		a.Title = "Request " + e.Outcome
	case access.Withdrawn, access.Void:
		a.Title, a.Severity = "Request "+e.Outcome, Info
	default: // approved: the grant tells; deny: nothing was made
		return nil
	}
	a.Text = fmt.Sprintf("The request %s of %s%s is %s: %s", e.Object, holder(e), on(e), e.Outcome, cmp.Or(e.Reason, "no reason was given"))
	return []Alert{a}
}

// asked says what a scope gives, in short.
func asked(s access.Scope, e audit.Entry) string {
	what := "a privilege"
	switch {
	case s.Kind == access.CommandScope && s.Command != nil:
		what = "the command " + s.Command.Plan.String()
	case s.Kind == access.PatternScope:
		what = "commands like " + s.Pattern
	case s.Kind == access.RoleScope:
		what = "the role " + s.Role
	}
	if len([]rune(what)) > maxText/2 {
		what = string([]rune(what)[:maxText/2]) + "…"
	}
	return what + on(e)
}

// on says where.
func on(e audit.Entry) string {
	if e.Target == "" {
		return ""
	}
	if e.Login == "" {
		return " on " + e.Target
	}
	return " on " + e.Target + " as " + e.Login
}

// wanted says whose approvals are needed.
func wanted(req access.Request) string {
	var needs []string
	for _, n := range req.Need {
		needs = append(needs, fmt.Sprintf("%d of %s", n.Approvals, strings.Join(n.From, " or ")))
	}
	if len(needs) == 0 {
		return ""
	}
	return " (needs " + strings.Join(needs, ", and ") + ")"
}

// holder is whose privilege an entry is about.
func holder(e audit.Entry) string {
	return cmp.Or(body[struct {
		Holder string `json:"holder"`
	}](e).Holder, e.Actor)
}

// grant tells that a privilege begins or has ended.
func (r *rules) grant(e audit.Entry) []Alert {
	a := Alert{Kind: "access.granted", Severity: Notice, Subject: e.Object, Runbook: "#a-privilege-was-given", Path: "/grants/" + e.Object}
	switch e.Outcome {
	case "made":
		g := body[struct {
			Grant access.Grant `json:"grant"`
		}](e).Grant
		if g.Scope.Glass {
			return r.broken(e, g)
		}
		a.Title = "A privilege was given to " + g.By.Principal
		a.Text = fmt.Sprintf("%s has %s until %s; approved by %s", g.By.Principal, asked(g.Scope, e), g.Ends.UTC().Format("2006-01-02 15:04:05 UTC"), strings.Join(g.People, ", "))
	case "ended":
		a.Kind, a.Severity = "access.ended", Info
		a.Title = "A privilege has ended"
		a.Text = fmt.Sprintf("The grant %s of %s%s has ended: %s", e.Object, holder(e), on(e), cmp.Or(e.Reason, "its time was over"))
	default:
		return nil
	}
	return []Alert{a}
}

// broken tells everybody that the glass was broken, again and again until it is reviewed.
func (r *rules) broken(e audit.Entry, g access.Grant) []Alert {
	a := Alert{Kind: KindGlass, Severity: Critical, Subject: e.Object, Title: "BREAK-GLASS by " + g.By.Principal, Runbook: "#break-glass", Path: "/grants/" + e.Object, Time: e.Time, Seq: e.Seq}
	a.Text = fmt.Sprintf("%s took %s until %s without an approval; two others must review it", g.By.Principal, asked(g.Scope, e), g.Ends.UTC().Format("2006-01-02 15:04:05 UTC"))
	if len(r.state.Glass) < maxWatched {
		kept := a
		kept.Title, kept.Text = line(r.mask, a.Title, maxTitle), line(r.mask, a.Text, maxText)
		r.state.Glass[e.Object] = &glass{Since: e.Time, Next: e.Time.Add(glassEvery), Alert: kept}
	}
	return []Alert{a}
}

// review ends the reminders once enough people have looked.
func (r *rules) review(e audit.Entry) []Alert {
	d := body[struct {
		Reviewed bool   `json:"reviewed"`
		Holder   string `json:"holder"`
	}](e)
	if e.Outcome != "ok" || !d.Reviewed {
		return nil
	}
	delete(r.state.Glass, e.Object)
	return []Alert{{Kind: "break_glass.reviewed", Severity: Notice, Subject: e.Object, Title: "Break-glass reviewed", Runbook: "#break-glass", Path: "/grants/" + e.Object,
		Text: fmt.Sprintf("What %s did with %s was reviewed, lastly by %s", d.Holder, e.Object, e.Actor)}}
}

// lock tells of locks.
func (r *rules) lock(e audit.Entry) []Alert {
	l := body[struct {
		Lock access.Lock `json:"lock"`
	}](e).Lock
	a := Alert{Kind: "lock", Severity: Warning, Subject: e.Object, Runbook: "#a-lock-stands", Path: "/locks"}
	what := strings.TrimSuffix(string(l.What.Kind)+":"+l.What.Value, ":")
	switch e.Outcome {
	case "locked":
		a.Title = "Locked: " + what
		if l.What.Kind == access.LockEverything {
			a.Severity = Critical
		}
	case "wanted":
		a.Kind, a.Title = "lock.wanted_lifted", "Wanted lifted: the lock on "+what
	case "lifted":
		a.Kind, a.Title, a.Severity = "lock.lifted", "Lifted: the lock on "+what, Notice
	default:
		return nil
	}
	a.Text = fmt.Sprintf("%s, by %s: %s", a.Title, e.Actor, cmp.Or(e.Reason, l.Reason))
	return []Alert{a}
}

// away tells who answers in another's place.
func (r *rules) away(e audit.Entry) []Alert {
	if e.Outcome == "deny" {
		return nil
	}
	d := body[struct {
		Away access.Away `json:"away"`
	}](e).Away
	return []Alert{{Kind: "access.away", Severity: Notice, Subject: e.Object, Title: "Who approves in another's place has changed", Runbook: "#a-privilege-was-given",
		Text: fmt.Sprintf("%s: %s in the place of %s (%s)", e.Actor, cmp.Or(d.To, "nobody"), e.Object, e.Outcome)}}
}
