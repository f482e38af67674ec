package access

import (
	"fmt"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestSpendUpToTheLimit(t *testing.T) {
	all := Limits{Commands: 2, Denials: 2, Hosts: 2, BytesOut: 2, Writes: 2, Wall: 2, Sessions: 2}
	for what, amount := range map[string]func(i int) Amount{
		"commands":  func(int) Amount { return Amount{Commands: 1} },
		"denials":   func(int) Amount { return Amount{Denials: 1} },
		"hosts":     func(i int) Amount { return Amount{Host: fmt.Sprint("web-", i)} },
		"bytes_out": func(int) Amount { return Amount{BytesOut: 1} },
		"writes":    func(int) Amount { return Amount{Writes: 1} },
		"wall":      func(int) Amount { return Amount{Wall: 1} },
		"sessions":  func(int) Amount { return Amount{Sessions: 1} },
	} {
		for _, key := range []TallyKey{ForTask("agent:bot", "T-1"), ForTask("agent:bot", ""), ForDay("agent:bot", noon)} {
			tallies := NewTallies(nil)
			for i := range 5 {
				after, over, err := tallies.Spend(noon, key, all, amount(i))
				if err != nil || (over != nil) != (i >= 2) || over != nil && (over.What != what || over.Limit != 2) {
					t.Fatalf("%s %d: %+v, %v", what, i, over, err)
				}
				tallies.Put(after)
			}
			if _, over, _ := tallies.Spend(noon, key, Limits{}, amount(9)); over != nil {
				t.Errorf("%s: a limit of nothing bounds: %+v", what, over)
			}
		}
	}
}

// What is too much does not happen, so nothing of it counts; what has happened counts in any case.
func TestWhatIsRefusedCostsNothing(t *testing.T) {
	tallies, key := NewTallies(nil), ForTask("agent:bot", "T-1")
	after, over, _ := tallies.Spend(noon, key, Limits{Commands: 5, Writes: 1, Hosts: 1}, Amount{Commands: 1, Writes: 2, Host: "web-1", Sessions: 1, BytesOut: 7})
	if over == nil || after.Commands+after.Writes+after.Sessions != 0 || len(after.Hosts) != 0 || after.BytesOut != 7 {
		t.Fatalf("%+v %+v", after, over)
	}
	tallies.Put(after)
	for range 3 {
		after, over, _ = tallies.Spend(noon, key, Limits{Sessions: 1}, Amount{Sessions: 1})
		tallies.Put(after)
	}
	if over == nil || after.Sessions != 1 {
		t.Fatalf("%+v %+v", after, over)
	}
	for range 3 {
		after, _, _ = tallies.Spend(noon, key, Limits{Sessions: 1}, Amount{Sessions: -1})
		tallies.Put(after)
	}
	if after.Sessions != 0 {
		t.Fatal("less than no sessions:", after.Sessions)
	}
}

func TestTalliesHaveBounds(t *testing.T) {
	tallies, key := NewTallies(nil), ForTask("agent:bot", "T-1")
	for _, a := range []Amount{{Commands: -1}, {BytesOut: math.MinInt64}, {Wall: -1}, {Sessions: 2}, {Sessions: -2}} {
		if _, _, err := tallies.Spend(noon, key, Limits{}, a); err == nil {
			t.Errorf("%+v was spent", a)
		}
	}
	for range 2 {
		after, over, _ := tallies.Spend(noon, key, Limits{BytesOut: math.MaxInt64 - 1}, Amount{BytesOut: math.MaxInt64})
		if over == nil || after.BytesOut != math.MaxInt64 {
			t.Fatalf("%+v %+v", after, over)
		}
		tallies.Put(after)
	}
	for i := range MaxHosts + 1 {
		after, over, _ := tallies.Spend(noon, key, Limits{Hosts: 1 << 40}, Amount{Host: fmt.Sprint(i)})
		if (over != nil) != (i == MaxHosts) {
			t.Fatal(i, over)
		}
		tallies.Put(after)
	}
	for i := len(tallies.open); i < MaxTallies; i++ {
		tallies.Put(Tally{TallyKey: ForTask("agent:bot", fmt.Sprint(i)), At: noon})
	}
	if _, _, err := tallies.Spend(noon, ForTask("agent:bot", "new"), Limits{}, Amount{Commands: 1}); err == nil {
		t.Error("more tallies than there may be")
	}
	if gone := tallies.Forget(noon.Add(tallyLife + time.Second)); len(gone) != MaxTallies {
		t.Error(len(gone), "tallies were forgotten")
	}
}

// Limits are never exceeded by what is allowed, whatever is spent in whatever order; and a tally that is stored is the same again.
func TestNothingIsSpentTwiceOrForgotten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := func(label string) int64 { return rapid.Int64Range(0, 5).Draw(t, label) }
		l := Limits{Commands: n("commands"), Hosts: n("hosts"), Writes: n("writes"), Denials: n("denials")}
		tallies, key := NewTallies(nil), ForDay("agent:bot", noon)
		var commands, writes, denials int64
		hosts := map[string]bool{}
		for range 20 {
			a := Amount{Commands: n("c") / 3, Writes: n("w") / 3, Denials: n("d") / 3, Host: fmt.Sprint("h", n("h"))}
			after, over, err := tallies.Spend(noon, key, l, a)
			if err != nil {
				t.Fatal(err)
			}
			denials += a.Denials
			if over == nil || over.What == "denials" {
				commands, writes = commands+a.Commands, writes+a.Writes
				if l.Hosts > 0 {
					hosts[a.Host] = true
				}
			}
			within := func(spent, limit int64) bool { return limit == 0 || spent <= limit }
			if !within(commands, l.Commands) || !within(writes, l.Writes) || !within(int64(len(hosts)), l.Hosts) {
				t.Fatalf("over the limits %+v: %+v", l, after)
			}
			if after.Commands != commands || after.Writes != writes || after.Denials != denials || len(after.Hosts) != len(hosts) {
				t.Fatalf("counted %+v, and spent were %d %d %d %v", after, commands, writes, denials, hosts)
			}
			tallies = NewTallies([]Tally{after})
		}
	})
}
