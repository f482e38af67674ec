package web

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/console"
	"gatehouse/policy/access"
)

// Programs of people who are signed in get what the pages show; refusals have the form that all of /v1 has.
func TestV1Privileges(t *testing.T) {
	h, q := furnished(t)
	get := func(path, cookie string) (int, string) {
		answer, body := h.ask("GET", path, cookie, nil)
		if c := answer.Header.Get("Access-Control-Allow-Origin"); c != "" {
			t.Errorf("%s allows %q", path, c)
		}
		return answer.StatusCode, body
	}
	for path, want := range map[string]string{"/v1/requests": q.ID, "/v1/requests?answer=true&state=pending": q.ID, "/v1/requests/" + q.ID: `"hash":"sha256:4d8f"`, "/v1/grants?live=true": grantID(1), "/v1/locks": lockID(2),
		"/v1/requests?state=declined": `{"requests":[]}`} {
		if status, body := get(path, "ann-cookie"); status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d %.300s", path, status, body)
		}
		var e APIError
		status, body := get(path, "")
		if must(t, json.Unmarshal([]byte(body), &e)); status != http.StatusUnauthorized || e.Code != "signed_out" || e.ID == "" || e.Hint == "" {
			t.Errorf("%s without a cookie: %d %s", path, status, body)
		}
	}
	for path, want := range map[string]int{"/v1/requests?state=x": 400, "/v1/requests?answer=perhaps": 400, "/v1/requests/ses_01K": 404, "/v1/requests/ar_..": 404, "/v1/requests/" + askID(7): 400, "/v1/grants?live=x": 400} {
		if status, body := get(path, "ann-cookie"); status != want {
			t.Errorf("%s: %d, want %d %s", path, status, want, body)
		}
	}
	for body, want := range map[string]int{`{"role":"db","targets":["db-1"],"login":"dba","reason":"index","for":"2h","uses":3}`: 201, `{"reason":"x","break_glass":true,"role":"root"}`: 400, `{"role":"db"}`: 400,
		`{"role":"db","reason":"a\nb"}`: 400, `{"role":"db","reason":"x","for":"soon"}`: 400} {
		if status, text := h.send("/v1/requests", "ann-cookie", body); status != want {
			t.Errorf("%s: %d %s", body, status, text)
		}
	}
	if o := h.access.orders; len(o) != 1 || o[0].For != 2*time.Hour || o[0].Uses != 3 || !slices.Equal(o[0].Targets, []string{"db-1"}) {
		t.Errorf("asked for %+v", o)
	}
	h.access.refuse = &console.ForbiddenError{Reason: "you own it"}
	if status, text := h.send("/v1/requests/"+q.ID+"/decline", "ann-cookie", `{"words":"no"}`); status != http.StatusForbidden || !strings.Contains(text, "you own it") || !strings.Contains(text, `"not_allowed"`) {
		t.Errorf("refused: %d %s", status, text)
	}
	h.send("/v1/locks", "ann-cookie", `{"kind":"task","value":"OPS-7","reason":"x","until":"8h"}`)
	if l := h.access.locked; len(l) != 1 || l[0].What != (access.Subject{Kind: access.LockTask, Value: "OPS-7"}) || l[0].Until.IsZero() {
		t.Errorf("locked %+v", l)
	}
}

// Where only signatures count, the page offers no passkey and shows the commands.
func TestApproveBySSH(t *testing.T) {
	h, q := furnished(t)
	v := h.access.views[q.ID]
	v.Ways = []string{"ssh"}
	h.access.views[q.ID] = v
	_, body := h.get("/requests/" + q.ID)
	if strings.Contains(body, "data-yes") || !strings.Contains(body, "<details open>") || !strings.Contains(body, "ssh-keygen -Y sign -n approval@gatehouse") || !strings.Contains(body, "ssh localhost approve "+q.ID+" --text") {
		t.Errorf("%.3000s", body)
	}
}
