package notify

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/testsink"
	"gatehouse/recorder/audit"
)

// step runs what is due at a channel now, until there is nothing.
func step(t *testing.T, n *Notifier) {
	t.Helper()
	for range 1000 {
		wait, err := n.workers[0].once(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if wait > 0 {
			return
		}
	}
	t.Fatal("it never rests")
}

func alert(n *Notifier, kind string, s Severity, i int) Alert {
	return Alert{ID: n.newAlertID(), Kind: kind, Severity: s, Subject: fmt.Sprint("subject ", i), Title: "t", Text: "x", Runbook: "#r", Time: n.cfg.Now(), Seq: int64(i)}
}

// TestTooManyAreSummedUp: a channel gets what it may within an hour, all that is critical, and then how many more there were.
func TestTooManyAreSummedUp(t *testing.T) {
	b := newBench(t)
	b.at = time.Now().Truncate(time.Second)
	hook := testsink.NewHook(t, b.dir)
	c := b.hook("ops", hook.URL(), b.path("ca.pem"))
	c.PerHour = 3
	n := b.open(c)
	defer n.Close()
	var alerts []Alert
	for i := range 10 {
		alerts = append(alerts, alert(n, "lock", Warning, i))
	}
	alerts = append(alerts, alert(n, KindGlass, Critical, 10))
	b.must(n.out.save(t.Context(), b.now(), 0, state{}, alerts, n.cfg.Channels))
	step(t, n)
	kinds := func() (list []string) {
		for _, e := range unique(t, hook) {
			list = append(list, e.Data.Kind)
		}
		return list
	}
	if got := kinds(); !slices.Equal(got, []string{KindGlass, "lock", "lock", "lock"}) {
		t.Fatalf("%q", got)
	}
	b.at = b.at.Add(59 * time.Minute)
	step(t, n)
	if got := kinds(); len(got) != 4 {
		t.Fatalf("within the hour: %q", got)
	}
	b.at = b.at.Add(2 * time.Minute)
	step(t, n)
	got := unique(t, hook)
	if last := got[len(got)-1]; len(got) != 5 || last.Data.Kind != KindMore || last.Data.Count != 7 || !strings.Contains(last.Data.Text, "7 lock") {
		t.Fatalf("%+v", got)
	}
}

// TestDeadLettersAreKeptAndSentAgain: what nobody takes for a day is a dead letter, noted in the log, listed, and sent again with the
// same id.
func TestDeadLettersAreKeptAndSentAgain(t *testing.T) {
	b := newBench(t)
	b.at = time.Now().Truncate(time.Second)
	hook := testsink.NewHook(t, b.dir)
	hook.Fail(1)
	n := b.open(b.hook("ops", hook.URL(), b.path("ca.pem")))
	defer n.Close()
	a := alert(n, "lock", Warning, 1)
	b.must(n.out.save(t.Context(), b.now(), 0, state{}, []Alert{a}, n.cfg.Channels))
	for range 3 {
		if _, err := n.workers[0].once(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.at = b.at.Add(10 * time.Hour)
	}
	if list, err := n.List(t.Context(), Filter{Dead: true, Most: 10}); err != nil || len(list) != 0 {
		t.Fatalf("dead too early: %+v, %v", list, err)
	}
	if _, err := n.workers[0].once(t.Context()); err != nil {
		t.Fatal(err)
	}
	list, err := n.List(t.Context(), Filter{Dead: true, Most: 10})
	if err != nil || len(list) != 1 || list[0].ID != a.ID || list[0].Deliveries[0].Why == "" {
		t.Fatalf("%+v, %v", list, err)
	}
	noted := false
	r, err := audit.OpenReader(b.path("log"), 0)
	b.must(err)
	defer r.Close()
	records, err := r.Read(b.log.Size(), 100)
	b.must(err)
	for _, x := range records {
		e, err := audit.Parse(x.Line)
		b.must(err)
		noted = noted || e.Type == audit.Alert && e.Outcome == "dead" && e.Object == "ops" && strings.Contains(e.Reason, a.ID)
	}
	if !noted {
		t.Error("the log does not say so")
	}
	hook.Fail(0)
	short, err := n.Resolve(t.Context(), a.ID[:29])
	if err != nil || short != a.ID {
		t.Fatal(short, err)
	}
	for id, want := range map[string]bool{"alt_none": false, a.ID: true} {
		if _, err := n.Resend(t.Context(), "ops", id); (err == nil) != want {
			t.Errorf("%s: %v", id, err)
		}
	}
	if _, err := n.Resend(t.Context(), "nobody", a.ID); err == nil {
		t.Error("to a channel that there is not")
	}
	step(t, n)
	if list, _ = n.List(t.Context(), Filter{Most: 10}); list[0].Deliveries[0].State != Sent {
		t.Errorf("%+v", list)
	}
	for _, e := range unique(t, hook) {
		if e.ID != a.ID {
			t.Errorf("it came as %s", e.ID)
		}
	}
}

// TestPlaceAndAlertsAreOne: whatever entry the process ends after, nothing of the log is told of twice or never.
func TestPlaceAndAlertsAreOne(t *testing.T) {
	b := newBench(t)
	n := b.open(b.hook("ops", "https://127.0.0.1:1", ""))
	const all = 20
	for i := range all {
		b.add(lockEntries(i)[0])
		r := &reading{n: n, rules: newRules(b.mask)}
		cursor, s, _, err := n.out.place(t.Context())
		b.must(err)
		r.rules.state = s.ready()
		r.log, err = audit.OpenReader(b.path("log"), cursor)
		b.must(err)
		ctx, cancel := context.WithCancel(t.Context())
		if i%2 == 1 {
			cancel() // the end comes before the transaction: nothing of it may stay
		}
		_, err = r.step(ctx)
		cancel()
		if (err != nil) != (i%2 == 1) {
			t.Fatalf("%d: %v", i, err)
		}
		b.must(r.log.Close())
		b.must(n.Close()) // and the next process begins
		n = b.open(b.hook("ops", "https://127.0.0.1:1", ""))
	}
	b.start(b.hook("ops", "https://127.0.0.1:1", ""))
	b.until("all are made", func() bool {
		list, err := b.n.List(t.Context(), Filter{Most: 100})
		b.must(err)
		return len(list) >= all
	})
	list, err := b.n.List(t.Context(), Filter{Most: 100})
	b.must(err)
	subjects := map[string]int{}
	for _, k := range list {
		subjects[k.Subject]++
	}
	if len(list) != all || len(subjects) != all {
		t.Errorf("%d alerts of %d subjects, want %d", len(list), len(subjects), all)
	}
	_, s, _, err := b.n.out.place(t.Context())
	b.must(err)
	for key, w := range s.Windows { // where a second telling would be counted
		if w.More != 0 {
			t.Errorf("%q was read %d times more", key, w.More)
		}
	}
	b.must(n.Close())
}

// TestChannelsChoose: by kind and severity; break-glass goes to all.
func TestChannelsChoose(t *testing.T) {
	c := (&bench{t: t, dir: t.TempDir()}).hook("x", "https://x.test", "")
	c.Kinds, c.MinSeverity = []string{"access.*", "lock"}, "notice"
	for kind, want := range map[string]bool{"access.requested": true, "lock": true, "lock.lifted": false, "policy.loaded": false, KindGlass: true} {
		if wants(&c, Alert{Kind: kind, Severity: Notice}) != want {
			t.Error(kind)
		}
	}
	if wants(&c, Alert{Kind: "lock", Severity: Info}) || !wants(&c, Alert{Kind: KindGlass, Severity: Info}) {
		t.Error("severity")
	}
}
