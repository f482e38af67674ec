package lab

import (
	"iter"
	"time"

	"gatehouse/policy"
)

// Record is one decision that was made, as the audit log has it.
type Record struct {
	Request policy.Request // Facts: what was known then, or assumed
	Verdict policy.Verdict
	Code    policy.Code
	Rules   []string
	Time    time.Time

	Approved bool // people approved it: it was allowed where the policy asks
}

// History is decisions in any order. An error ends it.
type History iter.Seq2[Record, error]

// Of makes a history of records.
func Of(records ...Record) History {
	return func(yield func(Record, error) bool) {
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// request is a record's request with facts: those that it has, or assumed ones.
func (r Record) request() policy.Request {
	q := r.Request
	if known := q.Facts; known.Home == "" && known.Programs == nil && known.Paths == nil && known.Globs == nil {
		q.Facts = assumed
	}
	if q.Now.IsZero() {
		q.Now = r.Time
	}
	return q
}
