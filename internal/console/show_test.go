package console

import (
	"strings"
	"testing"
	"time"

	"gatehouse/internal/store"
	"gatehouse/policy"
	"gatehouse/recorder"
)

// The timeline joins a command to its decision and each step of a plan to the rule that admitted it.
func TestTimeline(t *testing.T) {
	d := newDesk(t)
	_, ended, denied := d.some()
	got, err := d.Show(t.Context(), ann, ended.ID)
	must(t, err)
	m := got.Timeline.Moments
	if len(m) != 2 || m[0].Kind != "command" || m[0].Decision == nil || m[0].Decision.Verdict != policy.Allow || m[1].Text != "exit status 0" {
		t.Fatalf("%+v", m)
	}
	if s := m[0].Steps; len(s) != 2 || s[0].Rule != "web/allow[0]" || s[1].Rule != "web/allow[1]" || s[1].Argv[0] != "grep" {
		t.Errorf("steps %+v", s)
	}
	got, err = d.Show(t.Context(), ann, denied.ID)
	must(t, err)
	if s := got.Timeline.Moments[0].Steps; len(s) != 1 || !s[0].Failed {
		t.Errorf("the denied step is not marked: %+v", s)
	}
	out, _, _ := d.run("sessions", "show", denied.ID)
	for _, want := range []string{"✗ deny", "no rule admits rm", "agent:triage-bot", "deploy@web-2", "2026-11-22 19:30:00Z", "sha256:"} {
		if !strings.Contains(out, want) {
			t.Errorf("show does not say %q:\n%s", want, out)
		}
	}
}

// Without a recording the index is still shown.
func TestShowWithoutRecording(t *testing.T) {
	d := newDesk(t)
	s := store.Session{ID: "ses_01KAQ3Z8XYABCDEFGHJKMNPQRS", Identity: "agent:a", Target: "t", Login: "l", State: store.Denied, Started: d.now}
	must(t, d.store.Put(t.Context(), s))
	out, errs, code := d.run("sessions", "show", s.ID)
	if code != 0 || !strings.Contains(out, "No recording.") {
		t.Errorf("exit %d %q %q", code, out, errs)
	}
	if _, errs, code = d.run("sessions", "play", s.ID); code != 1 || !strings.Contains(errs, "nothing was recorded") {
		t.Errorf("play: exit %d %q", code, errs)
	}
}

// A timeline is bounded, and what decodes to nothing is shown, not dropped.
func TestTimelineIsBounded(t *testing.T) {
	var tl Timeline
	for range maxMoments + 7 {
		tl.add(time.Time{}, recorder.Event{Code: recorder.Note, Data: []byte("not JSON")})
	}
	if len(tl.Moments) != maxMoments || tl.Omitted != 7 || tl.Moments[0].Text != "not JSON" {
		t.Errorf("%d moments, %d omitted, first %+v", len(tl.Moments), tl.Omitted, tl.Moments[0])
	}
}
