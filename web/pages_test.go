package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/store"
	"gatehouse/policy"
	"gatehouse/recorder"
)

func TestPagesSayWhatHappened(t *testing.T) {
	h := newHouse(t, 0)
	live, ended, denied := h.some()
	for path, wants := range map[string][]string{
		"/":                                     {"live now", live.ID, denied.ID, ended.ID, "no rule admits rm"},
		"/sessions":                             {"exit 0", "denied", "deploy@web-2", "for web"},
		"/sessions?state=denied":                {denied.ID},
		"/sessions?who=nobody":                  {"No session fits this filter"},
		"/sessions/" + ended.ID:                 {"Timeline", "web/allow[0]", "exit status 0", "sha256:" + ended.Recording, "asciicast v3", ended.Started.Format("2006-01-02 15:04:05Z")},
		"/sessions/" + denied.ID:                {"Nothing ran", "no rule admits rm", "ls [-l]", "not_allowed"},
		"/sessions/" + live.ID:                  {"End session", `data-live-view`, "dialog"},
		"/sessions/" + live.ID + "/kill":        {"tail -f log", `name="reason"`, "required"},
		"/sessions/" + ended.ID + "/kill":       {"not running any more"},
		"/api/sessions/" + ended.ID:             {`"verdict":"allow"`, `"kind":"exit"`},
		"/api/sessions?state=live":              {live.ID},
		"/sessions/" + ended.ID + "/transcript": {"up 3 days"},
	} {
		status, body := h.get(path)
		for _, want := range wants {
			if status != http.StatusOK || !strings.Contains(body, want) {
				t.Errorf("%s: status %d, does not say %q", path, status, want)
			}
		}
	}
	if _, body := h.get("/sessions?state=denied"); strings.Contains(body, ended.ID) {
		t.Error("the filter for denied shows what was not")
	}
}

func TestErrorsAreHumane(t *testing.T) {
	h := newHouse(t, 0)
	h.some()
	for path, want := range map[string]int{
		"/nothing": 404, "/sessions/ses_7ZZZZZZZZZ": 404, "/sessions/ses_0": 404, "/sessions/%00": 404, "/sessions?state=zombie": 400,
		"/sessions?since=1y": 400, "/sessions?target=" + strings.Repeat("x", 101): 400, "/api/sessions/ses_7ZZZ/download?fmt=gif": 400,
		"/api/sessions/ses_7ZZZ/download?fmt=json": 404,
	} {
		status, body := h.get(path)
		if status != want || strings.Contains(body, "goroutine") || !strings.Contains(body, "<h1>") && !strings.Contains(body, `"error"`) {
			t.Errorf("%s: status %d, want %d\n%.200s", path, status, want, body)
		}
	}
}

// A failure of ours has an id that the log has too, and says nothing of its inside.
func TestOurFailuresHaveAnID(t *testing.T) {
	h := newHouse(t, 0)
	must(t, h.index.Close())
	answer, body := h.ask("GET", "/api/sessions", "ann-cookie", nil)
	if answer.StatusCode != http.StatusInternalServerError || !strings.Contains(body, `"id":"err_`) || strings.Contains(body, "database") {
		t.Errorf("status %d %s", answer.StatusCode, body)
	}
	if !strings.Contains(h.logs.String(), body[strings.Index(body, "err_"):][:30]) {
		t.Errorf("the log does not have the id of %s:\n%s", body, h.logs.String())
	}
}

// Whatever names, commands, reasons and output contain, the pages show it escaped.
func TestHostileTextIsEscaped(t *testing.T) {
	h := newHouse(t, 0)
	const evil = `"><img src=x onerror=alert(1)><script>alert(2)</script>` + "\u202e\x1b]0;x\x07"
	d := policy.Decision{Verdict: policy.Deny, Reason: evil, Rules: []string{evil}, Nearest: []string{evil}, PolicyHash: evil, Failed: &policy.Failed{Token: evil}}
	s, rec := h.session(store.Session{Identity: "agent:" + evil, Owner: evil, Task: evil, Target: evil, Login: evil, Source: evil, Command: evil, Connection: evil}, d)
	must(t, rec.Write(recorder.Output, []byte(evil)))
	h.write(rec, recorder.Note, map[string]string{"note": evil})
	h.write(rec, recorder.Kill, map[string]string{"by": evil, "reason": evil})
	must(t, rec.Write(recorder.Signal, []byte(evil)))
	s.State, s.Reason, s.Rule, s.Code, s.Signal, s.Remote = store.Killed, evil, evil, evil, evil, "unconfirmed"
	h.finish(s, rec)
	for _, path := range []string{"/", "/sessions", "/sessions?who=" + url.QueryEscape(`"><img src=x>`), "/sessions/" + s.ID, "/sessions/" + s.ID + "/kill", "/sessions/" + s.ID + "/transcript"} {
		status, body := h.get(path)
		for _, bad := range []string{"<img src=x", "<script>alert", "\u202e", "\x1b", "\x07"} {
			if status != http.StatusOK || strings.Contains(body, bad) {
				t.Errorf("%s: status %d, lets %q through", path, status, bad)
			}
		}
	}
	if _, body := h.get("/sessions/" + s.ID); !strings.Contains(body, `\u202e\x1b]0;x\x07`) {
		t.Error("hidden characters are not shown")
	}
}

// Without the player the page says so, and the rest works.
func TestWithoutPlayer(t *testing.T) {
	h := newHouse(t, 0)
	_, ended, _ := h.some()
	delete(h.web.assets.files, playerScript)
	_, body := h.get("/sessions/" + ended.ID)
	if !strings.Contains(body, "not built into this binary") || strings.Contains(body, playerScript) || !strings.Contains(body, "/transcript") {
		t.Errorf("%s", body)
	}
}

func TestKillWithoutScript(t *testing.T) {
	h := newHouse(t, 0)
	live, _, _ := h.some()
	path := "/sessions/" + live.ID + "/kill"
	if answer, body := h.ask("POST", path, "ann-cookie", url.Values{"reason": {" "}}); answer.StatusCode != http.StatusBadRequest || !strings.Contains(body, "reason") {
		t.Errorf("without a reason: status %d", answer.StatusCode)
	}
	h.decider.took()
	answer, body := h.ask("POST", path, "ann-cookie", url.Values{"reason": {"wrong host"}})
	if answer.StatusCode != http.StatusOK || !strings.Contains(body, "Process unconfirmed") || !strings.Contains(body, live.ID) {
		t.Errorf("status %d\n%s", answer.StatusCode, body)
	}
	if got := h.decider.took(); len(got) != 1 || got[0] != (asked{"kill", live.ID, "wrong host"}) {
		t.Errorf("authorised %+v", got)
	}
	if _, body = h.get("/sessions/" + live.ID); !strings.Contains(body, "may still run") || !strings.Contains(body, "wrong host") {
		t.Error("the session's page does not say how it ended")
	}
	if answer, _ = h.ask("POST", path, "ann-cookie", url.Values{"reason": {"again"}}); answer.StatusCode != http.StatusConflict {
		t.Errorf("the second time: status %d", answer.StatusCode)
	}
}

func TestPaging(t *testing.T) {
	h := newHouse(t, 0)
	for i := range 55 {
		s := store.Session{ID: "ses_01KAQ3Z8XY" + strings.Repeat("0", 14) + string("0123456789"[i/10]) + string("0123456789"[i%10]), State: store.Ended,
			Identity: "agent:a", Target: "t", Login: "l", Started: time.Now().Add(time.Duration(i) * time.Second)}
		must(t, h.store.Put(t.Context(), s))
	}
	_, body := h.get("/sessions?target=t")
	_, rest, found := strings.Cut(body, `<a href="/sessions?before=`)
	if !found || strings.Count(body, "data-item") != 50 || !strings.Contains(rest, "target=t") {
		t.Fatalf("first page: %d rows", strings.Count(body, "data-item"))
	}
	next, _, _ := strings.Cut(rest, "&")
	_, body = h.get("/sessions?target=t&before=" + next)
	if strings.Count(body, "data-item") != 5 || !strings.Contains(body, "Newest") {
		t.Errorf("second page: %d rows", strings.Count(body, "data-item"))
	}
}
