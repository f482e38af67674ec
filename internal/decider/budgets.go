package decider

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse/internal/decider/registry"
	"gatehouse/policy"
	"gatehouse/policy/access"
)

// The least that a session is given of what is left of a budget, where there is as much.
const (
	leastBytes = 1 << 20
	leastWall  = 60 // seconds
)

// budgets are what identities with a budget have used up. What is kept is durable before anything happens on the strength of it; nobody
// without a budget costs anything. Safe for concurrent use.
type budgets struct {
	rows *registry.Registry

	mu      sync.Mutex
	tallies *access.Tallies
	said    map[string]bool     // budgets that the log says are used up
	held    map[string]reserved // by session: what it was given beforehand
	known   map[access.TallyKey]bool
	forgot  time.Time
}

// reserved is what a session was given of a budget before it began. All of it counts as used until the session has ended, so that a crash
// costs it all.
type reserved struct {
	key         access.TallyKey
	bytes, wall int64
	at          time.Time
}

// openBudgets reads what was used up before.
func openBudgets(ctx context.Context, rows *registry.Registry) (*budgets, error) {
	b := &budgets{rows: rows, said: map[string]bool{}, held: map[string]reserved{}, known: map[access.TallyKey]bool{}}
	bodies, err := rows.Budgets(ctx)
	if err != nil {
		return nil, err
	}
	var stored []access.Tally
	for _, body := range bodies {
		var t access.Tally
		if err := json.Unmarshal(body, &t); err != nil {
			return nil, fmt.Errorf("read budgets: %w", err)
		}
		stored = append(stored, t)
		b.known[t.TallyKey] = true
	}
	b.tallies = access.NewTallies(stored)
	return b, nil
}

// keyText is a tally's key as the registry has it.
func keyText(k access.TallyKey) string { return k.Principal + "\x00" + k.Task + "\x00" + k.Day }

// ofText says for people of what a tally is: "task:T-1" or "day:2026-11-28".
func ofText(k access.TallyKey) string {
	if k.Day != "" {
		return "day:" + k.Day
	}
	return "task:" + k.Task
}

// budgetKey is the tally that counts for an identity now.
func budgetKey(b policy.Budget, principal, task string, now time.Time) access.TallyKey {
	if b.Per == policy.PerDay {
		return access.ForDay(principal, now)
	}
	return access.ForTask(principal, task)
}

func limitsOf(b policy.Budget) access.Limits {
	return access.Limits{Commands: b.Commands, Denials: b.Denials, Hosts: b.Hosts, BytesOut: b.BytesOut, Writes: b.Writes, Wall: b.Wall, Sessions: b.Sessions}
}

// share is what a session is given of what is left: what its role gives it, or else half, so that others can begin beside it. 0: nothing
// bounds it. ok is false if nothing is left.
func share(limit, spent, role, least int64) (given int64, ok bool) {
	if limit == 0 {
		return 0, true
	}
	left := limit - spent
	if left <= 0 {
		return 0, false
	}
	if given = max(left/2, min(left, least)); role > 0 {
		given = min(left, role)
	}
	return given, true
}

// look says what stands against something that is about to begin, and what it would be given. Nothing is counted.
func (b *budgets) look(now time.Time, key access.TallyKey, l access.Limits, a access.Amount, role policy.Obligations) (over *access.Over, bytes, wall int64, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.looked(now, key, l, a, role)
}

// looked is look, with mu held.
func (b *budgets) looked(now time.Time, key access.TallyKey, l access.Limits, a access.Amount, role policy.Obligations) (over *access.Over, bytes, wall int64, err error) {
	t := b.tallies.Get(key)
	if l.Denials > 0 && t.Denials >= l.Denials {
		return &access.Over{What: "denials", Limit: l.Denials, Spent: t.Denials}, 0, 0, nil
	}
	if a.Sessions > 0 {
		var ok bool
		if bytes, ok = share(l.BytesOut, t.BytesOut, role.BytesOut, leastBytes); !ok {
			return &access.Over{What: "bytes_out", Limit: l.BytesOut, Spent: t.BytesOut}, 0, 0, nil
		}
		if wall, ok = share(l.Wall, t.Wall, role.MaxSeconds, leastWall); !ok {
			return &access.Over{What: "wall", Limit: l.Wall, Spent: t.Wall}, 0, 0, nil
		}
	}
	_, over, err = b.tallies.Spend(now, key, l, a)
	return over, bytes, wall, err
}

// begin counts a session that begins and gives it its share; durable when it returns. over says that another was faster.
func (b *budgets) begin(ctx context.Context, now time.Time, session string, key access.TallyKey, l access.Limits, a access.Amount, bytes, wall int64) (over *access.Over, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.forget(ctx, now)
	t := b.tallies.Get(key)
	switch {
	case l.BytesOut > 0 && t.BytesOut+bytes > l.BytesOut:
		return &access.Over{What: "bytes_out", Limit: l.BytesOut, Spent: t.BytesOut + bytes}, nil
	case l.Wall > 0 && t.Wall+wall > l.Wall:
		return &access.Over{What: "wall", Limit: l.Wall, Spent: t.Wall + wall}, nil
	}
	a.BytesOut, a.Wall = bytes, wall
	after, over, err := b.tallies.Spend(now, key, l, a)
	if over != nil || err != nil {
		return over, err
	}
	if err := b.put(ctx, after); err != nil {
		return nil, err
	}
	b.held[session] = reserved{key: key, bytes: bytes, wall: wall, at: now}
	return nil, nil
}

// end gives back what a session was given and did not use. used is what it sent, as the door says; -1: nobody knows, and all is counted.
func (b *budgets) end(ctx context.Context, now time.Time, session string, used int64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	r, ok := b.held[session]
	if !ok {
		return nil
	}
	delete(b.held, session)
	t := b.tallies.Get(r.key)
	t.Sessions = max(0, t.Sessions-1)
	if used >= 0 && r.bytes > 0 {
		t.BytesOut = max(0, t.BytesOut-r.bytes+used)
	}
	if took := int64((max(0, now.Sub(r.at)) + time.Second - 1) / time.Second); r.wall > 0 {
		t.Wall = max(0, t.Wall-r.wall+took)
	}
	return b.put(ctx, t)
}

// spend counts what is no session: a denial, a write to a file. Durable when it returns.
func (b *budgets) spend(ctx context.Context, now time.Time, key access.TallyKey, l access.Limits, a access.Amount) (*access.Over, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	after, over, err := b.tallies.Spend(now, key, l, a)
	if err != nil || over != nil && a.Denials == 0 {
		return over, err
	}
	return over, b.put(ctx, after)
}

// put makes a tally true, first on disk. Called with mu held.
func (b *budgets) put(ctx context.Context, t access.Tally) error {
	body, err := json.Marshal(t)
	if err != nil {
		return err
	}
	if err := b.rows.PutBudget(ctx, keyText(t.TallyKey), body); err != nil {
		return err
	}
	b.tallies.Put(t)
	b.known[t.TallyKey] = true
	return nil
}

// forget drops, once a day, what was not used for long. Called with mu held.
func (b *budgets) forget(ctx context.Context, now time.Time) {
	if since := now.Sub(b.forgot); since < 24*time.Hour && since >= 0 {
		return
	}
	b.forgot = now
	var keys []string
	for _, key := range b.tallies.Forget(now) {
		delete(b.known, key)
		keys = append(keys, keyText(key))
	}
	_ = b.rows.DropBudgets(ctx, keys) // they are read once more at the next start, and forgotten then
}

// reset gives a budget anew: what live sessions were given stays counted.
func (b *budgets) reset(ctx context.Context, now time.Time, key access.TallyKey) (was access.Tally, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	was = b.tallies.Get(key)
	fresh := access.Tally{TallyKey: key, At: now.UTC(), Sessions: was.Sessions}
	for _, r := range b.held {
		if r.key == key {
			fresh.BytesOut, fresh.Wall = fresh.BytesOut+r.bytes, fresh.Wall+r.wall
		}
	}
	if err := b.put(ctx, fresh); err != nil {
		return was, err
	}
	for what := range b.said {
		if strings.HasPrefix(what, keyText(key)+"\x00") {
			delete(b.said, what)
		}
	}
	return was, nil
}

// news reports, once, that a budget is used up.
func (b *budgets) news(key access.TallyKey, what string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	name := keyText(key) + "\x00" + what
	if b.said[name] || len(b.said) >= access.MaxTallies {
		return false
	}
	b.said[name] = true
	return true
}

// list are the tallies of those that a function picks, by principal.
func (b *budgets) list(pick func(access.TallyKey) bool) (all []access.Tally) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for key := range b.known {
		if pick(key) {
			all = append(all, b.tallies.Get(key))
		}
	}
	slices.SortFunc(all, func(a, b access.Tally) int { return strings.Compare(keyText(a.TallyKey), keyText(b.TallyKey)) })
	return all
}
