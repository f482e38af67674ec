package decider

import (
	"strings"
	"testing"

	"gatehouse/internal/decider/protocol"
	"gatehouse/policy"
	"gatehouse/recorder"
	"gatehouse/recorder/audit"
)

// TestTraceContext: what the agent says of its trace is in every entry about the session, goes to the target only where policy lists
// it, and is believed only by the letter.
func TestTraceContext(t *testing.T) {
	const parent, state = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "a=b"
	for name, c := range map[string]struct {
		env  []policy.EnvVar
		want string
	}{
		"both":             {[]policy.EnvVar{{Name: "TRACESTATE", Value: state}, {Name: "TRACEPARENT", Value: parent}}, parent + " " + state},
		"parent":           {[]policy.EnvVar{{Name: "LANG", Value: "C"}, {Name: "TRACEPARENT", Value: parent}}, parent},
		"a bad state":      {[]policy.EnvVar{{Name: "TRACEPARENT", Value: parent}, {Name: "TRACESTATE", Value: "a=\x1b[2J"}}, parent},
		"no parent":        {[]policy.EnvVar{{Name: "TRACESTATE", Value: state}}, ""},
		"a bad parent":     {[]policy.EnvVar{{Name: "TRACEPARENT", Value: parent + "\n"}}, ""},
		"the last one":     {[]policy.EnvVar{{Name: "TRACEPARENT", Value: parent}, {Name: "TRACEPARENT", Value: "x"}}, ""},
		"another's letter": {[]policy.EnvVar{{Name: "traceparent", Value: parent}}, ""},
	} {
		b := newBench(t)
		q := b.question(b.connect(policy.Agent, "bot"), "echo", "hi")
		q.Env = c.env
		got, err := b.door.Decide(t.Context(), q)
		if err != nil || got.Decision.Verdict != policy.Allow {
			t.Fatalf("%s: %+v, %v", name, got, err)
		}
		if strings.Contains(got.Line, "TRACE") {
			t.Errorf("%s: the target gets %q", name, got.Line)
		}
		b.must(b.door.End(t.Context(), protocol.End{Session: q.Session, State: "complete", Recording: &recorder.Summary{}}))
		found := 0
		for _, e := range b.entries() {
			if e.Session != q.Session {
				continue
			}
			if found++; e.Trace != c.want {
				t.Errorf("%s: %s has trace %q, want %q", name, e.Type, e.Trace, c.want)
			}
		}
		if found < 4 {
			t.Errorf("%s: %d entries", name, found)
		}
	}
}

// TestTraceContextListed: where policy lists the variable, the target gets it too.
func TestTraceContextListed(t *testing.T) {
	b := newBench(t)
	b.write("policy.yaml", strings.Replace(testPolicy, "env: [LANG]", "env: [LANG, TRACEPARENT]", 1))
	if r, err := admin[protocol.Reloaded](b, protocol.OpReload, protocol.Empty{}); err != nil || r.Problem != "" {
		t.Fatalf("%+v, %v", r, err)
	}
	q := b.question(b.connect(policy.Agent, "bot"), "echo", "hi")
	q.Env = []policy.EnvVar{{Name: "TRACEPARENT", Value: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}}
	got, err := b.door.Decide(t.Context(), q)
	if err != nil || !strings.Contains(got.Line, "TRACEPARENT='00-4bf92") || b.last().Type != audit.CertIssue {
		t.Errorf("%+v, %v", got, err)
	}
}
