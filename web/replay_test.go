package web

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"gatehouse/internal/id"
	"gatehouse/internal/store"
	"gatehouse/internal/testrec"
	"gatehouse/policy"
	"gatehouse/recorder"
)

// workday is an ended session of a whole working day on a pty: commands of every verdict, output in bursts, a full-screen
// program, long pauses. It returns what it wrote of the screen, by the time.
func (h *house) workday() (store.Session, []recorder.Event) {
	h.t.Helper()
	s := store.Session{ID: id.New(id.Session, time.Now()), Identity: "agent:release-bot", Owner: "group:web", Target: "web-1", Login: "deploy", PTY: true,
		Command: "bash", Verdict: "allow", State: store.Ended, Started: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)}
	w, err := testrec.Create(h.dir, recorder.Header{Session: s.ID, Identity: s.Identity, Owner: s.Owner, Target: s.Target, Login: s.Login, PTY: true, Cols: 100, Rows: 28, Started: s.Started})
	must(h.t, err)
	var all []recorder.Event
	now := time.Duration(0)
	put := func(after time.Duration, code recorder.Code, text string) {
		now += after
		w.Event(now, code, []byte(text))
		all = append(all, recorder.Event{At: now, Code: code, Data: []byte(text)})
	}
	rnd := rand.New(rand.NewPCG(7, 7))
	verdicts := []policy.Decision{allow("web/allow[0]"), {Verdict: policy.Deny, Code: policy.CodeNotAllowed, Reason: "no rule admits rm"}, {Verdict: policy.Ask, Rules: []string{"web/ask[0]"}}}
	for i := range 40 {
		line := fmt.Sprintf("journalctl -n %d -u app-web", i+1)
		d := verdicts[0]
		if i%9 == 4 {
			d, line = verdicts[1], "rm -rf /srv/app"
		}
		if i%11 == 7 {
			d, line = verdicts[2], "systemctl restart app-web"
		}
		now += time.Duration(rnd.IntN(900)) * time.Second
		w.JSON(now, recorder.Command, map[string]any{"line": line})
		w.JSON(now, recorder.Decision, d)
		put(time.Second, 'o', fmt.Sprintf("\x1b[1;32mdeploy@web-1\x1b[0m:\x1b[1;34m~\x1b[0m$ %s\r\n", line))
		if i%10 == 6 {
			put(500*time.Millisecond, 'o', "\x1b[?1049h\x1b[2J\x1b[H\x1b[7m top - an editor \x1b[0m\x1b[12;20Hin the middle")
			put(30*time.Second, 'o', "\x1b[12;20Hpainted over")
			put(3*time.Second, 'o', "\x1b[?1049l")
			continue
		}
		for j := range rnd.IntN(3000) {
			put(time.Duration(rnd.IntN(4))*time.Millisecond, 'o', fmt.Sprintf("Nov 22 10:%02d:%02d web-1 app[%d]: \x1b[3%dmrequest %d-%d\x1b[0m took %d ms\r\n", i, j%60, 1000+i, j%8, i, j, rnd.IntN(900)))
		}
	}
	w.JSON(now, recorder.Exit, map[string]int{"status": 0})
	s.Recording, err = w.Close()
	must(h.t, err)
	zero := 0
	s.Exit, s.EndedAt = &zero, s.Started.Add(now)
	must(h.t, h.store.Put(context.Background(), s))
	return s, all
}
