package ledger

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gatehouse/internal/decider/registry"
	"gatehouse/policy"
	"gatehouse/policy/access"
)

var noon, evening = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC), time.Date(2026, 11, 28, 23, 0, 0, 0, time.UTC)

func openRows(t testing.TB) *registry.Registry {
	t.Helper()
	rows, err := registry.Open(t.Context(), filepath.Join(t.TempDir(), registry.File))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rows.Close() })
	return rows
}

func open(t interface{ Fatal(...any) }, rows Rows) *Ledger {
	l, err := Open(context.Background(), rows)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// kept is rows in memory, for many restarts; TestDurable has the real ones.
type kept struct {
	rows map[access.TallyKey]access.Tally
	fail bool
}

var errDisk = errors.New("the disk is full")

func (k *kept) ChangeBudgets(_ context.Context, put []access.Tally, remove []access.TallyKey) error {
	if k.fail {
		return errDisk
	}
	for _, t := range put {
		t.Sessions = 0
		k.rows[t.TallyKey] = t
	}
	for _, key := range remove {
		delete(k.rows, key)
	}
	return nil
}

func (k *kept) Budgets(context.Context) (list []access.Tally, _ error) {
	for _, t := range k.rows {
		list = append(list, t)
	}
	return list, nil
}

// model is what was spent, by hand: of each key, and of the sessions that go on.
type model struct {
	commands, denials, writes, bytes, wall map[access.TallyKey]int64
	live                                   map[string]Booking
}

// TestAgainstModel: whatever begins, ends, is denied or is reset, with restarts, a disk that fails and a clock that steps over midnight,
// forth and back by less than a day, between any two, the ledger counts as a model does and no limit is gone over by what was about to happen.
func TestAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := policy.Budget{Per: policy.PerDay, Commands: 6, Denials: 3, BytesOut: 100, Writes: 4, Wall: 90, Sessions: rapid.Int64Range(0, 3).Draw(t, "sessions")}
		if rapid.Bool().Draw(t, "task") {
			b.Per = policy.PerTask
		}
		rows := &kept{rows: map[access.TallyKey]access.Tally{}}
		l, now := open(t, rows), evening
		m := model{map[access.TallyKey]int64{}, map[access.TallyKey]int64{}, map[access.TallyKey]int64{}, map[access.TallyKey]int64{}, map[access.TallyKey]int64{}, map[string]Booking{}}
		for i := range rapid.IntRange(1, 40).Draw(t, "steps") {
			key := Key(b, "agent:bot", "T-1", now)
			step(t, i, b, key, &now, rows, &l, &m)
			check(t, b, l, m)
		}
	})
}

func step(t *rapid.T, i int, b policy.Budget, key access.TallyKey, now *time.Time, rows *kept, l **Ledger, m *model) {
	ctx := context.Background()
	var ids []string
	for id := range m.live {
		ids = append(ids, id)
	}
	switch rapid.SampledFrom([]string{"begin", "begin", "begin", "end", "end", "cancel", "deny", "write", "restart", "clock", "reset", "full"}).Draw(t, "what") {
	case "begin":
		id := fmt.Sprint("ses-", i)
		writes := rapid.Int64Range(0, 2).Draw(t, "writes")
		booked, over, err := (*l).Begin(ctx, *now, key, b, Ask{Session: id, Target: "web-1", Writes: writes, BytesOut: rapid.Int64Range(0, 60).Draw(t, "own")})
		if err != nil {
			t.Fatal(err)
		}
		var live int64
		for _, x := range m.live {
			if x.Key == key {
				live++
			}
		}
		room := m.commands[key] < b.Commands && m.denials[key] < b.Denials && m.writes[key]+writes <= b.Writes && m.bytes[key] < b.BytesOut && m.wall[key] < b.Wall && (b.Sessions == 0 || live < b.Sessions)
		if (over == nil) != room {
			t.Fatalf("there is room: %t; over %+v, model %+v", room, over, m)
		}
		if over != nil {
			return
		}
		if booked.BytesOut < 1 || booked.Wall < 1 {
			t.Fatalf("a session with nothing: %+v", booked)
		}
		m.commands[key]++
		m.writes[key] += writes
		m.bytes[key] += booked.BytesOut
		m.wall[key] += booked.Wall
		m.live[id] = booked
	case "end", "cancel":
		if len(ids) == 0 {
			return
		}
		id := rapid.SampledFrom(sorted(ids)).Draw(t, "session")
		x := m.live[id]
		delete(m.live, id)
		m.bytes[x.Key] -= x.BytesOut
		m.wall[x.Key] -= x.Wall
		if rapid.Bool().Draw(t, "cancelled") {
			m.commands[x.Key] = max(0, m.commands[x.Key]-1)
			m.writes[x.Key] = max(0, m.writes[x.Key]-x.Counted.Writes)
			if err := (*l).Cancel(ctx, id); err != nil {
				t.Fatal(err)
			}
			return
		}
		used := rapid.Int64Range(0, x.BytesOut).Draw(t, "used")
		seconds := rapid.Int64Range(0, x.Wall).Draw(t, "seconds")
		m.bytes[x.Key] += used
		m.wall[x.Key] += seconds
		if err := (*l).End(ctx, x.Begun.Add(time.Duration(seconds)*time.Second), id, used); err != nil {
			t.Fatal(err)
		}
	case "deny":
		m.denials[key]++
		if _, err := (*l).Count(ctx, *now, key, Limits(b), access.Amount{Denials: 1}); err != nil {
			t.Fatal(err)
		}
	case "write":
		over, err := (*l).Count(ctx, *now, key, Limits(b), access.Amount{Writes: 1})
		if err != nil || (over != nil) != (m.writes[key] >= b.Writes) {
			t.Fatalf("%+v, %v, model %+v", over, err, m)
		}
		if over == nil {
			m.writes[key]++
		}
	case "restart": // what was booked stays spent
		*l, m.live = open(t, rows), map[string]Booking{}
	case "clock":
		*now = evening.Add(time.Duration(rapid.IntRange(-10, 10).Draw(t, "hours")) * time.Hour)
	case "reset":
		if _, err := (*l).Reset(ctx, "agent:bot", *now); err != nil {
			t.Fatal(err)
		}
		clear(m.commands)
		clear(m.denials)
		clear(m.writes)
		clear(m.bytes)
		clear(m.wall)
		for _, x := range m.live {
			m.bytes[x.Key] += x.BytesOut
			m.wall[x.Key] += x.Wall
		}
	case "full": // nothing is counted, and nothing begins
		rows.fail = true
		booked, over, err := (*l).Begin(ctx, *now, key, b, Ask{Session: fmt.Sprint("ses-", i), Target: "web-1"})
		rows.fail = false
		if err == nil && over == nil {
			t.Fatalf("it began without being stored: %+v", booked)
		}
	}
}

func sorted(ids []string) []string {
	for i := range ids {
		for j := i; j > 0 && ids[j] < ids[j-1]; j-- {
			ids[j], ids[j-1] = ids[j-1], ids[j]
		}
	}
	return ids
}

func check(t *rapid.T, b policy.Budget, l *Ledger, m model) {
	for _, key := range []access.TallyKey{access.ForTask("agent:bot", "T-1"), access.ForDay("agent:bot", noon.Add(-24*time.Hour)), access.ForDay("agent:bot", noon), access.ForDay("agent:bot", noon.Add(24*time.Hour))} {
		got := l.Get(key)
		if got.Commands != m.commands[key] || got.Denials != m.denials[key] || got.Writes != m.writes[key] || got.BytesOut != m.bytes[key] || got.Wall != m.wall[key] {
			t.Fatalf("%+v: %+v, model %+v", key, got, m)
		}
		if got.Commands > b.Commands || got.Writes > b.Writes || got.BytesOut > b.BytesOut || got.Wall > b.Wall || b.Sessions > 0 && got.Sessions > b.Sessions {
			t.Fatalf("over: %+v", got)
		}
	}
}

// TestDurable: what was spent is there after a restart; what a session had booked that a crash ended stays spent.
func TestDurable(t *testing.T) {
	rows := openRows(t)
	b := policy.Budget{Per: policy.PerTask, Commands: 3, BytesOut: 100, Wall: 100, Sessions: 1, Hosts: 1}
	key := Key(b, "agent:bot", "T-1", noon)
	l := open(t, rows)
	begin := func(id, target string) *access.Over {
		t.Helper()
		_, over, err := l.Begin(t.Context(), noon, key, b, Ask{Session: id, Target: target, BytesOut: 60})
		if err != nil {
			t.Fatal(err)
		}
		return over
	}
	if over := begin("a", "web-1"); over != nil {
		t.Fatal(over)
	}
	if over := begin("b", "web-1"); over == nil || over.What != "wall" && over.What != "sessions" {
		t.Fatal(over)
	}
	if err := l.End(t.Context(), noon.Add(1500*time.Millisecond), "a", 10); err != nil {
		t.Fatal(err)
	}
	l = open(t, rows)
	if got := l.Get(key); got.Commands != 1 || got.BytesOut != 10 || got.Wall != 2 || got.Sessions != 0 {
		t.Fatalf("%+v", got)
	}
	if over := begin("c", "web-2"); over == nil || over.What != "hosts" {
		t.Fatal(over)
	}
	if over := begin("d", "web-1"); over != nil {
		t.Fatal(over)
	}
	l = open(t, rows) // a crash
	if got := l.Get(key); got.Commands != 2 || got.BytesOut != 70 || got.Wall != 100 {
		t.Fatalf("%+v", got)
	}
	if over := begin("e", "web-1"); over == nil || over.What != "wall" {
		t.Fatal(over)
	}
}

// TestAtOnce: of a hundred sessions that begin at once exactly as many do as the budget has room for, and together they are given no
// more than there is.
func TestAtOnce(t *testing.T) {
	l := open(t, openRows(t))
	b := policy.Budget{Per: policy.PerDay, Commands: 20, BytesOut: 1 << 30, Sessions: 7}
	key := Key(b, "agent:bot", "", noon)
	var began, bytes atomic.Int64
	var work sync.WaitGroup
	for i := range 100 {
		work.Go(func() {
			booked, over, err := l.Begin(t.Context(), noon, key, b, Ask{Session: fmt.Sprint(i), Target: "web-1"})
			if err != nil {
				t.Error(err)
			}
			if over == nil {
				began.Add(1)
				bytes.Add(booked.BytesOut)
			}
			_ = l.Would(noon, key, Limits(b), Ask{Target: "web-1"})
		})
	}
	work.Wait()
	if began.Load() != 7 || bytes.Load() > b.BytesOut || l.Get(key).Sessions != 7 {
		t.Errorf("%d began with %d bytes: %+v", began.Load(), bytes.Load(), l.Get(key))
	}
}

// TestFreeCountsAndIsNotStopped: what runs by a broken glass.
func TestFreeCountsAndIsNotStopped(t *testing.T) {
	l := open(t, openRows(t))
	b := policy.Budget{Per: policy.PerTask, Commands: 1, Hosts: 1, BytesOut: 5}
	key := Key(b, "person:ann", "", noon)
	for i := range 3 {
		booked, over, err := l.Begin(t.Context(), noon, key, b, Ask{Session: fmt.Sprint(i), Target: fmt.Sprint("web-", i), Free: true})
		if err != nil || over != nil || booked.BytesOut != 0 {
			t.Fatalf("%+v %+v %v", booked, over, err)
		}
		if err := l.End(t.Context(), noon, fmt.Sprint(i), 9); err != nil {
			t.Fatal(err)
		}
	}
	if got := l.Get(key); got.Commands != 3 || len(got.Hosts) != 3 || got.BytesOut != 27 {
		t.Errorf("%+v", got)
	}
	if over := l.Would(noon, key, Limits(b), Ask{Target: "web-1"}); over == nil {
		t.Error("there is room for others")
	}
}

// TestToldOnce: until it is reset, and after that again.
func TestToldOnce(t *testing.T) {
	rows := openRows(t)
	l, key := open(t, rows), access.ForTask("agent:bot", "T-1")
	told := func() bool {
		first, err := l.Told(t.Context(), key, "commands")
		if err != nil {
			t.Fatal(err)
		}
		return first
	}
	if !told() || told() {
		t.Error("not once")
	}
	if l = open(t, rows); told() {
		t.Error("again after a restart")
	}
	if _, err := l.Reset(t.Context(), "agent:bot", noon); err != nil || !told() {
		t.Error("not after a reset", err)
	}
}
