package decider

import (
	"gatehouse/internal/decider/protocol"
	"gatehouse/recorder/audit"
)

// residueEntry is what the log says of what a session left on its target, with the fields of the session's end.
func residueEntry(r protocol.Residue, e audit.Entry) audit.Entry {
	r.Found = r.Found[:min(len(r.Found), protocol.MaxResidue)]
	for i := range r.Found {
		r.Found[i] = cut(r.Found[i], protocol.MaxResidueLine)
	}
	r.Why = cut(r.Why, maxText)
	e.Type, e.Outcome, e.Reason, e.Data = audit.Residue, "none", r.Why, data(r)
	switch {
	case len(r.Found) > 0:
		e.Outcome = "found"
	case r.Why != "":
		e.Outcome = "unknown"
	}
	return e
}
