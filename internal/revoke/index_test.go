package revoke

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gatehouse/policy"
)

const print43 = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

func TestParse(t *testing.T) {
	for _, s := range []string{"certificate:1", "certificate:18446744073709551615", "key:" + print43, "ca:" + print43, "agent:bot", "person:a.b@c",
		"owner:person:ann", "owner:group:web", "task:CHG-1: a b"} {
		if h, err := Parse(s); err != nil || h.String() != s {
			t.Errorf("%s: %v, %v", s, h, err)
		}
	}
	for _, s := range []string{"", "agent", "agent:", "agent:a b", "agent:-a", "Agent:bot", "agent:bot ", " agent:bot", "agent:a:b", "certificate:", "certificate:0",
		"certificate:01", "certificate:+1", "certificate:18446744073709551616", "certificate:0x1", "key:AAAA", "key:MD5:aa", "key:" + print43 + "=", "key:" + print43[:49],
		"key:SHA256:" + strings.Repeat("A", 42) + "B", "owner:ann", "owner:agent:ann", "owner:group:", "task:", "task:a;b", "task:a=b", "task:\n", "task:" + strings.Repeat("x", 49),
		"serial:1", "agent:" + strings.Repeat("x", 64), "agent:*", "all"} {
		if h, err := Parse(s); err == nil {
			t.Errorf("%q is taken for %v", s, h)
		}
	}
}

// FuzzParse: what is read is written the same, and nothing that is read has a character that a line or a log cannot hold.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"certificate:1", "key:" + print43, "ca:" + print43, "agent:bot", "owner:group:web", "task:a b", "owner:person:ann", "x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		h, err := Parse(s)
		if err != nil {
			return
		}
		if h.String() != s || strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 || r > 0x7e }) || len(s) > 100 {
			t.Errorf("%q is read as %q", s, h)
		}
	})
}

// TestAgainst: each handle stands against exactly those that it names.
func TestAgainst(t *testing.T) {
	s := Subject{Kind: policy.Agent, Name: "bot", Owner: "person:ann", Task: "CHG-1", Delegation: "person:kim>agent:boss>sub:x", Key: "SHA256:k", CA: "SHA256:c", Serial: 7}
	for text, want := range map[string]bool{"agent:bot": true, "agent:other": false, "person:bot": false, "owner:person:ann": true, "owner:group:ann": false, "person:ann": false,
		"task:CHG-1": true, "task:CHG-11": false, "task:CHG": false, "certificate:7": true, "certificate:77": false, "person:kim": true, "agent:boss": true, "agent:kim": false} {
		x := NewIndex(nil)
		h, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		x.Add(Revocation{ID: "rev_1", Handles: []Handle{h}})
		if _, by, ok := x.Against(s); ok != want || ok && by != h {
			t.Errorf("%s: %v by %v", text, ok, by)
		}
	}
	for _, h := range []Handle{{Key, "SHA256:k"}, {CA, "SHA256:c"}} {
		x := NewIndex(nil)
		x.Add(Revocation{ID: "rev_1", Handles: []Handle{h}})
		if _, by, ok := x.Against(s); !ok || by != h {
			t.Errorf("%s does not stand", h)
		}
		if _, _, ok := x.Against(Subject{Kind: policy.Agent, Name: "bot"}); ok {
			t.Errorf("%s stands against who has none", h)
		}
	}
}

// TestIndexIsItsRevocations: whatever was added and removed in whatever order, what stands is what a plain list says.
func TestIndexIsItsRevocations(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(1000, 0)
		x := NewIndex(func() time.Time { return now })
		model := map[string]Revocation{}
		handle := rapid.Custom(func(t *rapid.T) Handle {
			return Handle{rapid.SampledFrom([]Kind{Agent, Owner, Task}).Draw(t, "kind"), rapid.SampledFrom([]string{"a", "b"}).Draw(t, "value")}
		})
		for i := range rapid.IntRange(0, 40).Draw(t, "steps") {
			switch rapid.IntRange(0, 2).Draw(t, "step") {
			case 0:
				r := Revocation{ID: fmt.Sprintf("rev_%04d", i), Handles: rapid.SliceOfNDistinct(handle, 1, 3, rapid.ID[Handle]).Draw(t, "handles")}
				if rapid.Bool().Draw(t, "ends") {
					r.Until = now.Add(time.Duration(rapid.IntRange(-5, 20).Draw(t, "until")) * time.Second)
				}
				x.Add(r)
				x.Add(r)
				model[r.ID] = r
			case 1:
				for id := range model {
					if _, ok := x.Remove(id); !ok {
						t.Fatalf("%s was not there", id)
					}
					delete(model, id)
					break
				}
			case 2:
				now = now.Add(time.Duration(rapid.IntRange(-3, 5).Draw(t, "pass")) * time.Second)
			}
			s := Subject{Kind: policy.Agent, Name: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "name"), Owner: rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "owner"),
				Task: rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "task")}
			want := false
			for _, r := range model {
				for _, h := range s.handles() {
					want = want || slices.Contains(r.Handles, h) && r.Stands(now)
				}
			}
			if _, _, got := x.Against(s); got != want {
				t.Fatalf("against %+v: %v, want %v of %v", s, got, want, model)
			}
		}
		for id := range model {
			x.Remove(id)
		}
		if x.size != 0 || len(x.byHandle) != 0 {
			t.Fatalf("%d handles are left", x.size)
		}
	})
}

// TestSpent: what may be forgotten is over for longer than the margin, and never a name, a key or a CA without an end.
func TestSpent(t *testing.T) {
	now := time.Unix(1e9, 0)
	x := NewIndex(func() time.Time { return now })
	add := func(id string, at, until time.Time, h ...Handle) {
		x.Add(Revocation{ID: id, At: at, Until: until, Handles: h})
	}
	add("rev_name", now, time.Time{}, Handle{Agent, "a"})
	add("rev_cert", now, time.Time{}, Handle{Certificate, "1"})
	add("rev_both", now, time.Time{}, Handle{Certificate, "2"}, Handle{Key, print43})
	add("rev_ends", now, now.Add(time.Hour), Handle{Agent, "b"})
	for _, c := range []struct {
		at   time.Duration
		want string
	}{{time.Hour, ""}, {2*time.Hour + time.Second, "rev_ends"}, {11*time.Hour + time.Second, "rev_cert rev_ends"}, {1e5 * time.Hour, "rev_cert rev_ends"}} {
		now = time.Unix(1e9, 0).Add(c.at)
		var got []string
		for _, r := range x.Spent(10*time.Hour, time.Hour) {
			got = append(got, r.ID)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("after %s: %q, want %q", c.at, got, c.want)
		}
	}
}

func TestBoundAndFind(t *testing.T) {
	x := NewIndex(nil)
	for i := range Max {
		x.Add(Revocation{ID: fmt.Sprintf("rev_%08d", i), Handles: []Handle{{Certificate, fmt.Sprint(i + 1)}}})
	}
	if err := x.Room(1); err != ErrFull {
		t.Errorf("over the bound: %v", err)
	}
	if _, ok := x.Find("rev_0000000"); ok {
		t.Error("ten begin so, and one was found")
	}
	if r, ok := x.Find("rev_00000001"); !ok || r.ID != "rev_00000001" {
		t.Errorf("found %v, %v", r, ok)
	}
	if _, ok := x.Find("rev_"); ok {
		t.Error("a prefix of nothing was found")
	}
	if _, ok := x.Remove("rev_00000001"); !ok || x.Room(1) != nil {
		t.Error("no room after a removal")
	}
}
