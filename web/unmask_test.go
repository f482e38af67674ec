package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/console"
	"gatehouse/internal/store"
	"gatehouse/recorder"
)

// leak adds a session whose command and output hold a password, and returns both.
func (h *house) leak() (store.Session, string) {
	h.t.Helper()
	password := "Tr0ub4" + "dor" + strings.Repeat("x", 5)
	s, rec := h.session(store.Session{Identity: "agent:release-bot", Owner: "group:web", Target: "web-1", Login: "deploy", Command: "x --password " + password}, allow("web/allow[0]"))
	must(h.t, rec.Write(recorder.Output, []byte("DB_PASSWORD="+password+"\n")))
	s.State = store.Ended
	return h.finish(s, rec), password
}

// reveals are the paths under which a session is shown unmasked, with what each is authorised as before that.
func reveals(id string) map[string]asked {
	return map[string]asked{
		"/sessions/" + id + "/unmasked":                                 {Verb: console.SessionsShow, Object: id},
		"/sessions/" + id + "/unmasked/transcript":                      {console.SessionsExport, id, "text"},
		"/api/sessions/" + id + "/unmasked":                             {Verb: console.SessionsShow, Object: id},
		"/api/sessions/" + id + "/unmasked/transcript":                  {console.SessionsExport, id, "text"},
		"/api/sessions/" + id + "/unmasked/download?fmt=json":           {console.SessionsExport, id, "json"},
		"/api/sessions/" + id + "/unmasked/cast/seg/0.json?idle=2":      {Verb: console.SessionsPlay, Object: id},
		"/api/sessions/" + id + "/unmasked/cast/index.json?idle=2":      {Verb: console.SessionsPlay, Object: id},
		"/api/sessions/" + id + "/unmasked/download?fmt=asciicast-v3":   {console.SessionsExport, id, "asciicast-v3"},
		"/api/sessions/" + id + "/unmasked/download?fmt=text&download=": {console.SessionsExport, id, "text"},
	}
}

// Each read that shows a secret is authorised by itself, as what it is and as an unmasking with its reason.
func TestUnmaskedReadsAreAuthorisedTwice(t *testing.T) {
	h := newHouse(t, 50*time.Millisecond)
	h.decider.rights["ann"] = []string{"view", "unmask"}
	s, password := h.leak()
	for path := range reveals(s.ID) {
		if answer, body := h.ask("GET", path, "ann-cookie", nil); answer.StatusCode != http.StatusForbidden || strings.Contains(body, password) {
			t.Errorf("%s before any reason: %d\n%.300s", path, answer.StatusCode, body)
		}
	}
	h.decider.took()
	answer, _ := h.ask("POST", "/sessions/"+s.ID[:20]+"/unmask", "ann-cookie", url.Values{"reason": {"INC-7"}})
	if got := h.decider.took(); answer.StatusCode != http.StatusSeeOther || len(got) != 2 || got[1] != (asked{console.SessionsUnmask, s.ID, "INC-7"}) {
		t.Fatalf("%d, %+v", answer.StatusCode, got)
	}
	for path, want := range reveals(s.ID) {
		answer, body := h.ask("GET", path, "ann-cookie", nil)
		got := h.decider.took()
		if answer.StatusCode != http.StatusOK || len(got) != 2 || got[0] != want || got[1] != (asked{console.SessionsUnmask, s.ID, "INC-7"}) {
			t.Errorf("%s: %d, %+v", path, answer.StatusCode, got)
		}
		if !strings.Contains(path, "index.json") && !strings.Contains(body, password) {
			t.Errorf("%s: still masked\n%.300s", path, body)
		}
	}
	for path := range reads(s.ID) {
		if _, body := h.ask("GET", path, "ann-cookie", nil); strings.Contains(body, password) {
			t.Errorf("%s is unmasked too", path)
		}
	}
}

// A reason is one person's, for one session; the right can be taken away while it holds.
func TestAReasonOpensNothingElse(t *testing.T) {
	h := newHouse(t, 50*time.Millisecond)
	h.decider.rights["ann"], h.decider.rights["vic"] = []string{"view", "unmask"}, []string{"view", "unmask"}
	s, password := h.leak()
	other, _ := h.leak()
	for _, reason := range []string{"", "  ", "two\nlines", strings.Repeat("x", 501)} {
		if answer, _ := h.ask("POST", "/sessions/"+s.ID+"/unmask", "ann-cookie", url.Values{"reason": {reason}}); answer.StatusCode != http.StatusBadRequest {
			t.Errorf("reason %q: %d", reason, answer.StatusCode)
		}
	}
	h.ask("POST", "/sessions/"+s.ID+"/unmask", "ann-cookie", url.Values{"reason": {"INC-7"}})
	shut := func(cookie, id string) {
		t.Helper()
		for path := range reveals(id) {
			if answer, body := h.ask("GET", path, cookie, nil); answer.StatusCode == http.StatusOK || strings.Contains(body, password) {
				t.Errorf("%s for %s: %d", path, cookie, answer.StatusCode)
			}
		}
	}
	shut("vic-cookie", s.ID)
	shut("ann-cookie", other.ID)
	h.decider.rights["ann"] = []string{"view"}
	shut("ann-cookie", s.ID)
}

func TestTheFormIsForThoseWhoMay(t *testing.T) {
	h := newHouse(t, 50*time.Millisecond)
	s, _ := h.leak()
	const form = "Why you need to see it"
	if _, body := h.get("/sessions/" + s.ID); strings.Contains(body, form) {
		t.Error("offered to somebody without the right")
	}
	h.decider.rights["ann"] = []string{"view", "unmask"}
	if _, body := h.get("/sessions/" + s.ID); !strings.Contains(body, form) || !strings.Contains(body, `action="/sessions/`+s.ID+`/unmask"`) {
		t.Error("not offered")
	}
	live, _, _ := h.some()
	if _, body := h.get("/sessions/" + live.ID); strings.Contains(body, form) {
		t.Error("offered for a live session")
	}
}

func TestReasonsEndAndAreFew(t *testing.T) {
	now := time.Now()
	u := newUnmasks(func() time.Time { return now })
	key := func(n int) unmaskKey { return unmaskKey{"cookie", fmt.Sprint(n)} }
	u.give(key(0), "INC-7")
	now = now.Add(unmaskTime - time.Second)
	if reason, ok := u.reason(key(0)); !ok || reason != "INC-7" {
		t.Error("ended early")
	}
	now = now.Add(time.Second)
	if _, ok := u.reason(key(0)); ok {
		t.Error("holds too long")
	}
	for n := range maxUnmasks + 10 {
		now = now.Add(time.Millisecond)
		u.give(key(n), "x")
	}
	if len(u.by) > maxUnmasks {
		t.Errorf("%d are kept", len(u.by))
	}
	if _, ok := u.reason(key(9)); ok {
		t.Error("the oldest is kept")
	}
	if _, ok := u.reason(key(maxUnmasks + 9)); !ok {
		t.Error("the newest is not")
	}
}
