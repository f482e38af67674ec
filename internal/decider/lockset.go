package decider

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"gatehouse/policy"
	"gatehouse/policy/access"
)

// lockable is somebody or something about which is asked whether a lock stands. What is empty matches nothing.
type lockable struct {
	kind       policy.Kind
	name       string
	owner      string
	task       string
	delegation string
	connection string
	session    string
	target     string
	rules      []string
}

// lockSet answers whether anything stands against somebody, from memory and without waiting. It holds locks, or pauses. The zero
// value is empty. Safe for concurrent use; set replaces all of it at once.
type lockSet struct{ at atomic.Pointer[lockIndex] }

type lockIndex struct {
	by     map[access.Subject][]access.Lock
	groups []access.Subject
	all    []access.Lock // oldest first
}

func (s *lockSet) set(all []access.Lock) {
	x := &lockIndex{by: map[access.Subject][]access.Lock{}, all: all}
	for _, l := range all {
		if len(x.by[l.What]) == 0 && l.What.Kind == access.LockGroup {
			x.groups = append(x.groups, l.What)
		}
		x.by[l.What] = append(x.by[l.What], l)
	}
	s.at.Store(x)
}

// standing are the locks that stand now, oldest first.
func (s *lockSet) standing(now time.Time) []access.Lock {
	out := []access.Lock{}
	if x := s.at.Load(); x != nil {
		for _, l := range x.all {
			if stands(l, now) {
				out = append(out, l)
			}
		}
	}
	return out
}

func stands(l access.Lock, now time.Time) bool { return l.Until.IsZero() || now.Before(l.Until) }

// against finds the lock that stands against a holder. That of everything stands against everybody.
func (s *lockSet) against(pol *policy.Policy, now time.Time, h lockable) (access.Lock, bool) {
	x := s.at.Load()
	if x == nil || len(x.all) == 0 {
		return access.Lock{}, false
	}
	for _, l := range x.by[access.Subject{Kind: access.LockEverything}] {
		if stands(l, now) {
			return l, true
		}
	}
	return s.besides(pol, now, h)
}

// besides finds the lock that stands against a holder, apart from that of everything.
func (s *lockSet) besides(pol *policy.Policy, now time.Time, h lockable) (access.Lock, bool) {
	x := s.at.Load()
	if x == nil || len(x.all) == 0 {
		return access.Lock{}, false
	}
	for _, what := range h.subjects() {
		for _, l := range x.by[what] {
			if stands(l, now) {
				return l, true
			}
		}
	}
	for _, g := range x.groups {
		for _, l := range x.by[g] {
			if stands(l, now) && h.of(pol, g.Value) {
				return l, true
			}
		}
	}
	return access.Lock{}, false
}

// everything finds the lock of everything.
func (s *lockSet) everything(now time.Time) (access.Lock, bool) {
	return s.against(nil, now, lockable{})
}

// subjects are all that would stand against the holder but groups and everything.
func (h lockable) subjects() []access.Subject {
	list := make([]access.Subject, 0, 8+len(h.rules))
	add := func(kind access.LockKind, value string) {
		if value != "" {
			list = append(list, access.Subject{Kind: kind, Value: value})
		}
	}
	add(access.LockKind(h.kind), h.name)
	add(access.LockOwner, h.owner)
	add(access.LockTask, h.task)
	add(access.LockConnection, h.connection)
	add(access.LockSession, h.session)
	add(access.LockTarget, h.target)
	for _, rule := range h.rules {
		add(access.LockRule, rule)
	}
	return append(list, h.chain()...)
}

// chain are the agents and people who handed the work on.
func (h lockable) chain() []access.Subject {
	var list []access.Subject
	if h.delegation == "" {
		return nil
	}
	for link := range strings.SplitSeq(h.delegation, ">") {
		kind, name, ok := strings.Cut(link, ":")
		if ok && (kind == string(policy.Agent) || kind == string(policy.Person)) {
			list = append(list, access.Subject{Kind: access.LockKind(kind), Value: name})
		}
	}
	return list
}

// of reports whether the holder is a member of a group, or an agent that the group or one of its members owns, or works for one
// who is.
func (h lockable) of(pol *policy.Policy, group string) bool {
	if pol == nil {
		return false
	}
	members := pol.Members(group)
	in := func(kind access.LockKind, name string) bool {
		if kind == access.LockPerson {
			return slices.Contains(members, name)
		}
		return slices.ContainsFunc(pol.Owners(name), func(p string) bool { return slices.Contains(members, p) })
	}
	if owner, ok := strings.CutPrefix(h.owner, "group:"); ok && owner == group {
		return true
	}
	if owner, ok := strings.CutPrefix(h.owner, "person:"); ok && slices.Contains(members, owner) {
		return true
	}
	if h.kind == policy.Person && slices.Contains(members, h.name) {
		return true
	}
	return slices.ContainsFunc(h.chain(), func(s access.Subject) bool { return in(s.Kind, s.Value) })
}

// lockText names what is locked, as people type it.
func lockText(what access.Subject) string {
	if what.Kind == access.LockEverything {
		return string(what.Kind)
	}
	return string(what.Kind) + ":" + what.Value
}

// lockLine is the one line for whoever meets a lock.
func lockLine(l access.Lock) string {
	line := fmt.Sprintf("%s is locked by %s since %s (%s): %s", lockText(l.What), l.By, l.At.UTC().Format("15:04:05Z"), l.ID, l.Reason)
	if !l.Until.IsZero() {
		line += "; until " + l.Until.UTC().Format(time.RFC3339)
	}
	return line
}
