package decider

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse/internal/decider/privilege"
	"gatehouse/internal/decider/protocol"
	"gatehouse/internal/id"
	"gatehouse/policy"
	"gatehouse/policy/access"
)

// scopeOf reads what a kill, a pause or a resume is about: "all", a session's id, a principal, or "owner:…" and the like.
func scopeOf(object string) access.Subject {
	switch kind, value, _ := strings.Cut(object, ":"); {
	case object == "all":
		return access.Subject{Kind: access.LockEverything}
	case id.Valid(id.Session, object):
		return access.Subject{Kind: access.LockSession, Value: object}
	default:
		return access.Subject{Kind: access.LockKind(kind), Value: value}
	}
}

// scope answers what one subject is about.
type scope struct {
	set lockSet
	pol *policy.Policy
	now func() time.Time
}

func (d *Decider) newScope(what access.Subject) *scope {
	s := &scope{pol: d.currentPolicy(), now: d.cfg.Now}
	s.set.set([]access.Lock{{What: what}})
	return s
}

func (s *scope) holds(q access.Question) bool {
	_, found := s.set.against(s.pol, s.now, q)
	return found
}

// maxMeant bounds the ids that an answer names; the door finds all of everything by itself.
const maxMeant = 15_000

// meant are the live sessions and connections that a subject is about.
func (d *Decider) meant(what access.Subject) (sessions, connections []string) {
	if what.Kind == access.LockEverything {
		return nil, nil
	}
	s := d.newScope(what)
	d.mu.RLock()
	defer d.mu.RUnlock()
	for name, ses := range d.sessions {
		if s.holds(ses.question(name)) {
			sessions = append(sessions, name)
		}
	}
	for name, c := range d.conns {
		if s.holds(c.question(d.ownerOf(c))) || what.Kind == access.LockTarget && c.target == what.Value {
			connections = append(connections, name)
		}
	}
	slices.Sort(sessions)
	slices.Sort(connections)
	return sessions, connections
}

// ownerOf is who owns the holder of a connection now. Called with mu held.
func (d *Decider) ownerOf(c *connection) string {
	who, _ := d.policy.Identity(c.kind, c.name, c.task)
	return who.Owner
}

// endConnections makes the connections that a kill means unable to ask for anything more, whatever the door does. The killer's own
// goes on.
func (d *Decider) endConnections(what access.Subject, by, reason string) {
	sessions, connections := d.meant(what)
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, name := range sessions {
		if s := d.sessions[name]; s != nil && d.conns[s.conn] != nil {
			d.conns[s.conn].ended = reason
		}
	}
	for _, name := range connections {
		if c := d.conns[name]; c != nil && !(c.target == "" && string(c.kind)+":"+c.name == by) {
			c.ended = reason
		}
	}
	if what.Kind != access.LockEverything {
		return
	}
	for _, c := range d.conns {
		if string(c.kind)+":"+c.name != by {
			c.ended = reason
		}
	}
}

// ender is what ends the requests and grants that a lock or a kill is about. It is made before sessions end, and called after: of a
// session or a connection it is what runs there, or waits there.
func (d *Decider) ender(what access.Subject, by string, cause access.Cause, why string) func(context.Context) (requests, grants int) {
	if what.Kind != access.LockSession && what.Kind != access.LockConnection {
		match := d.matching(what, by, cause)
		return func(ctx context.Context) (int, int) { return d.endAccess(ctx, match, cause, why) }
	}
	sessions, held := map[string]bool{}, map[string]bool{}
	d.mu.RLock()
	defer d.mu.RUnlock()
	for name, s := range d.sessions {
		if name == what.Value || s.conn == what.Value {
			sessions[name] = true
			for _, g := range s.heldGrants() {
				held[g.ID] = true
			}
		}
	}
	sessions[what.Value] = true // one that waits for its decision is in no list
	return func(ctx context.Context) (int, int) {
		return d.endThese(ctx, sessions, held, privilege.By{Actor: by}, cause, why)
	}
}

func (d *Decider) endThese(ctx context.Context, sessions, held map[string]bool, by privilege.By, cause access.Cause, why string) (int, int) {
	requests, rerr := d.endRequests(ctx, func(r access.Request) bool { return sessions[r.Session] }, why, by)
	grants, gerr := d.endGrants(ctx, func(g access.Grant) bool { return held[g.ID] }, cause, why, by)
	if err := errors.Join(rerr, gerr); err != nil {
		d.cfg.Log.Error("requests and grants could not be ended", "error", err)
	}
	return len(requests), len(grants)
}

// matching is what of a privilege's life a subject is about; a kill of everything leaves the killer's own.
func (d *Decider) matching(what access.Subject, by string, cause access.Cause) func(access.Requester, access.Scope) bool {
	s := d.newScope(what)
	return func(who access.Requester, sc access.Scope) bool {
		if what.Kind == access.LockEverything {
			return cause == access.CauseLock || who.Principal != by
		}
		if what.Kind == access.LockTarget { // what is for others as well goes on there
			return len(sc.Targets) == 1 && sc.Targets[0] == what.Value
		}
		role, _, isRule := strings.Cut(what.Value, "/")
		return s.holds(access.Question{By: who}) || what.Kind == access.LockRule && isRule && sc.Kind == access.PatternScope && sc.Role == role
	}
}

// endPrivileges calls what ender made, and waits a little: what requests and grants are kept in may be slow, and nothing that stops
// somebody waits for it.
func (d *Decider) endPrivileges(ctx context.Context, wait time.Duration, end func(context.Context) (requests, grants int)) (requests, grants int) {
	type counts struct{ requests, grants int }
	done := make(chan counts, 1)
	d.ending.Go(func() {
		r, g := end(ctx)
		done <- counts{r, g}
	})
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case n := <-done:
		return n.requests, n.grants
	case <-timer.C:
		return 0, 0
	}
}

// pauseTime is how long a pause lasts at most: whoever nobody resumes is killed by the door.
const pauseTime = protocol.PauseTime

// maxPauses bounds the pauses that stand at once.
const maxPauses = 1000

// pauseSet is who is paused: a lockSet in memory, as what is paused does not outlive this process.
type pauseSet struct {
	lockSet
	mu sync.Mutex
}

// pause keeps what a subject is about from beginning anything.
func (d *Decider) pause(what access.Subject, by, reason string) error {
	now := d.cfg.Now().UTC()
	p := access.Lock{ID: id.New(id.Lock, now), What: what, By: by, Reason: reason, At: now, Until: now.Add(pauseTime)}
	if err := checkLock(p, now); err != nil {
		return err
	}
	d.pauses.mu.Lock()
	defer d.pauses.mu.Unlock()
	all := slices.DeleteFunc(d.pauses.standing(d.cfg.Now), func(l access.Lock) bool { return l.What == what })
	if len(all) >= maxPauses {
		return refuse("%d pauses stand; resume some, or make a lock", len(all))
	}
	d.pauses.set(append(all, p))
	return nil
}

// resume ends the pauses of a subject; of everything, all of them.
func (d *Decider) resume(what access.Subject) {
	d.pauses.mu.Lock()
	defer d.pauses.mu.Unlock()
	d.pauses.set(slices.DeleteFunc(d.pauses.standing(d.cfg.Now), func(l access.Lock) bool {
		return l.What == what || what.Kind == access.LockEverything
	}))
}

// pauseLine is the one line for whoever meets a pause.
func pauseLine(l access.Lock) string {
	return fmt.Sprintf("%s is paused by %s: %s; try again when it is resumed, or after %s", l.What.String(), l.By, l.Reason, l.Until.UTC().Format("15:04:05Z"))
}
