package notify

import (
	"testing"
	"time"
)

// TestOneSubjectInItsOrder: while the first alert of a subject waits for its next try, the second is not tried, however severe; those of
// other subjects are.
func TestOneSubjectInItsOrder(t *testing.T) {
	b := newBench(t)
	b.at = time.Now().Truncate(time.Second)
	n := b.open(b.hook("ops", "https://127.0.0.1:1", ""))
	defer n.Close()
	first, second, other := alert(n, "lock", Warning, 1), alert(n, "lock.lifted", Critical, 1), alert(n, "lock", Info, 2)
	b.must(n.out.save(t.Context(), b.now(), 0, state{}, []Alert{first, second, other}, n.cfg.Channels))
	next := func() (delivery, string) {
		t.Helper()
		d, ok, _, err := n.out.next(t.Context(), b.now(), "ops", false)
		b.must(err)
		if !ok {
			return d, ""
		}
		return d, d.alert.ID
	}
	d, id := next()
	if id != first.ID {
		t.Fatalf("first comes %s", id)
	}
	b.must(n.out.settle(t.Context(), "ops", d, Waiting, b.now().Add(time.Minute), time.Time{}, "away"))
	d, id = next()
	if id != other.ID {
		t.Fatalf("while the first waits, %q is tried", id)
	}
	b.must(n.out.settle(t.Context(), "ops", d, Sent, b.now(), b.now(), ""))
	if _, id = next(); id != "" {
		t.Fatalf("while the first waits, %q is tried", id)
	}
	b.at = b.at.Add(time.Minute)
	if d, id = next(); id != first.ID {
		t.Fatalf("after the wait comes %q", id)
	}
	b.must(n.out.settle(t.Context(), "ops", d, Dead, b.now(), b.now(), "away"))
	if _, id = next(); id != second.ID {
		t.Fatalf("after the first comes %q", id)
	}
}
