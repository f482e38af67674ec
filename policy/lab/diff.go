package lab

import (
	"encoding/json"
	"iter"
	"strings"
	"time"

	"gatehouse/policy"
)

// Comparison is what two policies are compared on besides what they say themselves.
type Comparison struct {
	Parse    Parser
	Targets  []Target // of an inventory; nil: names are made up from the roles
	History  History  // nil: none
	Now      time.Time
	Progress func(done, total int) // may be nil
}

// Diff compares the behaviour of two policies: on both's tests, on samples of every pattern of both (the bounds of slots
// included) for everybody who has the role in either, and on a history. What it lists is so; what it does not list may
// differ where no sample went.
func Diff(old, new *policy.Policy, c Comparison) (Changes, error) {
	var set changeSet
	seen := map[string]bool{}
	asked := requests([]*policy.Policy{old, new}, c.Targets, c.Parse, c.Now)
	for i, r := range asked {
		if c.Progress != nil {
			c.Progress(i+1, len(asked))
		}
		before, after := decideAs(old, r), decideAs(new, r)
		if key := differenceKey(r, before, after); !seen[key] { // in whatever circumstances
			seen[key] = true
			set.add(r, time.Time{}, before, after)
		}
	}
	if c.History != nil {
		for record, err := range c.History {
			if err != nil {
				return Changes{}, err
			}
			r := record.request()
			set.add(r, record.Time, decideAs(old, r), decideAs(new, r))
		}
	}
	out := set.result()
	out.Privileges = privileges(old, new)
	return out, nil
}

// decideAs asks a policy with the identity as that policy knows it: who owns an agent is the policy's word.
func decideAs(p *policy.Policy, r policy.Request) policy.Decision {
	id := identity(p, r.Identity.Principal(), r.Identity.Task)
	id.Delegation = r.Identity.Delegation
	r.Identity = id
	return p.Decide(r)
}

// differenceKey is the same for one line of one identity on one target with the same two outcomes.
func differenceKey(r policy.Request, old, new policy.Decision) string {
	return strings.Join([]string{whoAsks(r), r.Target, string(r.Login), r.Plan.String(), string(old.Verdict), string(new.Verdict)}, "\x00")
}

// requestKey is the same for equal questions.
func requestKey(r policy.Request) string {
	text, err := json.Marshal(r)
	if err != nil {
		return "" // requests hold only plain values
	}
	return string(text)
}

// Simulate decides a history again, by a proposed policy, and compares with what was decided then.
func Simulate(proposed *policy.Policy, history History) (Changes, error) {
	var set changeSet
	for record, err := range history {
		if err != nil {
			return Changes{}, err
		}
		r := record.request()
		after := decideAs(proposed, r)
		if record.Approved {
			after = proposed.Permit(after) // they would have been asked again
		}
		set.add(r, record.Time, policy.Decision{Verdict: record.Verdict, Code: record.Code, Rules: record.Rules}, after)
	}
	return set.result(), nil
}

// Difference is one request that two policies decided at the same moment.
type Difference struct {
	Record   Record          // what was in force
	Proposed policy.Decision // by the other policy
}

// Gather sums up differences that were found elsewhere: by a shadow policy.
func Gather(found iter.Seq2[Difference, error]) (Changes, error) {
	var set changeSet
	for d, err := range found {
		if err != nil {
			return Changes{}, err
		}
		set.add(d.Record.Request, d.Record.Time, policy.Decision{Verdict: d.Record.Verdict, Code: d.Record.Code, Rules: d.Record.Rules}, d.Proposed)
	}
	return set.result(), nil
}
