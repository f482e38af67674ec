package ocsf

import "gatehouse/recorder/audit"

// Severity is OCSF's severity_id.
type Severity int

// The severities in use.
const (
	Informational Severity = 1
	Low           Severity = 2
	Medium        Severity = 3
	High          Severity = 4
)

func (s Severity) String() string {
	return [...]string{"Unknown", "Informational", "Low", "Medium", "High"}[s]
}

// SeverityOf is how much an entry matters to those who watch: by what it is about, and by how it ended.
func SeverityOf(e audit.Entry) Severity {
	switch e.Type {
	case audit.Kill, audit.Witnessed, audit.SignerFault, audit.PolicyReject, audit.LogRecovered, audit.ClockStep:
		return High
	case audit.Export:
		if e.Outcome == "lost" {
			return High
		}
		return Medium
	case audit.Revoke, audit.Rotate, audit.ConnRefused:
		return Medium
	case audit.Enrol, audit.PolicyLoad, audit.PolicyShadow, audit.ServeStart, audit.ServeStop, audit.Sweep:
		return Low
	}
	switch e.Outcome {
	case "deny", "refused", "killed":
		return Medium
	case "failed", "fault", "interrupted":
		return Medium
	}
	return Informational
}
