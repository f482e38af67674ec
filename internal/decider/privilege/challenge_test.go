package privilege

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/console"
	"gatehouse/policy"
	"gatehouse/policy/access"
)

// TestChallengeOnce: a challenge is good once, for its person, for five minutes; whoever takes it, it is gone.
func TestChallengeOnce(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	c := NewChallenges(func() time.Time { return now })
	begin := func(person string) Challenge {
		t.Helper()
		x, ok := c.Begin(Challenge{Person: person, Nonce: NewNonce()})
		if !ok {
			t.Fatal("no room")
		}
		return x
	}
	x := begin("vic")
	if got, ok := c.Take(x.ID, "vic"); !ok || got.ID != x.ID {
		t.Error("not good once")
	}
	if _, ok := c.Take(x.ID, "vic"); ok {
		t.Error("good twice")
	}
	x = begin("vic")
	if _, ok := c.Take(x.ID, "uma"); ok {
		t.Error("good for another")
	}
	if _, ok := c.Take(x.ID, "vic"); ok {
		t.Error("good after another tried")
	}
	x = begin("vic")
	now = now.Add(ChallengeTTL + time.Second)
	if _, ok := c.Take(x.ID, "vic"); ok {
		t.Error("good after its time")
	}
	first := begin("vic")
	now = now.Add(time.Second)
	for range maxChallengesEach {
		begin("vic")
	}
	if _, ok := c.Take(first.ID, "vic"); ok {
		t.Error("the oldest is kept above the bound")
	}
	for i := range maxChallenges {
		c.Begin(Challenge{Person: strconv.Itoa(i)})
	}
	if _, ok := c.Begin(Challenge{Person: "late"}); ok || len(c.open) > maxChallenges {
		t.Errorf("%d are open", len(c.open))
	}
}

// TestDenialsBounds: the newest denials of an identity are kept, for a day, and no identity takes the room of another.
func TestDenialsBounds(t *testing.T) {
	at := time.Unix(1_800_000_000, 0)
	l := NewDenials()
	add := func(name, who string) {
		l.Add(Denial{AccessDenial: console.AccessDenial{ID: name, At: at}, By: access.Requester{Principal: who}, Request: policy.Request{Text: "x", Facts: policy.Facts{Globs: map[string][]string{"/*": {"/a"}}}}})
	}
	add("dn_quiet", "agent:quiet")
	for i := range 3 * maxDenialsEach {
		add("dn_"+strconv.Itoa(i), "agent:loud")
	}
	long := Denial{By: access.Requester{Principal: "agent:long"}, Request: policy.Request{Text: strings.Repeat("x", maxBytesEach/2)}}
	for range maxDenialBytes/len(long.Request.Text) + 2 {
		long.At = at
		l.Add(long)
	}
	if mine := l.each["agent:long"]; mine.n != 1 || mine.bytes > maxBytesEach {
		t.Errorf("of one identity: %+v", mine)
	}
	if _, ok := l.Find("dn_quiet", at); !ok {
		t.Error("one identity's denials are dropped for another's")
	}
	if got := l.Of("agent:loud", at, 1000); len(got) != maxDenialsEach || got[0].ID != "dn_299" {
		t.Errorf("%d, the newest %q", len(got), got[0].ID)
	}
	if _, ok := l.Find("dn_0", at); ok {
		t.Error("the oldest is kept above the bound")
	}
	if x, ok := l.Find("dn_299", at); !ok || x.Request.Facts.Globs != nil {
		t.Errorf("%+v", x)
	}
	if _, ok := l.Find("dn_299", at.Add(denialsFor+time.Second)); ok {
		t.Error("found after a day")
	}
	at = at.Add(denialsFor + time.Second)
	add("dn_new", "agent:new")
	if len(l.all) != 1 || len(l.each) != 1 {
		t.Errorf("%d are kept after a day", len(l.all))
	}
}
