package main

import (
	"path/filepath"
	"testing"
	"time"

	"gatehouse/internal/store"
	"gatehouse/recorder"
)

// A recording that was not settled joins its session's row: what the index knows of a session that had ended is kept, also
// when the log does not know of the end. Only a session without a row is made up from the recording's header.
func TestUnfinishedKeepsTheRow(t *testing.T) {
	const had, live, lost = "ses_01KB0000000000000000000001", "ses_01KB0000000000000000000002", "ses_01KB0000000000000000000003"
	sessions, err := store.OpenSQLite(store.Config{Path: filepath.Join(t.TempDir(), "gatehouse.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer sessions.Close()
	for _, s := range []store.Session{
		{ID: had, Command: "uptime", Verdict: "allow", State: store.Failed, Reason: "Gatehouse is stopping", Started: time.Unix(1, 0)},
		{ID: live, Command: "id", State: store.Live, Started: time.Unix(1, 0)},
	} {
		if err := sessions.Put(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	open, err := sessions.Interrupt(t.Context(), time.Unix(2, 0))
	if err != nil {
		t.Fatal(err)
	}
	var recovered []recorder.Recovered
	for _, id := range []string{had, live, lost} {
		recovered = append(recovered, recorder.Recovered{Summary: recorder.Summary{Session: id}, Header: recorder.Header{Identity: "agent:bot"}})
	}
	todo, err := (&door{sessions: sessions}).unfinished(t.Context(), open, recovered)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]store.Session{}
	for _, u := range todo {
		if u.recording == nil || u.recording.Session != u.row.ID {
			t.Errorf("%s has the recording %+v", u.row.ID, u.recording)
		}
		got[u.row.ID] = u.row
	}
	if s := got[had]; s.Command != "uptime" || s.State != store.Failed || s.Reason != "Gatehouse is stopping" {
		t.Errorf("a session that had ended became %+v", s)
	}
	if s := got[live]; s.Command != "id" || s.State != store.Interrupted || s.Reason == "" {
		t.Errorf("a live session became %+v", s)
	}
	if s := got[lost]; s.Identity != "agent:bot" || s.State != store.Interrupted || len(got) != 3 {
		t.Errorf("a session without a row became %+v", s)
	}
}
