package policy

import "time"

// BudgetPer is what a budget is spent by.
type BudgetPer string

// The two: each task of an identity has one, or each day.
const (
	PerTask BudgetPer = "task"
	PerDay  BudgetPer = "day" // of UTC
)

// Budget is what an identity may use up in all. Zero values bound nothing.
type Budget struct {
	Per      BudgetPer `json:"per"`
	Commands int64     `json:"commands,omitempty"`
	Denials  int64     `json:"denials,omitempty"`
	Hosts    int64     `json:"hosts,omitempty"`
	BytesOut int64     `json:"bytes_out,omitempty"`
	Writes   int64     `json:"writes,omitempty"` // operations that change a file, and transfers that may
	Wall     int64     `json:"wall,omitempty"`   // seconds of sessions
	Sessions int64     `json:"sessions,omitempty"`
}

// maxBudgetTime bounds the wall time of a budget.
const maxBudgetTime = 365 * 24 * time.Hour

// Budget returns the budget of an identity; ok is false if no role of it in the policy has one. Of several the stricter bound holds.
// Roles that are held for a time bring none.
func (p *Policy) Budget(id Identity) (b Budget, ok bool) {
	s := p.subject(id.Kind, id.Name)
	if s == nil {
		return Budget{}, false
	}
	b = s.budget()
	return b, b != Budget{}
}

func (s *subject) budget() Budget {
	var b Budget
	for _, r := range s.roles {
		b = b.tighten(r.budget)
	}
	return b
}

func (b Budget) tighten(other Budget) Budget {
	if b.Per == "" {
		return other
	}
	b.Commands = smaller(b.Commands, other.Commands)
	b.Denials = smaller(b.Denials, other.Denials)
	b.Hosts = smaller(b.Hosts, other.Hosts)
	b.BytesOut = smaller(b.BytesOut, other.BytesOut)
	b.Writes = smaller(b.Writes, other.Writes)
	b.Wall = smaller(b.Wall, other.Wall)
	b.Sessions = smaller(b.Sessions, other.Sessions)
	return b
}

func readBudget(v value) Budget {
	var b Budget
	v.fields(map[string]func(value){
		"per": func(v value) {
			text, _ := v.word(string(PerTask), string(PerDay))
			b.Per = BudgetPer(text)
		},
		"commands":  func(v value) { b.Commands = v.count(maxLimitCount) },
		"denials":   func(v value) { b.Denials = v.count(maxLimitCount) },
		"hosts":     func(v value) { b.Hosts = v.count(maxLimitCount) },
		"bytes_out": func(v value) { b.BytesOut = v.bytes() },
		"writes":    func(v value) { b.Writes = v.count(maxLimitCount) },
		"wall": func(v value) {
			d, _ := v.duration(maxBudgetTime)
			b.Wall = seconds(d)
		},
		"sessions": func(v value) { b.Sessions = v.count(maxLimitCount) },
	})
	switch {
	case b.Per == "":
		v.problem("%s needs per: task or per: day", v.what)
	case b == Budget{Per: b.Per}:
		v.problem("%s bounds nothing: say commands, denials, hosts, bytes_out, writes, wall or sessions", v.what)
	}
	return b
}

// checkOnePer reports a name whose roles have budgets per task and per day.
func checkOnePer(v value, s *subject) {
	per := BudgetPer("")
	for _, r := range s.roles {
		if per != "" && r.budget.Per != "" && r.budget.Per != per {
			v.problem("%s has roles with a budget per task and with one per day, and one of them counts: give all the same per", v.what)
			return
		}
		if per == "" {
			per = r.budget.Per
		}
	}
}
