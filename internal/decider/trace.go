package decider

import (
	"gatehouse/internal/tracecontext"
	"gatehouse/policy"
	"gatehouse/recorder/audit"
)

// traceOf is the trace that the agent works in, as it says in its environment; empty where it says none, or not by the letter of
// the recommendation. It is for the log alone: to the target the variables go only where policy lists them.
func traceOf(env []policy.EnvVar) string {
	var parent, state string
	for _, v := range env { // the last one counts, as it would on a target
		switch v.Name {
		case tracecontext.Parent:
			parent = v.Value
		case tracecontext.State:
			state = v.Value
		}
	}
	c, err := tracecontext.New(parent, state)
	if err != nil {
		return ""
	}
	return c.Text()
}

// traced puts entries of one session into the agent's trace, and returns them.
func traced(trace string, entries []audit.Entry) []audit.Entry {
	for i := range entries {
		entries[i].Trace = trace
	}
	return entries
}
