package access

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Book is all that is open: requests that are pending, grants that live or still have to be reviewed, locks and aways. A method that
// changes something checks it and returns the Change, and Apply makes it true: so whoever keeps the book can make the change durable in
// between, and what Apply was not called for has not happened. Of two changes that were made before either was applied, Apply refuses the
// second: whoever stores changes first holds one lock from making a change to applying it, or asks Stale under the lock that orders what is
// stored. Not safe for concurrent use, reading included.
//
// Deadlines are compared with the time that a method is given. What was once seen past its deadline is ended for this book, whatever a
// clock says later; Expire says so for good, and is to be called at NextDeadline and after NewBook. A clock that is set back lets what has
// not ended live as much longer.
type Book struct {
	requests map[string]Request
	grants   map[string]Grant
	locks    map[string]Lock
	aways    map[string]Away

	asked   byPrincipal     // ids of requests
	held    byPrincipal     // ids of grants that live
	past    map[string]bool // ids that were seen past their deadline, and have not been ended yet
	version uint64
}

// Change is what becomes of things: whole objects in their new state. Its zero value changes nothing.
type Change struct {
	Requests []Request
	Grants   []Grant
	Locks    []Lock   // made, or wanted lifted by one more
	Unlocked []string // ids of locks that stand no more
	Aways    []Away
	Returned []string // ids of aways that are over

	book    *Book // that it was made from, and its version then
	version uint64
}

// Empty reports whether it changes nothing.
func (c Change) Empty() bool {
	return len(c.Requests)+len(c.Grants)+len(c.Locks)+len(c.Unlocked)+len(c.Aways)+len(c.Returned) == 0
}

// NewBook makes a book of what was stored; what is not open any more is left out.
func NewBook(stored Change) *Book {
	b := &Book{
		requests: map[string]Request{}, grants: map[string]Grant{}, locks: map[string]Lock{}, aways: map[string]Away{},
		asked: byPrincipal{}, held: byPrincipal{}, past: map[string]bool{},
	}
	b.take(stored)
	return b
}

// Stale reports whether a change was made from what the book is no more, or from another book, so that Apply would refuse it. It is to be
// asked before the change is stored, unless the book was locked since it was made.
func (b *Book) Stale(c Change) bool { return c.book != b || c.version != b.version }

// Apply makes a change true, or refuses it with ErrStale because another one was applied since it was made.
func (b *Book) Apply(c Change) error {
	if c.Empty() {
		return nil
	}
	if b.Stale(c) {
		return ErrStale
	}
	b.version++
	b.take(c)
	return nil
}

// take puts objects to their new state, and drops those that are not open any more.
func (b *Book) take(c Change) {
	for _, r := range c.Requests {
		put(b, b.requests, r.ID, r, r.Open(), !r.Open())
		b.asked.set(r.By.Principal, r.ID, r.Open())
	}
	for _, g := range c.Grants {
		put(b, b.grants, g.ID, g, g.Open(), !g.Ended.IsZero())
		b.held.set(g.By.Principal, g.ID, g.Ended.IsZero())
	}
	for _, l := range c.Locks {
		put(b, b.locks, l.ID, l, true, false)
	}
	for _, a := range c.Aways {
		put(b, b.aways, a.ID, a, true, false)
	}
	for _, id := range c.Unlocked {
		put(b, b.locks, id, Lock{}, false, true)
	}
	for _, id := range c.Returned {
		put(b, b.aways, id, Away{}, false, true)
	}
}

// put keeps what is open, and forgets that something was seen past its deadline once it has ended.
func put[T any](b *Book, list map[string]T, id string, value T, open, ended bool) {
	if open {
		list[id] = value
	} else {
		delete(list, id)
	}
	if ended {
		delete(b.past, id)
	}
}

// byPrincipal are ids of what is somebody's.
type byPrincipal map[string]map[string]bool

// set says whether an id is among them.
func (p byPrincipal) set(principal, id string, among bool) {
	mine := p[principal]
	switch {
	case among && mine == nil:
		p[principal] = map[string]bool{id: true}
	case among:
		mine[id] = true
	default:
		if delete(mine, id); len(mine) == 0 {
			delete(p, principal)
		}
	}
}

// change is an empty change of the book as it is.
func (b *Book) change() Change { return Change{book: b, version: b.version} }

// isPast reports whether something is past its deadline, or was once seen so.
func (b *Book) isPast(id string, now, deadline time.Time) bool {
	if !b.past[id] && !deadline.IsZero() && !now.Before(deadline) {
		b.past[id] = true
	}
	return b.past[id]
}

// Request returns an open request.
func (b *Book) Request(id string) (Request, bool) { r, ok := b.requests[id]; return r, ok }

// Grant returns a grant that lives, or was by break-glass and has to be reviewed.
func (b *Book) Grant(id string) (Grant, bool) { g, ok := b.grants[id]; return g, ok }

// Lock returns a lock that stands.
func (b *Book) Lock(id string) (Lock, bool) { l, ok := b.locks[id]; return l, ok }

// Requests lists the open requests, the oldest first.
func (b *Book) Requests() []Request { return sorted(b.requests) }

// Grants lists the open grants, the oldest first.
func (b *Book) Grants() []Grant { return sorted(b.grants) }

// Locks lists the locks, the oldest first.
func (b *Book) Locks() []Lock { return sorted(b.locks) }

// Aways lists who is or will be away.
func (b *Book) Aways() []Away { return sorted(b.aways) }

func sorted[T any](list map[string]T) []T {
	values := make([]T, 0, len(list))
	for _, id := range slices.Sorted(maps.Keys(list)) {
		values = append(values, list[id])
	}
	return values
}

// Expire ends whatever is past its time.
func (b *Book) Expire(now time.Time) Change {
	c := b.change()
	if next, ok := b.NextDeadline(); !ok || next.After(now) {
		return c
	}
	for _, r := range sorted(b.requests) {
		if b.isPast(r.ID, now, r.Expires) {
			c.Requests = append(c.Requests, r.end(Expired, now, "nobody decided in time"))
		}
	}
	for _, g := range sorted(b.grants) {
		if g.Ended.IsZero() && b.isPast(g.ID, now, g.deadline()) {
			cause, why := g.lapse()
			c.Grants = append(c.Grants, g.end(cause, now, why))
		}
	}
	for _, l := range sorted(b.locks) {
		if b.isPast(l.ID, now, l.Until) {
			c.Unlocked = append(c.Unlocked, l.ID)
		}
	}
	for _, a := range sorted(b.aways) {
		if b.isPast(a.ID, now, a.Until) {
			c.Returned = append(c.Returned, a.ID)
		}
	}
	return c
}

// NextDeadline is when Expire has something to do next, the zero time if it has already; ok is false if nothing has a deadline.
func (b *Book) NextDeadline() (next time.Time, ok bool) {
	if len(b.past) > 0 {
		return time.Time{}, true
	}
	sooner := func(at time.Time) {
		if !at.IsZero() && (!ok || at.Before(next)) {
			next, ok = at, true
		}
	}
	for _, r := range b.requests {
		sooner(r.Expires)
	}
	for _, g := range b.grants {
		if g.Ended.IsZero() {
			sooner(g.deadline())
		}
	}
	for _, l := range b.locks {
		sooner(l.Until)
	}
	for _, a := range b.aways {
		sooner(a.Until)
	}
	return next, ok
}

// fresh checks the id of something that is made.
func fresh[T any](list map[string]T, what, prefix, id string) error {
	if err := checkID(what, prefix, id); err != nil {
		return err
	}
	if _, used := list[id]; used {
		return invalid("there is a %s %s already", what, id)
	}
	return nil
}

// clip shortens a text of ours to what is stored.
func clip(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "")
}

// plural is a number of things.
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
