package access

import (
	"slices"
	"strings"
	"time"

	"gatehouse/policy"
)

// rootPrincipal is root on this machine.
const rootPrincipal = "local:root"

// liftEverything is how many people must want the lock of everything lifted.
const liftEverything = 2

// Question is what is about to happen, or goes on, as locks see it. What is not known stays empty.
type Question struct {
	By         Requester
	Session    string
	Connection string
	Target     string
	Rules      []string // of the policy, that allow it
}

// Holds reports whether a lock stops what a question is about, at that time.
func (l Lock) Holds(org Org, now time.Time, q Question) bool {
	return (l.Until.IsZero() || now.Before(l.Until)) && l.What.concerns(org, q)
}

// concerns reports whether a subject is part of what a question is about.
func (s Subject) concerns(org Org, q Question) bool {
	if s.Kind == LockEverything {
		return true
	}
	if s.Value == "" {
		return false
	}
	switch s.Kind {
	case LockSession:
		return q.Session == s.Value
	case LockConnection:
		return q.Connection == s.Value
	case LockTask:
		return q.By.Task == s.Value
	case LockTarget:
		return q.Target == s.Value
	case LockRule:
		return slices.Contains(q.Rules, s.Value)
	case LockAgent, LockPerson:
		return slices.Contains(q.By.actors(), string(s.Kind)+":"+s.Value)
	case LockOwner:
		return s.owns(org, q.By)
	case LockGroup:
		return s.groups(org, q.By)
	}
	return false
}

// actors are the requester and all that handed the work on.
func (by Requester) actors() []string {
	list := []string{by.Principal}
	for link := range strings.SplitSeq(by.Delegation, ">") {
		list = append(list, strings.TrimSpace(link))
	}
	return list
}

// agents are those among them, without "agent:".
func (by Requester) agents() []string {
	var list []string
	for _, principal := range by.actors() {
		if agent, ok := cut(principal, string(policy.Agent)+":"); ok {
			list = append(list, agent)
		}
	}
	return list
}

// owns reports whether the subject owns the requester, or an agent that handed the work on: as its owner is written, or as all of its people.
func (s Subject) owns(org Org, by Requester) bool {
	if by.Owner == s.Value {
		return true
	}
	mine := org.OwnersOf(s.Value)
	return slices.ContainsFunc(by.agents(), func(agent string) bool {
		owners := org.Owners(agent)
		return len(owners) > 0 && !slices.ContainsFunc(owners, func(o string) bool { return !slices.Contains(mine, o) })
	})
}

// groups reports whether a member of the group acts, handed the work on, or owns an agent that did.
func (s Subject) groups(org Org, by Requester) bool {
	if by.Owner == "group:"+s.Value {
		return true
	}
	members := org.Members(s.Value)
	return slices.ContainsFunc(stakes(org, by), func(x stake) bool { return slices.Contains(members, x.person) })
}

// validate checks what is locked.
func (s Subject) validate() error {
	kinds := []LockKind{LockSession, LockConnection, LockAgent, LockPerson, LockOwner, LockTask, LockTarget, LockGroup, LockRule, LockEverything}
	switch {
	case !slices.Contains(kinds, s.Kind):
		return invalid("nothing of the kind %q can be locked", s.Kind)
	case (s.Kind == LockEverything) != (s.Value == ""):
		return invalid("a lock names one thing: KIND:NAME, or everything")
	case s.Kind == LockOwner && !strings.HasPrefix(s.Value, "person:") && !strings.HasPrefix(s.Value, "group:"):
		return invalid("an owner is person:NAME or group:NAME, not %q", s.Value)
	}
	return oneLine("name", s.Value, maxName)
}

// Validate reports what of a new lock cannot be meant.
func (l Lock) Validate(now time.Time) error {
	for _, err := range []error{checkID("lock", "lck_", l.ID), l.What.validate(), oneLine("reason", l.Reason, maxReason), oneLine("name", l.By, maxName)} {
		if err != nil {
			return err
		}
	}
	switch {
	case l.Reason == "":
		return invalid("a lock needs a reason")
	case l.By == "":
		return invalid("a lock is somebody's")
	case !l.Until.IsZero() && !now.Before(l.Until):
		return invalid("the lock would end before it begins")
	case !l.Until.IsZero() && l.Until.Sub(now) > maxLock:
		return invalid("a lock with an end stands for at most ten years; without one it stands until it is lifted")
	}
	return nil
}

// Lift is the lock after one more wants it lifted, a person or root on this machine, and whether it is lifted with that: everything needs two
// people who may both act. whose are the requesters that the lock stops, for a session, a connection or a task of which they are known: nobody
// lifts what was done to them or theirs. The caller knows that the policy lets them lift locks.
func (l Lock) Lift(org Org, by string, whose ...Requester) (after Lock, lifted bool, err error) {
	person, ok := personOf(by)
	switch {
	case ok && !org.Enabled(person):
		return l, false, refused("the policy does not let %s act", by)
	case ok:
		if why := l.What.involves(org, person, whose); why != "" {
			return l, false, refused("%s", why)
		}
	case by != rootPrincipal:
		return l, false, refused("a person lifts locks, not %s", by)
	case l.What.Kind == LockEverything:
		return l, false, refused("two people lift the lock of everything, each with a certificate of their own")
	}
	if l.What.Kind != LockEverything {
		return l, true, nil
	}
	if slices.Contains(l.Lifts, by) {
		return l, false, refused("%s wants it lifted already: one more person is needed", by)
	}
	l.Lifts = append(slices.DeleteFunc(slices.Clone(l.Lifts), func(name string) bool {
		person, ok := personOf(name)
		return !ok || !org.Enabled(person)
	}), by)
	return l, len(l.Lifts) >= liftEverything, nil
}

// involves says why a person may not lift a lock of that subject.
func (s Subject) involves(org Org, person string, whose []Requester) string {
	switch s.Kind {
	case LockAgent, LockPerson:
		whose = append(slices.Clip(whose), Requester{Principal: string(s.Kind) + ":" + s.Value})
	case LockOwner:
		whose = append(slices.Clip(whose), Requester{Owner: s.Value})
	case LockGroup:
		whose = append(slices.Clip(whose), Requester{Owner: "group:" + s.Value})
	}
	for _, by := range whose {
		if Conflict(org, by, person) != "" {
			return "nobody lifts a lock that stops them or theirs: person:" + person + " is concerned by " + s.String()
		}
	}
	return ""
}

// String is the subject as it is written, "agent:bot" or "everything".
func (s Subject) String() string {
	if s.Value == "" {
		return string(s.Kind)
	}
	return string(s.Kind) + ":" + s.Value
}

// cut is what follows a prefix, if it is one.
func cut(s, prefix string) (string, bool) {
	rest, ok := strings.CutPrefix(s, prefix)
	return rest, ok && rest != ""
}

// SetLock makes a lock. Those of everything have room of their own above the bound.
func (b *Book) SetLock(now time.Time, l Lock) (Change, error) {
	l.At, l.Lifts = now.UTC(), nil
	if err := l.Validate(now); err != nil {
		return Change{}, err
	}
	if err := fresh(b.locks, "lock", "lck_", l.ID); err != nil {
		return Change{}, err
	}
	room := MaxLocks
	if l.What.Kind == LockEverything {
		room += reserve
	}
	if len(b.locks) >= room {
		return Change{}, full("%d locks stand, which is the most: lift some, or lock everything", len(b.locks))
	}
	c := b.change()
	c.Locks = []Lock{l}
	return c, nil
}

// Unlock lifts a lock, or adds a person to those who want it lifted (Lock.Lift).
func (b *Book) Unlock(org Org, now time.Time, id, by string, whose ...Requester) (Change, error) {
	l, ok := b.locks[id]
	if !ok || b.isPast(id, now, l.Until) {
		return Change{}, notFound("lock", id)
	}
	after, lifted, err := l.Lift(org, by, whose...)
	if err != nil {
		return Change{}, err
	}
	c := b.change()
	if lifted {
		c.Unlocked = []string{id}
	} else {
		c.Locks = []Lock{after}
	}
	return c, nil
}

// Locked returns the lock that stops what a question is about: that of everything before others, then the oldest.
func (b *Book) Locked(org Org, now time.Time, q Question) (Lock, bool) {
	var found Lock
	for _, l := range b.locks {
		if b.isPast(l.ID, now, l.Until) || !l.Holds(org, now, q) {
			continue
		}
		if found.ID == "" || l.before(found) {
			found = l
		}
	}
	return found, found.ID != ""
}

// before orders locks that both stop something.
func (l Lock) before(other Lock) bool {
	if all := l.What.Kind == LockEverything; all != (other.What.Kind == LockEverything) {
		return all
	}
	return l.ID < other.ID
}
