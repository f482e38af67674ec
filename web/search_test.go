//go:build sqlite_fts5 || fts5

package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"gatehouse/internal/console"
	"gatehouse/internal/store"
	"gatehouse/recorder"
)

// searched records sessions and indexes them: one with a hostile line, and some more.
func (h *house) searched(more int) store.Session {
	h.t.Helper()
	started := time.Now().UTC().Add(-time.Hour)
	for i := range more {
		s, rec := h.session(store.Session{Identity: "agent:release-bot", Owner: "group:web", Target: fmt.Sprintf("web-%d", i), Login: "deploy", Command: "df -h", Started: started.Add(time.Duration(i) * time.Second)}, allow("web/allow[0]"))
		for n := range 8 {
			must(h.t, rec.Write(recorder.Output, fmt.Appendf(nil, "/dev/sda%d is full\n", n)))
		}
		s.State = store.Ended
		h.finish(s, rec)
	}
	s, rec := h.session(store.Session{Identity: "agent:triage-bot", Owner: "person:ann", Task: "T-<7>", Target: "db-1", Login: "root", Command: "cat /etc/ssh/sshd_config", PTY: true, Started: started.Add(time.Minute)}, allow("web/allow[1]"))
	must(h.t, rec.Write(recorder.Output, []byte("PermitRootLogin no\r\n<script>alert(1)</script> \u202e hostile \x1b[31mred\x1b[0m\r\n")))
	s.State = store.Ended
	s = h.finish(s, rec)
	h.indexAll()
	return s
}

func TestSearchPage(t *testing.T) {
	h := newHouse(t, 0)
	s := h.searched(0)
	status, body := h.get("/search")
	if status != http.StatusOK || !strings.Contains(body, `name="q"`) || !strings.Contains(body, `aria-current="page">Search`) {
		t.Errorf("the empty form: %d %s", status, body)
	}
	for query, wants := range map[string][]string{
		"q=sshd_config":                           {"/sessions/" + s.ID + "?t=", "cat /etc/ssh/<mark>sshd_config</mark>", "deploy@db-1|root@db-1", "allowed", "T-&lt;7&gt;"},
		"q=hostile":                               {`&lt;script&gt;alert(1)&lt;/script&gt; &lt;U&#43;202E&gt; <mark>hostile</mark> red`},
		"q=permitrootlogin&in=output&agent=bot":   {"Nothing was found"},
		"q=permitrootlogin&agent=triage-bot":      {"<mark>PermitRootLogin</mark> no"},
		"q=no&target=db-1&verdict=allow&since=2h": {"PermitRootLogin <mark>no</mark>"},
		"q=no&session=" + s.ID:                    {"In one session", "PermitRootLogin <mark>no</mark>"},
		"q=%22%3Cscript%3E%22":                    {`value="&#34;&lt;script&gt;&#34;"`, "<mark>&lt;script&gt;</mark>"},
	} {
		status, body := h.get("/search?" + query)
		for _, want := range wants {
			if status != http.StatusOK || !regexp.MustCompile(regexpOf(want)).MatchString(body) {
				t.Errorf("%s: %d, does not say %s\n%s", query, status, want, body)
			}
		}
	}
	status, body = h.get("/search?q=" + url.QueryEscape(`disk "full`))
	if status != http.StatusBadRequest || !strings.Contains(body, "at character 6: this quotation mark is not closed.") || !strings.Contains(body, `value="disk &#34;full"`) {
		t.Errorf("a query that is wrong: %d %s", status, body)
	}
	if status, _ := h.get("/search?q=no&session=ses_ZZZZZZZZZZZZZZZZZZZZZZZZZZ"); status != http.StatusNotFound {
		t.Errorf("a session that does not exist: %d", status)
	}
}

// regexpOf is a text, or one of two with a | between them.
func regexpOf(text string) string { return strings.ReplaceAll(regexp.QuoteMeta(text), `\|`, "|") }

// Each search is authorised once, under its own name and with the query as it was written; who may not look finds nothing.
func TestSearchIsAuthorised(t *testing.T) {
	h := newHouse(t, 0)
	h.searched(0)
	for _, path := range []string{"/search?q=sshd_config&agent=triage-bot", "/api/search?q=sshd_config&agent=triage-bot"} {
		h.decider.took()
		if status, _ := h.get(path); status != http.StatusOK {
			t.Errorf("%s: %d", path, status)
		}
		if got := h.decider.took(); len(got) != 1 || got[0] != (asked{console.SessionsSearch, "sshd_config agent:triage-bot", ""}) {
			t.Errorf("%s: authorised %+v", path, got)
		}
		answer, body := h.ask("GET", path, "eve-cookie", nil)
		if answer.StatusCode != http.StatusForbidden || strings.Contains(body, "/etc/ssh") {
			t.Errorf("%s without the right: %d %s", path, answer.StatusCode, body)
		}
		if answer, _ := h.ask("GET", path, "", nil); answer.StatusCode != http.StatusUnauthorized && answer.StatusCode != http.StatusSeeOther {
			t.Errorf("%s without a sign-in: %d", path, answer.StatusCode)
		}
	}
	h.decider.took()
	long := strings.Repeat("ä", 5000)
	h.get("/search?q=" + long)
	if got := h.decider.took(); len(got) != 1 || len(got[0].Object) > 1100 || !strings.HasSuffix(got[0].Object, "ä…") {
		t.Errorf("a query that is too long: %.80v", got)
	}
}

// The API has the same hits, and pages lead to the end, each session once.
func TestSearchAPI(t *testing.T) {
	h := newHouse(t, 0)
	h.searched(45)
	sessions, pages := map[string]bool{}, 0
	for next, path := "", "/api/search?q=full"; path != ""; pages++ {
		answer, body := h.ask("GET", path, "ann-cookie", nil)
		var found console.Found
		if err := json.Unmarshal([]byte(body), &found); answer.StatusCode != http.StatusOK || err != nil || pages > 3 {
			t.Fatalf("%s: %d %v %s", path, answer.StatusCode, err, body)
		}
		for _, s := range found.Sessions {
			if sessions[s.ID] || len(s.Hits) != 5 || !s.More {
				t.Errorf("%s: again, or not as many hits: %d", s.ID, len(s.Hits))
			}
			sessions[s.ID] = true
			hit := s.Hits[0]
			if hit.Text != "/dev/sda0 is full" || hit.Marks[0] != [2]int{13, 17} || hit.Link != "/sessions/"+s.ID+"?t="+strings.TrimPrefix(hit.Link, "/sessions/"+s.ID+"?t=") || hit.Command != 1 {
				t.Errorf("hit %+v", hit)
			}
		}
		if next = found.Next; next == "" {
			break
		}
		path = "/api/search?q=full&page=" + next
	}
	if len(sessions) != 45 || pages != 2 {
		t.Errorf("%d sessions on %d pages", len(sessions), pages+1)
	}
	for path, want := range map[string]string{
		"/api/search":                 "nothing to look for",
		"/api/search?q=x*":            "at character 1",
		"/api/search?q=full&page=zzz": "no page of a search",
	} {
		if answer, body := h.ask("GET", path, "ann-cookie", nil); answer.StatusCode != http.StatusBadRequest || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s", path, answer.StatusCode, body)
		}
	}
}

// A person finds a line by the keyboard alone and comes to its moment in the replay.
func TestSearchInTheBrowser(t *testing.T) {
	h := newHouse(t, 0)
	s, rec := h.session(store.Session{Identity: "agent:release-bot", Owner: "group:web", Target: "web-1", Login: "deploy", Command: "deploy app", PTY: true}, allow("web/allow[1]"))
	must(t, rec.Write(recorder.Output, []byte("first line\r\n")))
	time.Sleep(1500 * time.Millisecond) // the recorder has the only clock of a recording
	must(t, rec.Write(recorder.Output, []byte("deployment FAILED on web-1\r\n")))
	time.Sleep(500 * time.Millisecond)
	must(t, rec.Write(recorder.Output, []byte("last line\r\n")))
	s.State = store.Ended
	s = h.finish(s, rec)
	h.indexAll()
	h.decider.tokens["link-token"] = "ann"
	b := newBrowser(t)
	b.do(t, "open the link", chromedp.Navigate(h.server.URL+"/sign-in#link-token"))
	b.until(t, `location.pathname === '/' && document.querySelector('.who')?.innerText === 'ann'`)
	b.do(t, "go to the search by keyboard", chromedp.KeyEvent("g"), chromedp.KeyEvent("f"))
	b.until(t, `location.pathname === '/search' && document.activeElement.name === 'q'`)
	b.do(t, "search", chromedp.KeyEvent("deployment failed\r"))
	b.until(t, `document.querySelectorAll('.found li').length === 1 && document.querySelector('mark').innerText === 'deployment'`)
	b.do(t, "open the hit", chromedp.KeyEvent("j"), chromedp.KeyEvent("\r"))
	b.until(t, `location.pathname === '/sessions/`+s.ID+`' && location.search.startsWith('?t=1.')`)
	b.until(t, screenText+`.includes('FAILED') && !`+screenText+`.includes('last line')`)
	if c := b.complaints(); c != "" {
		t.Error(c)
	}
}
