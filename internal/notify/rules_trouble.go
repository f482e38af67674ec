package notify

import (
	"cmp"
	"fmt"

	"gatehouse/recorder/audit"
)

// denial counts what one identity is denied, and tells once an hour when it is a lot.
func (r *rules) denial(e audit.Entry) []Alert {
	if e.Outcome != "deny" || e.Actor == "" {
		return nil
	}
	d := r.state.Denied[e.Actor]
	if d == nil || e.Time.Sub(d.Since) > denialSpan || e.Time.Before(d.Since) {
		if d == nil && len(r.state.Denied) >= maxWatched {
			return nil
		}
		d = &denied{Since: e.Time}
		r.state.Denied[e.Actor] = d
	}
	if d.N++; d.N != denialMost {
		return nil
	}
	return []Alert{{Kind: "denials", Severity: Warning, Subject: e.Actor, Title: "Many denials of " + e.Actor, Runbook: "#an-agent-is-denied-a-lot", Path: "/denials",
		Text: fmt.Sprintf("%d things that %s asked for were denied within an hour; the newest%s: %s", d.N, e.Actor, on(e), e.Reason)}}
}

func (r *rules) budget(e audit.Entry) []Alert {
	if e.Outcome != "exceeded" {
		return nil
	}
	return []Alert{{Kind: "budget", Severity: Warning, Subject: e.Actor, Title: "Budget used up by " + e.Actor, Runbook: "#a-budget-is-used-up", Text: e.Reason}}
}

func (r *rules) policyLoaded(e audit.Entry) []Alert {
	return []Alert{{Kind: "policy.loaded", Severity: Notice, Subject: "policy", Title: "Another policy is in force", Runbook: "#the-policy-changed", Path: "/policy",
		Text: fmt.Sprintf("Policy %s is in force (%s)", e.Policy, cmp.Or(e.Actor, "gatehouse"))}}
}

func (r *rules) policyRejected(e audit.Entry) []Alert {
	return []Alert{{Kind: "policy.rejected", Severity: Warning, Subject: "policy", Title: "A policy was rejected", Runbook: "#the-policy-changed", Path: "/policy",
		Text: "The last good policy stays in force: " + e.Reason}}
}

func (r *rules) revoked(e audit.Entry) []Alert {
	if e.Outcome == "deny" {
		return nil
	}
	return []Alert{{Kind: "revoke", Severity: Notice, Subject: e.Object, Title: "A revocation (" + e.Outcome + ")", Runbook: "#a-key-was-revoked",
		Text: fmt.Sprintf("%s by %s: %s", e.Object, e.Actor, cmp.Or(e.Reason, "no reason was given"))}}
}

func (r *rules) enrolled(e audit.Entry) []Alert {
	if e.Outcome == "deny" {
		return nil
	}
	return []Alert{{Kind: "enrol", Severity: Notice, Subject: e.Object, Title: "A passkey, key or join token of " + e.Object + " has changed", Runbook: "#somebody-enrolled",
		Text: fmt.Sprintf("%s: %s, by %s", e.Object, cmp.Or(e.Reason, e.Outcome), cmp.Or(e.Actor, "itself"))}}
}

func (r *rules) rotated(e audit.Entry) []Alert {
	if e.Outcome == "deny" {
		return nil
	}
	return []Alert{{Kind: "ca.rotate", Severity: Notice, Subject: "ca:" + e.Object, Title: "A step in the rotation of the " + e.Object + " CA", Runbook: "#a-ca-is-rotated",
		Text: fmt.Sprintf("by %s", e.Actor)}}
}

func (r *rules) witnessed(e audit.Entry) []Alert {
	if e.Outcome == "ok" {
		return []Alert{{Kind: "witness.agrees", Severity: Notice, Subject: "witness:" + e.Object, Title: "Witness " + e.Object + " agrees again", Runbook: "#a-witness-contradicts", Path: "/audit", Text: e.Reason}}
	}
	return []Alert{{Kind: "witness.contradicts", Severity: Critical, Subject: "witness:" + e.Object, Title: "Witness " + e.Object + " contradicts the audit log", Runbook: "#a-witness-contradicts", Path: "/audit", Text: e.Reason}}
}

func (r *rules) signer(e audit.Entry) []Alert {
	if e.Outcome == "ok" {
		return []Alert{{Kind: "signer.works", Severity: Notice, Subject: e.Object, Title: "A CA's key signs again", Runbook: "#a-ca-key-cannot-sign", Text: e.Reason}}
	}
	return []Alert{{Kind: "signer.fault", Severity: Critical, Subject: e.Object, Title: "A CA's key cannot sign", Runbook: "#a-ca-key-cannot-sign", Text: e.Reason}}
}

func (r *rules) recovered(e audit.Entry) []Alert {
	d := body[struct {
		Kept int64  `json:"kept"`
		Torn string `json:"torn"`
	}](e)
	return []Alert{{Kind: "log.recovered", Severity: Warning, Subject: "audit log", Title: "The audit log was recovered", Runbook: "#the-audit-log-was-silent", Path: "/audit",
		Text: fmt.Sprintf("A crash cut the log's end, which was put aside; %d entries were kept", d.Kept)}}
}

func (r *rules) clock(e audit.Entry) []Alert {
	return []Alert{{Kind: "clock.step", Severity: Warning, Subject: "clock", Title: "The clock stepped", Runbook: "#the-clock-stepped", Text: cmp.Or(e.Reason, "The times of entries before and after it do not compare")}}
}

func (r *rules) export(e audit.Entry) []Alert {
	if e.Outcome != "lost" {
		return nil
	}
	return []Alert{{Kind: "export.lost", Severity: Warning, Subject: "export:" + e.Object, Title: "Export " + e.Object + " lost entries", Runbook: "#an-export-loses-entries", Text: e.Reason}}
}

func (r *rules) deadLetter(e audit.Entry) []Alert {
	if e.Outcome != "dead" {
		return nil
	}
	return []Alert{{Kind: "alerts.dead", Severity: Warning, Subject: "alerts:" + e.Object, Title: "Alerts do not reach " + e.Object, Runbook: "#alerts-do-not-arrive", Path: "/alerts", Text: e.Reason}}
}
