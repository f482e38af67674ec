package bastion

import (
	"testing"
	"time"

	"gatehouse/internal/console"
	"gatehouse/internal/rawssh"
	"gatehouse/internal/store"
	"gatehouse/policy"
)

// A client that shuts its window pins neither a kill nor the session's end, and its connection goes with it.
func TestKillOfAShutWindow(t *testing.T) {
	w := newWhole(t)
	c, err := rawssh.Login(w.addr, "", "deploy@web-1", w.certify(policy.Agent, "bot", 10*time.Minute))
	w.must(err)
	defer c.Close()
	ch, err := c.OpenSession(1, 0)
	w.must(err)
	w.must(c.Send(rawssh.Request(ch, "exec", true, rawssh.String("echo never read"))))
	row := w.session("echo never read", store.Live)
	report, err := w.server.Kill(t.Context(), console.KillOrder{Session: row.ID, Reason: "shut", By: console.Actor{Principal: "person:ann"}})
	w.must(err)
	if len(report.Sessions) != 1 {
		t.Errorf("report: %+v", report)
	}
	if got := w.session("echo never read", store.Killed); got.Recording == "" {
		t.Errorf("the session: %+v", got)
	}
	if !c.Drain() {
		t.Error("the connection is still open")
	}
}
