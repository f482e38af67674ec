package decider

import (
	"fmt"
	"time"

	"gatehouse/policy"
)

// denialSpan is how long a denial counts against a role's limit of them.
const denialSpan = time.Hour

// maxDenied bounds the identities whose denials are counted, and maxCounted the denials of one. At the first bound new identities
// are not counted; a limit above the second is that.
const (
	maxDenied  = 100_000
	maxCounted = 10_000
)

// quota denies what a role's limits or the identity's budget leave no room for, and counts what is denied within an hour.
func (d *Decider) quota(r *ruling) {
	d.limitDenials(r)
	d.withinBudget(r)
}

// limitDenials denies what comes after too many denials, and counts them.
func (d *Decider) limitDenials(r *ruling) {
	dec := &r.out.Decision
	limit := min(dec.Obligations.Denials, maxCounted)
	if limit == 0 {
		return
	}
	now := d.cfg.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	who := r.who.Principal()
	recent := since(d.denials[who], now.Add(-denialSpan))
	switch {
	case int64(len(recent)) >= limit:
		*dec = policy.Decision{Verdict: policy.Deny, Code: policy.CodeQuota, PolicyHash: dec.PolicyHash,
			Reason: fmt.Sprintf("%d commands of %s were denied within an hour, which is the limit; wait, or ask the owner to look at them", len(recent), who)}
	case dec.Verdict == policy.Deny && dec.Code != policy.CodeDryRun && dec.Code != policy.CodeQuota:
		if _, counted := d.denials[who]; counted || len(d.denials) < maxDenied {
			recent = append(recent, now)
		}
		r.out.DenialsLeft = limit - int64(len(recent))
	}
	if len(recent) == 0 {
		delete(d.denials, who)
		return
	}
	d.denials[who] = recent
}

// since returns the times after start of an ordered list.
func since(times []time.Time, start time.Time) []time.Time {
	for len(times) > 0 && !times[0].After(start) {
		times = times[1:]
	}
	return append([]time.Time(nil), times...)
}
