// Package ledger keeps what was spent of budgets, durably.
//
// What is about to happen is counted and stored before it does, and a session's bytes and time are booked whole when it begins: what it
// did not use is given back when its end is reported. A crash therefore never makes room: what sessions had booked stays spent.
//
// Invariant: what a tally says is what sessions that have ended used, and all that those that go on have booked. A tally is never above
// a limit by what was counted before it happened, however many begin at once. What has happened (denials, the last second of a
// session) counts in any case.
package ledger

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"gatehouse/policy"
	"gatehouse/policy/access"
)

// Rows are where tallies are stored. What ChangeBudgets is given is durable when it returns; Budgets is called once, by Open.
type Rows interface {
	ChangeBudgets(ctx context.Context, put []access.Tally, remove []access.TallyKey) error
	Budgets(ctx context.Context) ([]access.Tally, error)
}

// The least that a session is given of what is left where it is not given all, so that halves of halves end.
const (
	leastBytes = 1 << 20
	leastWall  = 60
)

// Ledger counts. Safe for concurrent use.
type Ledger struct {
	rows Rows

	// changing is held while a change is made and stored. Taken before mu.
	changing sync.Mutex
	swept    string // the day on which what is old was forgotten

	mu       sync.RWMutex
	tallies  *access.Tallies
	bookings map[string]Booking // by session
}

// Booking is what a session that goes on has taken.
type Booking struct {
	Key      access.TallyKey
	Begun    time.Time
	Counted  access.Amount // commands, writes, sessions; BytesOut and Wall are the whole allotment
	BytesOut int64         // most that it may send; 0: no bound
	Wall     int64         // most seconds that it may last; 0: no bound
}

// Open loads what is stored. No session goes on.
func Open(ctx context.Context, rows Rows) (*Ledger, error) {
	stored, err := rows.Budgets(ctx)
	if err != nil {
		return nil, err
	}
	return &Ledger{rows: rows, tallies: access.NewTallies(stored), bookings: map[string]Booking{}}, nil
}

// Key is what a budget is counted by at a time.
func Key(b policy.Budget, principal, task string, now time.Time) access.TallyKey {
	if b.Per == policy.PerDay {
		return access.ForDay(principal, now)
	}
	return access.ForTask(principal, task)
}

// Limits are a budget's, as tallies want them.
func Limits(b policy.Budget) access.Limits {
	return access.Limits{Commands: b.Commands, Denials: b.Denials, Hosts: b.Hosts, BytesOut: b.BytesOut, Writes: b.Writes, Wall: b.Wall, Sessions: b.Sessions}
}

// Ask is a session that wants to begin.
type Ask struct {
	Session  string
	Target   string
	Writes   int64 // by redirections
	BytesOut int64 // most that its rule lets it send; 0: no bound
	Seconds  int64 // most that its rule gives it; 0: no bound
	Shell    bool  // it is a governed shell, whose commands are counted one by one
	Free     bool  // it counts and nothing stops it
}

// commands is how many it counts as.
func (a Ask) commands() int64 {
	if a.Shell {
		return 0
	}
	return 1
}

// Begin counts a session that is about to begin, and books what it may use. over says why it may not; then nothing is counted.
func (l *Ledger) Begin(ctx context.Context, now time.Time, key access.TallyKey, b policy.Budget, a Ask) (out Booking, over *access.Over, err error) {
	l.changing.Lock()
	defer l.changing.Unlock()
	if _, twice := l.bookings[a.Session]; twice {
		return out, nil, fmt.Errorf("session %s has booked already", a.Session)
	}
	if err := l.sweep(ctx, now); err != nil {
		return out, nil, err
	}
	limits := Limits(b)
	if a.Free {
		limits = access.Limits{Hosts: min(b.Hosts, 1) * access.MaxHosts}
	}
	tally := l.Get(key)
	if over = UsedUp(limits, tally); over != nil && !a.Free {
		return out, over, nil
	}
	out = Booking{Key: key, Begun: now, Counted: access.Amount{Commands: a.commands(), Writes: a.Writes, Sessions: 1}}
	if !a.Free {
		out.BytesOut = share(limits.BytesOut, tally.BytesOut, a.BytesOut, leastBytes, limits.Sessions == 1)
		out.Wall = share(limits.Wall, tally.Wall, a.Seconds, leastWall, limits.Sessions == 1)
	}
	out.Counted.BytesOut, out.Counted.Wall = out.BytesOut, out.Wall
	spend := out.Counted
	if len(tally.Hosts) < access.MaxHosts || !a.Free {
		spend.Host = a.Target
	}
	after, over, err := l.tallies.Spend(now, key, limits, spend)
	if err != nil || over != nil && !a.Free {
		return Booking{}, over, err
	}
	if err := l.put(ctx, after); err != nil {
		return Booking{}, nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bookings[a.Session] = out
	return out, nil, nil
}

// share is what a session is given of what is left of a limit: all of it where no other may begin beside it, else half, and no more than
// its rule lets it have. 0: there is no limit.
func share(limit, spent, own, least int64, alone bool) int64 {
	if limit == 0 {
		return 0
	}
	left := max(0, limit-spent)
	given := left
	if !alone {
		given = min(left, max(left/2, least))
	}
	if own > 0 {
		given = min(given, own)
	}
	return given
}

// UsedUp says which of the limits that are not counted one by one before each session leaves nothing for another. nil: none.
func UsedUp(l access.Limits, t access.Tally) *access.Over {
	for _, one := range Lines(l, t) {
		if (one.What == "denials" || one.What == "bytes_out" || one.What == "wall") && one.Limit > 0 && one.Spent >= one.Limit {
			return &one
		}
	}
	return nil
}

// Would says why a session could not begin now, and counts nothing. nil: it could.
func (l *Ledger) Would(now time.Time, key access.TallyKey, limits access.Limits, a Ask) *access.Over {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if over := UsedUp(limits, l.tallies.Get(key)); over != nil {
		return over
	}
	_, over, _ := l.tallies.Spend(now, key, limits, access.Amount{Commands: a.commands(), Writes: a.Writes, Sessions: 1, Host: a.Target})
	return over
}

// Lines are the limits of a budget beside what was spent, in a fixed order; those that bound nothing have the limit 0.
func Lines(l access.Limits, t access.Tally) []access.Over {
	return []access.Over{{What: "commands", Limit: l.Commands, Spent: t.Commands}, {What: "denials", Limit: l.Denials, Spent: t.Denials}, {What: "hosts", Limit: l.Hosts, Spent: int64(len(t.Hosts))},
		{What: "bytes_out", Limit: l.BytesOut, Spent: t.BytesOut}, {What: "writes", Limit: l.Writes, Spent: t.Writes}, {What: "wall", Limit: l.Wall, Spent: t.Wall}, {What: "sessions", Limit: l.Sessions, Spent: t.Sessions}}
}

// Count counts one denial, write, or command of a session that goes on. over says that it went, or would have
// gone, over a limit: a denial counts all the same, anything else then does not.
func (l *Ledger) Count(ctx context.Context, now time.Time, key access.TallyKey, limits access.Limits, a access.Amount) (over *access.Over, err error) {
	l.changing.Lock()
	defer l.changing.Unlock()
	if err := l.sweep(ctx, now); err != nil {
		return nil, err
	}
	after, over, err := l.tallies.Spend(now, key, limits, a)
	if err != nil || over != nil && a.Denials == 0 {
		return over, err
	}
	return over, l.put(ctx, after)
}

// Undo takes back what Count counted and did not happen.
func (l *Ledger) Undo(ctx context.Context, key access.TallyKey, a access.Amount) error {
	l.changing.Lock()
	defer l.changing.Unlock()
	return l.put(ctx, l.Get(key).Back(a))
}

// Cancel takes back all that a session took which did not begin.
func (l *Ledger) Cancel(ctx context.Context, session string) error {
	return l.settle(ctx, session, func(t access.Tally, b Booking) access.Tally { return t.Back(b.Counted) })
}

// End gives back what a session did not use. bytes < 0: it is not known, and all that was booked was used.
// A second that has begun is one.
func (l *Ledger) End(ctx context.Context, now time.Time, session string, bytes int64) error {
	return l.settle(ctx, session, func(t access.Tally, b Booking) access.Tally {
		wall := int64((now.Sub(b.Begun) + time.Second - 1) / time.Second)
		if bytes < 0 {
			bytes = b.BytesOut
		}
		t = t.Back(access.Amount{Sessions: 1, BytesOut: b.Counted.BytesOut, Wall: b.Counted.Wall})
		t.BytesOut, t.Wall = access.Plus(t.BytesOut, bytes), access.Plus(t.Wall, max(0, wall))
		t.Over = slices.DeleteFunc(slices.Clone(t.Over), func(what string) bool { return what == "sessions" })
		return t
	})
}

// settle ends a booking. One that cannot be stored has ended all the same: what it booked stays spent on the disk until its tally is
// stored the next time.
func (l *Ledger) settle(ctx context.Context, session string, change func(access.Tally, Booking) access.Tally) error {
	l.changing.Lock()
	defer l.changing.Unlock()
	b, ok := l.bookings[session]
	if !ok {
		return nil
	}
	after := change(l.Get(b.Key), b)
	l.mu.Lock()
	delete(l.bookings, session)
	l.tallies.Put(after)
	l.mu.Unlock()
	return l.rows.ChangeBudgets(context.WithoutCancel(ctx), []access.Tally{after}, nil)
}

// Told notes that people were told that a limit is reached, and reports whether this is the first time.
func (l *Ledger) Told(ctx context.Context, key access.TallyKey, what string) (first bool, err error) {
	l.changing.Lock()
	defer l.changing.Unlock()
	t := l.Get(key)
	if slices.Contains(t.Over, what) {
		return false, nil
	}
	t.Over = append(slices.Clone(t.Over), what)
	return true, l.put(ctx, t)
}

// Reset gives a principal all of its budgets anew, and returns what was spent. What goes on keeps what it booked.
func (l *Ledger) Reset(ctx context.Context, principal string, now time.Time) ([]access.Tally, error) {
	l.changing.Lock()
	defer l.changing.Unlock()
	spent := l.List(principal)
	var put []access.Tally
	var remove []access.TallyKey
	for _, t := range spent {
		fresh := l.booked(t.TallyKey)
		fresh.At = now.UTC()
		if fresh.Sessions > 0 {
			put = append(put, fresh)
		} else {
			remove = append(remove, t.TallyKey)
		}
	}
	if err := l.rows.ChangeBudgets(context.WithoutCancel(ctx), put, remove); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, key := range remove {
		l.tallies.Drop(key)
	}
	for _, t := range put {
		l.tallies.Put(t)
	}
	return spent, nil
}

// booked is the tally of what goes on alone.
func (l *Ledger) booked(key access.TallyKey) access.Tally {
	t := access.Tally{TallyKey: key}
	for _, b := range l.bookings {
		if b.Key == key {
			t.Sessions, t.BytesOut, t.Wall = t.Sessions+1, access.Plus(t.BytesOut, b.BytesOut), access.Plus(t.Wall, b.Wall)
		}
	}
	return t
}

// Get is a tally as it is now.
func (l *Ledger) Get(key access.TallyKey) access.Tally {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.tallies.Get(key)
}

// Booking is what a session that goes on has booked.
func (l *Ledger) Booking(session string) (Booking, bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	b, ok := l.bookings[session]
	return b, ok
}

// List returns the tallies of a principal; of all with an empty one.
func (l *Ledger) List(principal string) []access.Tally {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.tallies.List(principal)
}

// put stores a tally and then makes it true. Called with changing held.
func (l *Ledger) put(ctx context.Context, t access.Tally) error {
	if err := l.rows.ChangeBudgets(context.WithoutCancel(ctx), []access.Tally{t}, nil); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tallies.Put(t)
	return nil
}

// sweep forgets what is old, once a day. Called with changing held.
func (l *Ledger) sweep(ctx context.Context, now time.Time) error {
	day := now.UTC().Format(time.DateOnly)
	if day == l.swept {
		return nil
	}
	l.mu.Lock()
	gone := l.tallies.Forget(now)
	l.mu.Unlock()
	l.swept = day
	if len(gone) == 0 {
		return nil
	}
	return l.rows.ChangeBudgets(context.WithoutCancel(ctx), nil, gone)
}
