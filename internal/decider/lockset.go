package decider

import (
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"gatehouse/policy"
	"gatehouse/policy/access"
)

// lockSet answers whether anything stands against somebody, from memory and without waiting. It holds locks, or pauses. The zero
// value is empty. The clock is read only where there is something. Safe for concurrent use; set replaces all of it at once.
type lockSet struct{ at atomic.Pointer[lockIndex] }

// lockIndex finds most locks by what they name. Whom an owner or a group means, the policy says.
type lockIndex struct {
	by  map[access.Subject][]access.Lock
	org []access.Lock
	all []access.Lock // oldest first
}

func (s *lockSet) set(all []access.Lock) { s.setNamed(all, nil) }

// setNamed replaces them; named are, by a lock's id, all subjects that it holds against where that is more than its own.
func (s *lockSet) setNamed(all []access.Lock, named map[string][]access.Subject) {
	x := &lockIndex{by: map[access.Subject][]access.Lock{}, all: all}
	for _, l := range all {
		switch {
		case l.What.Kind == access.LockOwner || l.What.Kind == access.LockGroup:
			x.org = append(x.org, l)
		case len(named[l.ID]) > 0:
			for _, what := range named[l.ID] {
				x.by[what] = append(x.by[what], l)
			}
		default:
			x.by[l.What] = append(x.by[l.What], l)
		}
	}
	s.at.Store(x)
}

// standing are the locks that stand now, oldest first.
func (s *lockSet) standing(now func() time.Time) []access.Lock {
	out := []access.Lock{}
	if x := s.at.Load(); x != nil && len(x.all) > 0 {
		at := now()
		for _, l := range x.all {
			if stands(l, at) {
				out = append(out, l)
			}
		}
	}
	return out
}

func stands(l access.Lock, now time.Time) bool { return l.Until.IsZero() || now.Before(l.Until) }

// everything finds the lock of everything.
func (s *lockSet) everything(now func() time.Time) (access.Lock, bool) {
	return s.first(now, access.Subject{Kind: access.LockEverything})
}

// first finds a lock of one of these.
func (s *lockSet) first(now func() time.Time, subjects ...access.Subject) (access.Lock, bool) {
	x := s.at.Load()
	if x == nil || len(x.by) == 0 {
		return access.Lock{}, false
	}
	at := now()
	for _, what := range subjects {
		for _, l := range x.by[what] {
			if stands(l, at) {
				return l, true
			}
		}
	}
	return access.Lock{}, false
}

// against finds the lock that stands against what a question is about. That of everything stands against all.
func (s *lockSet) against(pol *policy.Policy, now func() time.Time, q access.Question) (access.Lock, bool) {
	if l, found := s.everything(now); found {
		return l, true
	}
	return s.besides(pol, now, q)
}

// besides is against without the lock of everything.
func (s *lockSet) besides(pol *policy.Policy, now func() time.Time, q access.Question) (access.Lock, bool) {
	x := s.at.Load()
	if x == nil || len(x.all) == 0 {
		return access.Lock{}, false
	}
	if l, found := s.first(now, subjectsOf(q)...); found {
		return l, true
	}
	for _, l := range x.org {
		if pol != nil && l.Holds(pol, now(), q) {
			return l, true
		}
	}
	return access.Lock{}, false
}

// subjectsOf are all that a question names which a lock can be of, but owners, groups and everything.
func subjectsOf(q access.Question) []access.Subject {
	list := make([]access.Subject, 0, 6+len(q.Rules))
	add := func(kind access.LockKind, value string) {
		if value != "" {
			list = append(list, access.Subject{Kind: kind, Value: value})
		}
	}
	actor := func(principal string) {
		if kind, name, ok := strings.Cut(strings.TrimSpace(principal), ":"); ok && (kind == string(policy.Agent) || kind == string(policy.Person)) {
			add(access.LockKind(kind), name)
		}
	}
	actor(q.By.Principal)
	for link := range strings.SplitSeq(q.By.Delegation, ">") {
		actor(link)
	}
	add(access.LockTask, q.By.Task)
	add(access.LockConnection, q.Connection)
	add(access.LockSession, q.Session)
	add(access.LockTarget, q.Target)
	for _, rule := range q.Rules {
		add(access.LockRule, rule)
	}
	return list
}

// lockLine is the one line for whoever meets a lock.
func lockLine(l access.Lock) string {
	line := fmt.Sprintf("%s is locked by %s since %s (%s): %s", l.What, l.By, l.At.UTC().Format("15:04:05Z"), l.ID, l.Reason)
	if !l.Until.IsZero() {
		line += "; until " + l.Until.UTC().Format(time.RFC3339)
	}
	return line
}
