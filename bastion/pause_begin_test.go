package bastion

import (
	"testing"
	"time"

	"gatehouse/internal/console"
	"gatehouse/internal/store"
	"gatehouse/policy"
)

// TestNothingBeginsWhilePaused: a command that people approve while its session is paused begins when somebody resumes it.
func TestNothingBeginsWhilePaused(t *testing.T) {
	w, p := newWaiting(t, time.Minute, Limits{})
	c := w.client("deploy@web-1", w.certify(policy.Agent, "bot", 10*time.Minute))
	r := w.wait(c, "cat", nil)
	w.must(r.in.Close())
	order := console.KillOrder{Session: w.session("cat", store.Live).ID, By: console.Actor{Principal: "person:ann"}, Reason: "look first"}
	report, err := w.server.Pause(t.Context(), order)
	if err != nil || len(report.Sessions) != 1 {
		t.Fatal(report, err)
	}
	before := len(p.questions())
	p.say(w, "yes")
	for deadline := time.Now().Add(10 * time.Second); len(p.questions()) == before && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
	}
	time.Sleep(300 * time.Millisecond) // as long as it takes to begin
	if s := w.session("cat", store.Live); s.ID != order.Session {
		t.Errorf("it ended while it was paused: %+v", s)
	}
	found, err := w.host.Processes("cat")
	w.must(err)
	for _, one := range found {
		if one.Command[0] == "cat" {
			t.Errorf("it runs while it is paused: %+v", found)
		}
	}
	if _, err := w.server.Resume(t.Context(), order); err != nil {
		t.Fatal(err)
	}
	r.ends(t, 0) // it may be over before the client could be told that it goes on
}
