package search

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// filters are the filters by name; each takes its value, and says what would be right if that is not.
var filters = map[string]func(q *Query, value string, now time.Time) (want string){
	"agent":   func(q *Query, v string, _ time.Time) string { q.Agent = strings.TrimPrefix(v, "agent:"); return "" },
	"person":  func(q *Query, v string, _ time.Time) string { q.Person = strings.TrimPrefix(v, "person:"); return "" },
	"owner":   func(q *Query, v string, _ time.Time) string { q.Owner = v; return "" },
	"target":  func(q *Query, v string, _ time.Time) string { q.Target = v; return "" },
	"task":    func(q *Query, v string, _ time.Time) string { q.Task = v; return "" },
	"login":   func(q *Query, v string, _ time.Time) string { q.Login = v; return "" },
	"session": func(q *Query, v string, _ time.Time) string { q.Session = v; return "" },
	"verdict": func(q *Query, v string, _ time.Time) string { return oneOf(&q.Verdict, v, "allow", "deny") },
	"in":      func(q *Query, v string, _ time.Time) string { return oneOf(&q.In, v, Commands, Output) },
	"since":   func(q *Query, v string, now time.Time) string { return moment(&q.Since, v, now, 0) },
	"until":   func(q *Query, v string, now time.Time) string { return moment(&q.Until, v, now, 1) },
}

// Filters lists the names of the filters, in the order in which they are explained.
func Filters() []string {
	return []string{"agent", "person", "owner", "target", "task", "login", "session", "verdict", "in", "since", "until"}
}

// IsFilter says whether a filter has this name.
func IsFilter(name string) bool { return filters[name] != nil }

func oneOf(to *string, value string, values ...string) (want string) {
	if !slices.Contains(values, value) {
		return strings.Join(values, " or ")
	}
	*to = value
	return ""
}

// wantTime says how a time is written.
const wantTime = "a date as 2026-11-28, a time as 2026-11-28T14:00:00Z, or how long ago as 30m, 2h, 3d or 2w"

// Time reads a time as the filter of this name, since or until, does. Without one it is zero.
func Time(filter, value string, now time.Time) (at time.Time, err error) {
	days := 0
	if filter == "until" {
		days = 1
	}
	if value == "" {
		return at, nil
	}
	if want := moment(&at, value, now, days); want != "" {
		return at, fmt.Errorf("%s takes %s", filter, want)
	}
	return at, nil
}

// moment reads a time. A date is the day's beginning in UTC, or that of the days after it.
func moment(to *time.Time, value string, now time.Time, days int) (want string) {
	if t, err := time.Parse(time.DateOnly, value); err == nil {
		*to = t.AddDate(0, 0, days)
	} else if t, err := time.Parse(time.RFC3339, value); err == nil {
		*to = t.UTC()
	} else if ago, ok := duration(value); ok {
		*to = now.Add(-ago).UTC()
	}
	if to.IsZero() || to.Year() < 1970 || to.Year() > 2200 {
		*to = time.Time{}
		return wantTime
	}
	return ""
}

// units are those of durations that Go does not know.
var units = map[string]time.Duration{"d": 24 * time.Hour, "w": 7 * 24 * time.Hour}

// maxAgo keeps durations far from where they would not fit.
const maxAgo = 100 * 365 * 24 * time.Hour

func duration(value string) (time.Duration, bool) {
	if d, err := time.ParseDuration(value); err == nil {
		return d, d >= 0 && d <= maxAgo
	}
	if value == "" {
		return 0, false
	}
	number, unit := value[:len(value)-1], units[value[len(value)-1:]]
	n, err := strconv.ParseUint(number, 10, 16)
	return time.Duration(n) * unit, err == nil && unit > 0 && time.Duration(n)*unit <= maxAgo
}

// filter reads the value of a filter.
func (p *parser) filter(begin int, key string) error {
	p.take(len(key) + 1)
	at := p.at
	value := ""
	if strings.HasPrefix(p.rest, `"`) {
		var err error
		if value, err = p.quoted(); err != nil {
			return err
		}
		if p.rest != "" && !unicode.IsSpace(firstRune(p.rest)) {
			return p.errorf(p.at, "a blank is missing after the quotation mark")
		}
	} else {
		value = p.take(wordEnd(p.rest))
	}
	if value == "" {
		return p.errorf(at, "%s: is followed by a value, without a blank", key)
	}
	if p.given[key] {
		return p.errorf(begin, "%s: is given twice", key)
	}
	p.given[key] = true
	if want := filters[key](p.q, value, p.now); want != "" {
		return p.errorf(at, "%s: takes %s", key, want)
	}
	return nil
}

// Filter writes a filter as a query has it, for whoever puts one together of a form's fields. A value that cannot be written as
// a word is quoted.
func Filter(name, value string) string {
	if value == "" || strings.HasPrefix(value, `"`) || strings.ContainsFunc(value, unicode.IsSpace) {
		value = `"` + strings.ReplaceAll(value, `"`, `\"`) + `"`
	}
	return name + ":" + value
}
