package web

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"gatehouse/internal/store"
	"gatehouse/policy"
	"gatehouse/recorder"
)

// governedDecision is what the decider says of a line that a governed shell reads.
func governedDecision() policy.Decision {
	d := allow("web/shell")
	d.Plan = &policy.Plan{Op: policy.OpGoverned, Text: "loop"}
	return d
}

// decided is a step's decision as the door records it.
func decided(step int, d policy.Decision) any {
	return struct {
		policy.Decision
		Step int `json:"step"`
	}{d, step}
}

// prompt is a governed prompt that goes on: a line whose commands came through a shell's text, one of them denied, and a line that is refused.
func (h *house) prompt() (store.Session, *recorder.Recording) {
	h.t.Helper()
	s, rec := h.session(store.Session{Identity: "agent:release-bot", Owner: "group:web", Target: "web-1", Login: "deploy", Command: "shell", PTY: true}, governedDecision())
	denied := policy.Decision{Verdict: policy.Deny, Code: policy.CodeNotAllowed, Reason: `no rule allows the program "whoami"`, PolicyHash: "sha256:aa"}
	for _, e := range []struct {
		code recorder.Code
		v    any
	}{
		{recorder.Line, map[string]any{"line": 1, "text": "for i in 1 2; do bash -c 'ls $i; whoami'; done"}},
		{recorder.Step, map[string]any{"step": 1, "line": 1, "argv": []string{"ls", "a b"}, "chain": []string{"bash -c", "eval"}}},
		{recorder.Decision, decided(1, allow("web/allow[0]"))},
		{recorder.Step, map[string]any{"step": 2, "line": 1, "argv": []string{"whoami"}, "chain": []string{"bash -c"}}},
		{recorder.Step, map[string]any{"step": 1, "status": 2}},
		{recorder.Decision, decided(2, denied)},
		{recorder.Line, map[string]any{"line": 1, "status": 126}},
		{recorder.Line, map[string]any{"line": 2, "text": "cat <(ls)"}},
		{recorder.Line, map[string]any{"line": 2, "refused": map[string]any{"construct": "process substitution", "column": 5, "reason": "use a pipe"}}},
		{recorder.Line, map[string]any{"line": 2, "status": 2}},
	} {
		h.write(rec, e.code, e.v)
	}
	must(h.t, rec.Write(recorder.Output, []byte("deploy@web-1:~$ ")))
	return s, rec
}

// TestBrowserShowsAGovernedShell reads a live prompt's timeline as a person does: which line became which command, through which texts, decided
// how, ended how; what happens meanwhile is told, and what a process says cannot become a page.
func TestBrowserShowsAGovernedShell(t *testing.T) {
	h := newHouse(t, 0)
	s, rec := h.prompt()
	b := newBrowser(t)
	_, err := chromedp.Call(b.ctx, network.SetCookie, network.SetCookieParams{Name: "gatehouse", Value: "ann-cookie", URL: h.server.URL})
	must(t, err)
	b.do(t, "open it on a narrow screen", chromedp.EmulateViewport(390, 800), chromedp.Navigate(h.server.URL+"/sessions/"+s.ID))
	b.until(t, screenText+`.includes('deploy@web-1')`)
	b.do(t, "open it anew, now that all is on the disk", chromedp.Navigate(h.server.URL+"/sessions/"+s.ID))
	b.until(t, screenText+`.includes('deploy@web-1')`)
	b.until(t, `document.documentElement.scrollWidth <= innerWidth`)
	items, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`[...document.querySelectorAll('.timeline li')].map((li) => li.innerText.replace(/\s+/g, ' ')).join('\n')`))
	must(t, err)
	lines := strings.Split(items, "\n")
	want := [][]string{
		{"Shell", "shell", "each command and file that comes of it is decided by itself", "web/shell"},
		{"Line", "for i in 1 2; do bash -c", "exit status 126"},
		{"Allow", "ls 'a b'", "Through bash -c, then eval", "web/allow[0]", "exit status 2"},
		{"Deny", "whoami", "no rule allows the program", "Through bash -c"},
		{"Line", "cat <(ls)", "exit status 2"},
		{"Refused", "process substitution at column 5: use a pipe"},
	}
	if len(lines) != len(want) {
		t.Fatalf("the timeline is\n%s", items)
	}
	for i, words := range want {
		for _, w := range words {
			if !strings.Contains(strings.ToLower(lines[i]), strings.ToLower(w)) {
				t.Errorf("moment %d is %q, which lacks %q", i, lines[i], w)
			}
		}
	}

	const evil = `<img src=x onerror="document.title='owned'">`
	h.write(rec, recorder.Line, map[string]any{"line": 3, "text": "echo " + evil})
	h.write(rec, recorder.Step, map[string]any{"step": 3, "line": 3, "argv": []string{"tail", "-n", "5"}})
	h.write(rec, recorder.Decision, decided(3, policy.Decision{Verdict: policy.Ask, Rules: []string{"web/ask[0]"}, Reason: "people must approve it"}))
	b.until(t, `document.querySelectorAll('.timeline li.new').length === 3`)
	b.until(t, `document.querySelector('.timeline li.new.line code').textContent === 'echo `+strings.ReplaceAll(evil, "'", `\'`)+`'`)
	b.until(t, `document.querySelector('.timeline li.new.ask').innerText.includes('people must approve it')`)
	b.until(t, `document.title !== 'owned' && document.querySelector('.timeline img') === null`)
	if said := b.complaints(); said != "" {
		t.Errorf("the browser complains:\n%s", said)
	}
}
